// @ts-check
/**
 * The table over w of the visitor's own prompt, and its charts: page/guidance/own.py with
 * shared/tradeoff and shared/curves.
 *
 * @import { Measures, Recipe } from "../../engine/protocol.js"
 * @import { App } from "../app.js"
 * @import { About } from "../about.js"
 */
import { RecipeError, short } from "../recipe.js";
import { counted } from "../shared.js";
import { plan as swept } from "../sweeping.js";

/** A w, and what was measured there. @typedef {{ guidance: number, found: Measures }} Row */

export const message = (/** @type {string} */ text, error = false) => ({ text, error, run: null, folded: true });
export const stopped = () => ({ ...message("Stopped. The rows that were finished stay."), stopped: true });

/** The recipes of the pictures of each w; RecipeError with a plain sentence. @param {App} app @param {Recipe} recipe @param {string} text */
export function plan(app, recipe, text) {
  const { about } = app, why = about.model(recipe.model).whyNot.oracle;
  if (why) throw new RecipeError(why);
  return swept(app, recipe, "guidance", text).map((each) => seeds(about, recipe).map((seed) => ({ ...each, seed })));
}

/** The recipe's and the next ones; after the last that there is comes 0. @param {About} about @param {Recipe} recipe */
function seeds({ page: { guidance: { own } } }, { seed }) {
  return Array.from({ length: own.seeds }, (_, i) => (seed + i) % (own.last + 1));
}

/** What measuring would take, in one sentence. @param {App} app @param {Recipe} recipe @param {string} text */
export function cost(app, recipe, text) {
  const { about } = app, rows = plan(app, recipe, text), count = about.page.guidance.own.seeds;
  const times = (count * rows.reduce((sum, [first]) => sum + about.rows(first), 0)) / about.rows(recipe);
  return `${counted(rows.length, "value")} × ${count} seeds = ${rows.length * count} pictures, ${times.toFixed(0)} times the work of drawing the recipe's picture.`;
}

/** The table's data; `run` names the measurement that is filling it. @param {About} about @param {Recipe} recipe @param {Row[]} rows @param {string} text @param {string | null} run */
export function table(about, recipe, rows, text, run) {
  const { columns } = about.page.guidance.own;
  const shown = rows.map(({ guidance, found }) => ({ name: short(guidance), values: columns.map((/** @type {{ key: keyof Measures }} */ { key }) => found[key]) }));
  return { run, heading: "w", caption: caption(about, recipe), columns, rows: shown, text, folded: true };
}

/** What the rows are measured on. @param {About} about @param {Recipe} recipe */
function caption(about, recipe) {
  const all = seeds(about, recipe), first = all[0], last = all[all.length - 1], { own } = about.page.guidance;
  return `“${recipe.prompt}”, seeds ${first} to ${last}${last < first ? ` (after ${own.last} comes 0)` : ""}, ${all.length} a row`;
}

/** The rows as charts. @param {About} about @param {Recipe} recipe @param {Row[]} rows */
export function charts(about, recipe, rows) {
  const { columns, seeds: count, shares } = about.page.guidance.own;
  const value = (/** @type {string} */ key, /** @type {number} */ found) => {
    const [low, high] = shares.includes(key) ? wilson(found, count) : [null, null];
    return { value: found, low, high };
  };
  const points = rows.map(({ guidance, found }) => ({ name: short(guidance), at: guidance, values: Object.fromEntries(Object.entries(found).map(([key, one]) => [key, value(key, one)])) }));
  return { panels: [{ label: about.label("guidance"), points, usual: "" }], measures: columns, text: caption(about, recipe), name: "latent-playground-own-w", figures: false };
}

/** The 95 % interval of a share of `count` trials (wording.py: wilson). @param {number} share @param {number} count */
function wilson(share, count) {
  const z = 1.96, shrink = 1 + (z * z) / count, middle = (share + (z * z) / (2 * count)) / shrink;
  const half = (z * Math.sqrt((share * (1 - share)) / count + (z / (2 * count)) ** 2)) / shrink;
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
