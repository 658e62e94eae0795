// @ts-check
/**
 * Sweeps: one field of a recipe takes several values, drawn together from the same noise
 * (page/guidance/sweeping.py).
 *
 * @import { Recipe } from "../engine/protocol.js"
 * @import { App } from "./app.js"
 * @import { Work } from "./section.js"
 * @import { Drawn } from "./together.js"
 */
import * as data from "./data/guidance.js";
import * as listed from "./listed.js";
import { RecipeError, short } from "./recipe.js";
import { RunRecord } from "./record.js";
import { Section } from "./section.js";
import { counted } from "./shared.js";
import { Together, follow } from "./together.js";

/** One recipe per value; RecipeError in words that fit the page (page/guidance/sweeping.py: plan). @param {App} app @param {Recipe} recipe @param {string} axis @param {string} text */
export function plan({ about }, recipe, axis, text) {
  const { axes, most } = about.page.guidance, table = about.tables[axis];
  const values = /** @type {any[]} */ (table ? listed.names(text) : listed.numbers(text));
  const unknown = table && values.find((value) => !Object.hasOwn(table, value));
  if (unknown) throw new RecipeError(`“${unknown.slice(0, 20)}” is not one of: ${Object.keys(table).join(", ")}.`);
  if (!values.length) throw new RecipeError(`The list of values is empty; try ${axes[axis]}.`);
  if (values.length > most) throw new RecipeError(`${values.length} values are too many: a sweep has at most ${most}.`);
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) throw new RecipeError(`The list has ${table ? twice : short(twice)} twice.`);
  return values.map((value) => about.check(about.recipes.of({ ...recipe, [axis]: value })));
}

/** The strip over w while one types: the newest recipe follows what is being drawn, which is not given up but by `stop` (sweeping.py: at_once). @param {App} app @param {(value: any) => void} show */
export function follower(app, show) {
  const section = new Section(app, "live-strip", "", show, data);
  const slow = () => app.about.model(app.panel.model).guidance.branches; // two rows a call are too many for it
  let busy = false, again = false;
  section.work = (work) => swept(app, work, "guidance", app.about.page.guidance.live, show, false);
  return {
    async follow() {
      again = true;
      if (busy) return;
      busy = true;
      while (again && !slow()) { // another model may be chosen meanwhile
        again = false;
        await section.start();
      }
      busy = false;
    },
    stop() {
      again = false;
      if (busy) section.stop();
    },
  };
}

/** Draw the sweep, frame by frame or, without `previews`, shown once it is finished. @param {App} app @param {Work} work @param {string} axis @param {string} text @param {(value: any) => void} show */
export async function swept(app, work, axis, text, show, previews = true) {
  const { about } = app, recipe = app.panel.recipe(), recipes = plan(app, recipe, axis, text), model = about.model(recipe.model);
  if (model.unused.includes(axis)) throw new RecipeError(`A sweep of this would draw equal pictures. ${model.whyUnused}`);
  const times = recipes.reduce((sum, each) => sum + about.rows(each), 0) / about.rows(recipe);
  if (previews) work.say(`Getting ready … ${recipes.length} pictures, ${times.toFixed(1)} times the work of drawing one.`);
  const session = await work.session(recipe.model);
  if (!work.newest()) return;
  const run = work.submit(session, recipes, { record: true }), name = crypto.randomUUID?.() ?? String(Math.random()), ended = new Map();
  for await (const state of follow(session, run, new Together(about, recipes))) {
    if (!previews && state.share < 1) continue;
    const frames = await Promise.all(state.cells.filter((cell) => cell.end || cell.steps.length).map((cell) => frame(app, cell, axis, ended)));
    if (!work.newest()) return;
    show(data.stripOf(about, recipe, axis, frames, { text: said(state), share: state.share, run: name }));
  }
}

/** A picture of the strip; finished ones are made once. @param {App} app @param {Drawn} cell @param {string} axis @param {Map<Drawn, any>} ended */
async function frame({ about }, cell, axis, ended) {
  const place = data.place(about, axis, /** @type {any} */ (cell.recipe)[axis]), { end } = cell;
  if (!end) return data.sampling(place, cell.steps[cell.steps.length - 1]);
  if (!ended.has(cell)) {
    ended.set(cell, end instanceof RunRecord ? await data.finishedFrame(end, axis, about) : data.failed(place, "reason" in end ? end.reason : "cancelled"));
  }
  return ended.get(cell);
}

/** @param {Together} state */
function said(state) {
  const number = state.cells.length;
  if (state.share < 1) return `Drawing ${number} pictures from one noise, about ${state.left.toFixed(0)} s left.`;
  const asked = state.pictures.reduce((sum, { rows }) => sum + rows, 0), shared = state.pictures.reduce((sum, picture) => sum + picture.shared, 0);
  const rest = shared ? `; the other ${shared} of ${asked} were equal to rows of another picture.` : ".";
  return `${counted(number, "picture")} in ${state.spent.toFixed(1)} s. ${counted(asked - shared, "row")} computed${rest}`;
}
