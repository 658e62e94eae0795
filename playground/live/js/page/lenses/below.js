// @ts-check
/**
 * The Samplers lens below the race: measured errors, the mixture, step counts, schedules, noising and
 * the thousand steps (page/samplers/below.py).
 *
 * @import { NdArray, Picture, Step } from "../../engine/protocol.js"
 * @import { Session } from "../../engine/session.js"
 * @import { App } from "../app.js"
 * @import { Work } from "../section.js"
 */
import * as data from "../data/samplers.js";
import { elsewhere, make, prose } from "../dom.js";
import { dataUrl, dataUrls, stack } from "../images.js";
import { opened } from "../pictures.js";
import { RecipeError } from "../recipe.js";
import { Section, reason } from "../section.js";
import { surprise } from "../surprise.js";
import { mount, shown } from "../views.js";
import * as errors from "./errors.js";

const FRAME = 100, SLOW = 400; // ms between frames
const DRAWN = 0.5; // of the work of noising is drawing
const TOGETHER = 7; // decoded at a time, so that Stop is soon heard
const FIXED = { "errors-measured": "errors", "stochastic-curves": "curves", "errors-stochastic": "tradeoff", mixture: "mixture" }; // by element, its view
const RUNS = /** @type {[string, number][]} */ ([["ddim", 50], ["ddpm", 1000]]);

/** @param {App} app @param {HTMLElement} box */
export async function build(app, box) {
  const { texts } = app.about.page.samplers, place = (/** @type {string} */ id) => make("div", { id, class: "block" });
  const fixed = Object.fromEntries([...Object.keys(FIXED), "schedules"].map((id) => [id, place(id)]));
  const why = reason("lecture");
  const counting = await section(app, "counting", "Compare", (work, show) => compare(app, work, show));
  const noising = await noisingSection(app);
  const lecture = await section(app, "lecture", "Run both", (work, show) => thousand(app, work, show));
  const stochastic = make("details", { class: "block" }, make("summary", {}, texts.stochastic), fixed["stochastic-curves"], fixed["errors-stochastic"]);
  box.append(
    ...(await errors.build(app)), prose(texts.measured), fixed["errors-measured"], elsewhere(app.about, "figures"), ...surprise(app, "first order"), stochastic, prose(texts.plane), fixed.mixture,
    prose(texts.counting), ...counting, prose(texts.grids), fixed.schedules, prose(texts.noising), ...noising, prose(texts.lecture), why.element, ...lecture,
  );
  await Promise.all(Object.entries(FIXED).map(async ([id, view]) => mount(view, fixed[id], await shown(id))));
  const grids = await mount("schedules", fixed.schedules, await shown(`schedules-${app.panel.model}`));
  app.onModel(async (model) => {
    why.fit(model);
    grids.show(await shown(`schedules-${model.name}`));
  });
}

/** A view with its Start and Stop. @param {App} app @param {string} id @param {string} label @param {(work: Work, show: (value: any) => void) => Promise<void>} work */
async function section(app, id, label, work) {
  const place = make("div", { id, class: "block" }), view = await mount(id, place);
  const one = new Section(app, id, label, view.show, { message: data.message, stopped: data.stopped });
  one.work = (given) => work(given, view.show);
  return [one.buttons, place];
}

/** The same with a button that opens a file instead. @param {App} app */
async function noisingSection(app) {
  const place = make("div", { id: "noising", class: "block" }), view = await mount("noising", place);
  const one = new Section(app, "noising", "Noise my picture", view.show, { message: data.message, stopped: data.stopped });
  one.work = (work) => noise(app, work, view.show);
  const file = make("input", { type: "file", accept: "image/png,image/jpeg,image/webp", id: "noising-file", class: "hidden-file" });
  file.onchange = () => {
    const [chosen] = file.files ?? [];
    if (chosen) void one.begin((work) => noiseFile(app, work, view.show, chosen));
    file.value = ""; // the same file may be opened again
  };
  one.buttons.children[0].after(file, make("label", { for: file.id, class: "button start" }, "Noise an upload"));
  return [one.buttons, place];
}

/** Step k of n beside finished runs of k steps (page/samplers/counting.py). @param {App} app @param {Work} work @param {(value: any) => void} show */
async function compare({ about, panel }, work, show) {
  const recipe = about.check(panel.recipe()), started = performance.now();
  if (recipe.steps < 2) throw new RecipeError("One step has nothing to be compared with: set 2 steps or more.");
  const counts = data.numbers(recipe.steps), total = counts.reduce((a, b) => a + b, 0), recipes = counts.map((steps) => ({ ...recipe, steps }));
  work.say(`Getting ready … ${counts.length} runs, ${total} steps.`);
  const session = await work.session(recipe.model), steps = /** @type {Step[]} */ ([]), pictures = /** @type {Picture[]} */ ([]);
  let done = 0, last = 0;
  for await (const event of work.submit(session, recipes)) {
    if (event.kind === "failure") throw new Error(`One of the runs failed: ${event.reason}`);
    if (event.kind === "picture") pictures[event.cell] = event;
    if (event.kind !== "step") continue;
    done += 1;
    if (event.cell === recipes.length - 1) steps.push(event);
    if (performance.now() - last > FRAME) work.say(`Drawing ${recipes.length} runs …`, Math.min(done / total, 0.99));
    else continue;
    last = performance.now();
  }
  if (!work.newest()) return;
  const parts = data.halfway(counts, steps, pictures[recipes.length - 1]);
  const [stopped, clean, full] = await Promise.all([
    session.decode(stack(parts.map(({ state }) => state))).then(dataUrls), session.decode(stack(parts.map((part) => part.clean))).then(dataUrls),
    Promise.all(pictures.map(({ image }) => dataUrl(image))),
  ]);
  const columns = counts.map((n, i) => ({ steps: n, stopped: stopped[i], clean: clean[i], full: full[i] }));
  if (work.newest()) show(data.counted(columns, `${about.whose(recipes[0])}: ${recipes.length} runs from one noise in ${((performance.now() - started) / 1000).toFixed(1)} s.`));
}

