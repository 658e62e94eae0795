// @ts-check
/**
 * The Attention lens: every head of a run; what stands here at first is an example
 * (page/attention/lens.py). Worked positions and edits need Python.
 *
 * @import { App } from "../app.js"
 * @import { Work } from "../section.js"
 */
import * as data from "../data/attention.js";
import { make, prose } from "../dom.js";
import { RunRecord, records } from "../record.js";
import { Section } from "../section.js";
import { mount, shown } from "../views.js";
import { elsewhere } from "./guidance.js";
import * as reading from "./reading.js";

const FRAME = 80; // ms

/** @param {App} app @param {HTMLElement} box */
export async function build(app, box) {
  const texts = app.about.page.attention, place = (/** @type {string} */ id) => make("div", { id, class: "block" });
  const [whole, worked] = ["attention", "worked"].map(place), values = await Promise.all(["attention", "worked"].map(shown));
  const only = (/** @type {string} */ what) => worked_.show({ kind: "message", text: `${what} needs Python; what stands here is the example’s. The playground on a machine of your own has it.`, error: false });
  const files = make("div", { id: "saved" }), saved = await mount("saved", files);
  const view = await mount("attention", whole, values[0], {
    place: () => only("Working out another position"),
    keep: () => saved.show({ text: "Keeping these numbers as files needs the playground on a machine of your own." }),
  });
  const section = new Section(app, "look", texts.button, view.show, { message: data.message, stopped: data.stopped });
  section.buttons.children[0].id = "look-closer"; // as on the served page
  section.work = (work) => look(app, work, view.show);
  box.append(prose(texts.intro), section.buttons, prose(texts.cost), whole, files, prose(texts.worked), worked, prose(texts.edits), elsewhere(), prose(texts.reading), ...(await reading.build(app)));
  const worked_ = await mount("worked", worked, values[1]);
}

/** Draw the recipe with every head recorded. @param {App} app @param {Work} work @param {(value: any) => void} show */
async function look({ about, panel }, work, show) {
  const recipe = about.check(panel.recipe()), session = await work.session(recipe.model), started = performance.now();
  let last = 0;
  for await (const event of records(session, work.submit(session, [recipe], { record: true, heads: true }))) {
    if (!work.newest()) return;
    const now = performance.now();
    if (event instanceof RunRecord) return show(await data.laboratory(event, (now - started) / 1000, about));
    if (event.kind === "failure") throw new Error(`This picture failed: ${event.reason}`);
    if (event.kind !== "step" || now - last < FRAME) continue;
    const done = event.index + 1, left = (((now - started) / done) * (event.count - done)) / 1000;
    work.say(`Recording call ${done} of ${event.count}, about ${left.toFixed(1)} s left`, done / event.count);
    last = now;
  }
}
