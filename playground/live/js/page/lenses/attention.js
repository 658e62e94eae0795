// @ts-check
/**
 * The Attention lens: every head of a run, a worked position, prompts edited by attention; what stands
 * here at first is an example (page/attention/lens.py).
 *
 * @import { App } from "../app.js"
 * @import { Work } from "../section.js"
 */
import * as data from "../data/attention.js";
import * as edits from "../data/edits.js";
import * as working from "../data/worked.js";
import { make, prose, tabled } from "../dom.js";
import { RunRecord, records } from "../record.js";
import { Section, reason } from "../section.js";
import { mount, shown } from "../views.js";
import { editing } from "./editing.js";
import { Placing, whyNot } from "./placing.js";
import * as reading from "./reading.js";

const FRAME = 80; // ms

const BEGINS = ["attention", "worked", "edits"]; // views that a closer look fills again

/** @param {App} app @param {HTMLElement} box */
export async function build(app, box) {
  const texts = app.about.page.attention, places = Object.fromEntries(BEGINS.map((id) => [id, make("div", { id, class: "block" })]));
  const examples = await Promise.all(BEGINS.map(shown)), whys = ["worked", "edits"].map((part) => reason(part));
  const files = make("div", { id: "saved" }), saved = await mount("saved", files);
  const view = await mount("attention", places.attention, examples[0], {
    place: (/** @type {any} */ asked) => void placing.place(asked),
    keep: () => saved.show({ text: app.about.page.elsewhere.numbers }),
  });
  const worked = await mount("worked", places.worked, examples[1]), placing = new Placing(app, worked.show);
  const edit = await mount("edits", places.edits, examples[2], { edit: (/** @type {any} */ asked) => changing.edit(asked) }), changing = editing(app, edit.show);
  const section = new Section(app, "look", texts.button, view.show, { message: data.message, stopped: data.stopped });
  section.buttons.children[0].id = "look-closer"; // as on the served page
  section.buttons.children[1].addEventListener("click", () => changing.section.stop());
  section.work = async (work) => {
    const run = await look(app, work, view.show);
    if (!run) return;
    const { recipe, prompt, steps } = run, link = app.about.recipes.toQuery(recipe), { edits: refused } = app.about.model(recipe.model).whyNot, why = whyNot(app, recipe);
    edit.show(refused ? { ...edits.message(refused), kind: "unfit" } : edits.ready(recipe.prompt, prompt.words, link));
    if (why) worked.show({ ...working.message(why), kind: "unfit" });
    else await placing.begin({ link, steps });
  };
  const shares = make("details", { class: "block" }, make("summary", {}, texts.shares), tabled(texts.table));
  box.append(
    prose(texts.intro), section.buttons, prose(texts.cost), places.attention, files, prose(texts.worked), whys[0].element, places.worked,
    prose(texts.edits), shares, whys[1].element, places.edits, prose(texts.reading), ...(await reading.build(app)),
  );
  app.onModel((model) => whys.forEach((why) => why.fit(model)));
}

/** Draw the recipe with every head recorded; nothing if something newer is asked. @param {App} app @param {Work} work @param {(value: any) => void} show */
async function look({ about, panel }, work, show) {
  const recipe = about.check(panel.recipe()), session = await work.session(recipe.model), started = performance.now();
  let last = 0;
  for await (const event of records(session, work.submit(session, [recipe], { record: true, heads: true }))) {
    if (!work.newest()) return null;
    const now = performance.now();
    if (event instanceof RunRecord) {
      show(await data.laboratory(event, (now - started) / 1000, about));
      return event;
    }
    if (event.kind === "failure") throw new Error(`This picture failed: ${event.reason}`);
    if (event.kind !== "step" || now - last < FRAME) continue;
    const done = event.index + 1, left = (((now - started) / done) * (event.count - done)) / 1000;
    work.say(`Recording call ${done} of ${event.count}, about ${left.toFixed(1)} s left`, done / event.count);
    last = now;
  }
  return null;
}