/** The recipe's picture, noised to any timestep (page/samplers/noising.py). @param {App} app @param {Work} work @param {(value: any) => void} show */
export async function noise({ about, panel }, work, show) {
  const recipe = about.check(panel.recipe()), session = await work.session(recipe.model);
  let picture = /** @type {Picture | null} */ (null), last = 0;
  for await (const event of work.submit(session, [recipe])) {
    if (event.kind === "failure") throw new Error(`This picture failed: ${event.reason}`);
    if (event.kind === "picture") picture = event;
    if (event.kind !== "step" || performance.now() - last < FRAME) continue;
    work.say("Drawing your recipe's picture …", (DRAWN * (event.index + 1)) / event.count);
    last = performance.now();
  }
  if (!picture || !work.newest()) return;
  const start = await session.noise(recipe.seed, recipe.height, recipe.width);
  await noised(work, show, session, picture.latents, start, `“${recipe.prompt || "no words"}”, seed ${recipe.seed}.`, DRAWN);
}

/** An upload, its middle square made as large as the panel's model was trained for. @param {App} app @param {Work} work @param {(value: any) => void} show @param {File} file */
async function noiseFile({ about, models, panel }, work, show, file) {
  const { side } = about.model(panel.model), session = await work.session(panel.model);
  work.say("Encoding your picture …");
  const image = await opened(file, side, about.page.attention.limits), latents = await session.encode(image, (progress) => work.say(models.sentence(progress)));
  if (!work.newest()) return;
  const said = `Your picture's middle, made ${side}×${side}. The autoencoder knows its own small world.`;
  await noised(work, show, session, latents, await session.noise(0, side, side), said, 0);
}

/** Decodes noised latents a few at a time, from `share` of the work on. @param {Work} work @param {(value: any) => void} show @param {Session} session @param {NdArray} latents @param {NdArray} start @param {string} text @param {number} share */
async function noised(work, show, session, latents, start, text, share) {
  const levels = data.trainingLevels(session.facts), chosen = levels.filter((_, i) => i % data.EVERY === 0), decoded = [];
  for (let first = 0; first < chosen.length; first += TOGETHER) {
    work.say("Decoding noised latents …", share + ((1 - share) * first) / chosen.length);
    const part = chosen.slice(first, first + TOGETHER);
    const images = await dataUrls(await session.decode(stack(part.map((level) => data.mixed(level, latents, start)))));
    if (!work.newest()) return;
    decoded.push(...part.map(({ t }, i) => ({ t, image: images[i] })));
  }
  show(data.noised(latents, start, session.facts.preview_map, levels, decoded, text));
}

/** DDPM's thousand steps against DDIM's fifty, one after the other (page/samplers/lecture.py). @param {App} app @param {Work} work @param {(value: any) => void} show */
export async function thousand({ about, panel }, work, show) {
  const recipe = { ...about.check(panel.recipe()), eta: 0 }, why = about.model(recipe.model).whyNot.lecture, ended = [];
  if (why) throw new RecipeError(why);
  const session = await work.session(recipe.model), total = RUNS.reduce((sum, [, steps]) => sum + steps, 0);
  for (const [sampler, steps] of RUNS) {
    const label = `${about.samplers[sampler].label}, ${steps} steps`, before = ended.reduce((sum, lane) => sum + lane.count, 0), begun = performance.now();
    let spent = 0, last = 0;
    for await (const event of work.submit(session, [{ recipe: { ...recipe, sampler }, steps }])) {
      if (event.kind === "failure") throw new Error(`${label} failed: ${event.reason}`);
      if (event.kind === "picture") ended.push(data.lane(label, event.calls, event.calls, spent, null, await dataUrl(event.image)));
      if (event.kind !== "step") continue;
      const done = event.index + 1;
      spent = (performance.now() - begun) / 1000;
      if (performance.now() - last < SLOW) continue;
      last = performance.now();
      const left = (spent / done) * (total - before - done), lanes = [...ended, data.lane(label, done, event.count, spent, event.previews.guided)];
      if (work.newest()) show(data.lanes(lanes, `${label}: about ${left.toFixed(0)} s left.`, (before + done) / total));
    }
    if (!work.newest() || ended.length === 0) return;
  }
  const [few, many] = ended;
  const text = `${about.whose(recipe)}. In this browser, as busy as it was: ${few.seconds.toFixed(1)} s against ${many.seconds.toFixed(1)} s, ${(many.seconds / few.seconds).toFixed(0)} times as long for ${Math.floor(many.count / few.count)} times the network calls.`;
  show(data.lanes(ended, text));
}
