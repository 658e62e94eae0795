// @ts-check
/**
 * What the lecture computes: a fair race, and the answers to its questions (page/lecture/fair.py and
 * check.py).
 *
 * @import { App } from "./app.js"
 * @import { Work } from "./section.js"
 * @import { Step } from "../engine/protocol.js"
 */
import { part, rgb } from "./arrays.js";
import * as checking from "./data/lecture.js";
import * as data from "./data/samplers.js";
import { dataUrl, stack } from "./images.js";
import { RecipeError } from "./recipe.js";
import { RunRecord, records } from "./record.js";
import { counted } from "./shared.js";

const FRAME = 100; // ms between frames

/** Three samplers from one noise, each with as many network calls. @param {App} app @param {Work} work @param {(value: any) => void} show */
export async function raced({ about, panel }, work, show) {
  const { raced: names, calls } = about.page.lecture, recipe = about.check(panel.recipe());
  const lanes = names.map((/** @type {string} */ sampler) => about.check({ ...recipe, sampler, eta: 0, steps: about.stepsWithin(sampler, calls) }));
  const labels = lanes.map((/** @type {typeof recipe} */ { sampler, steps }) => `${about.samplers[sampler].label}, ${counted(steps, "step")}`);
  work.say("Getting ready …");
  const session = await work.session(recipe.model), begun = performance.now(), total = lanes.reduce((/** @type {number} */ sum, /** @type {typeof recipe} */ lane) => sum + about.calls(lane), 0);
  const latest = /** @type {Step[]} */ ([]), ended = /** @type {any[]} */ ([]);
  let shown = 0, done = 0;
  for await (const event of work.submit(session, lanes)) {
    const spent = (performance.now() - begun) / 1000;
    if (event.kind === "failure") throw new Error(`${labels[event.cell]} failed: ${event.reason}`);
    if (event.kind === "picture") ended[event.cell] = data.lane(labels[event.cell], event.calls, event.calls, spent, null, await dataUrl(event.image));
    if (event.kind !== "step") continue;
    latest[event.cell] = event;
    done += 1;
    if (performance.now() - shown < FRAME || Object.keys(latest).length < lanes.length) continue;
    shown = performance.now();
    const found = latest.map((step, i) => ended[i] ?? data.lane(labels[i], step.index + 1, step.count, spent, step.previews.guided));
    if (work.newest()) show(data.lanes(found, "Racing …", Math.min(done / total, 0.99)));
  }
  if (!work.newest() || Object.keys(ended).length < lanes.length) return;
  show(data.lanes(ended, `${about.whose(recipe)}, w = ${about.called("guidance", recipe.guidance)}: from one noise, ${calls} network calls each where a sampler's steps allow it. ${about.model(recipe.model).whyNot.exact || "How far each is from the exact solution, the lab measures."}`));
}

/** The questions' answers, measured on the visitor's words and seed. @param {App} app @param {Work} work @param {(value: any) => void} show */
export async function compared({ about, panel }, work, show) {
  const long = about.check(checking.recipeOf(about, panel.recipe())), [, steps] = about.page.lecture.steps, pair = [long, { ...long, steps }];
  work.say("Getting ready …");
  const session = await work.session(long.model), begun = performance.now(), drawn = /** @type {RunRecord[]} */ ([]);
  if (!(await session.describe(long.prompt)).words.length) throw new RecipeError(checking.WORDLESS);
  let done = 0, shown = 0;
  for await (const event of records(session, work.submit(session, pair, { record: true }))) {
    if (event instanceof RunRecord) drawn[event.picture.cell] = event;
    else if (event.kind === "failure") throw new Error(`This could not be measured: ${event.reason}`);
    else if (event.kind === "step") done += 1;
    if (performance.now() - shown < FRAME) continue;
    shown = performance.now();
    work.say("Measuring …", Math.min(done / (long.steps + steps), 0.99));
  }
  if (!work.newest() || Object.keys(drawn).length < pair.length) return;
  const halfway = rgb(part(await session.decode(stack([drawn[0].steps[steps].latents])), 0)), spent = (performance.now() - begun) / 1000;
  if (!work.newest()) return;
  show({
    kind: "answers", answers: checking.answers(about, drawn[0], drawn[1], halfway),
    text: `Measured in ${spent.toFixed(1)} s on “${long.prompt}”, seed ${long.seed}.`,
  });
}
