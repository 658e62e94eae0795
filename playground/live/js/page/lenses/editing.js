// @ts-check
/**
 * Prompt-to-Prompt on a picture that was looked at: it, its edit, and the edited words alone
 * (page/attention/runs.py: edit).
 *
 * @import { App } from "../app.js"
 * @import { Edit, Step } from "../../engine/protocol.js"
 * @import { Work } from "../section.js"
 */
import * as data from "../data/edits.js";
import { RecipeError } from "../recipe.js";
import { RunRecord, records } from "../record.js";
import { Section } from "../section.js";

const FRAME = 80; // ms

/** The section behind the form. @param {App} app @param {(value: any) => void} show */
export function editing(app, show) {
  const section = new Section(app, "edit", "", show, data);
  return {
    section,
    /** What the form asks for. @param {Edit & { link: string }} asked */
    edit: (asked) => void section.begin((work) => edited(app, work, asked, show)),
  };
}

/** @param {App} app @param {Work} work @param {Edit & { link: string }} asked @param {(value: any) => void} show */
async function edited(app, work, { link, ...edit }, show) {
  const { about, models } = app, source = about.check(about.recipes.fromQuery(link)), why = about.model(source.model).whyNot.edits;
  if (why) throw new RecipeError(why);
  const session = await work.session(source.model), plan = await session.plan(source, edit, (progress) => work.say(models.sentence(progress)));
  const latest = /** @type {Step[]} */ ([]), drawn = /** @type {RunRecord[]} */ ([]), started = performance.now();
  let shown = 0;
  for await (const event of records(session, work.submit(session, [source], { record: true, edit }))) {
    const now = performance.now();
    if (!work.newest()) return;
    if (event instanceof RunRecord) drawn[event.picture.cell] = event;
    else if (event.kind === "failure") throw new RecipeError(`This edit failed: ${event.reason}`);
    else if (event.kind === "step") {
      latest[event.cell] = event;
      if (event.cell !== 1 || now - shown < FRAME) continue;
      shown = now;
      show(data.sampling(latest, (((now - started) / (event.index + 1)) * (event.count - event.index - 1)) / 1000));
    }
  }
  if (!work.newest() || Object.keys(drawn).length < 2) return;
  const value = await data.edited(drawn, plan.touched, (performance.now() - started) / 1000, about);
  if (!work.newest()) return;
  show(value);
  const happened = await judged(app, drawn); // the first time the oracle is fetched
  if (work.newest()) show({ ...value, happened });
}

/** What the oracle says of each picture by the edit's words, or why it cannot be asked. @param {App} app @param {RunRecord[]} drawn */
async function judged(app, drawn) {
  const { recipe } = drawn[1], why = app.about.model(recipe.model).whyNot.oracle;
  if (why) return data.judged(drawn, [], why);
  try {
    const found = await Promise.all(drawn.map(({ picture }) => app.models.engine?.ask({ ask: "judge", recipe, image: picture.image })));
    return data.judged(drawn, found, "");
  } catch (error) {
    return data.judged(drawn, [], app.sentence(error));
  }
}
