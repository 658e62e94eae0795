// @ts-check
/**
 * The cells of a grid over two fields, what they will cost, and what its view shows: page/grid/plan.py,
 * drawing.py, files.py and view.
 *
 * @import { Recipe } from "../../engine/protocol.js"
 * @import { About } from "../about.js"
 * @import { App } from "../app.js"
 * @import { Moment } from "../racing.js"
 * @import { Value } from "./axes.js"
 */
import { raster } from "../arrays.js";
import { sentence } from "../pricing.js";
import { RecipeError, short } from "../recipe.js";
import { RunRecord } from "../record.js";
import { counted } from "../shared.js";
import { sheetPng } from "../sheet.js";
import { switched, told } from "../switching.js";
import { axesOf, values } from "./axes.js";

/** What a grid is asked for: a recipe by its link, two fields, and their lists as typed. @typedef {{ link: string, across: string, columns: string, down: string, rows: string }} Ask */
/** A cell that cannot be drawn, and why. @typedef {{ reason: string }} Refused */
/** The cells row by row; `notes` say what other models change of the recipe; `recipes` are each once. @typedef {{ ask: Ask, recipe: Recipe, columns: Value[], rows: Value[], cells: (Recipe | Refused)[][], notes: string[], recipes: Recipe[] }} Plan */

export const message = (/** @type {string} */ text, error = false) => ({ kind: "message", text, error });
export const stopped = () => ({ ...message("Stopped; what is finished stays."), stopped: true });

/** RecipeError, in words that fit the page, if nothing of it can be drawn. @param {About} about @param {Ask} ask @returns {Plan} */
export function plan(about, ask) {
  const { none, most, calls: limit } = about.page.grid, recipe = about.recipes.fromQuery(ask.link);
  checkFields(about, recipe, ask);
  const columns = values(about, recipe, ask.across, ask.columns), rows = ask.down === none ? [{ label: "", change: {} }] : values(about, recipe, ask.down, ask.rows);
  const count = rows.length * columns.length;
  if (count > most) throw new RecipeError(`${columns.length} × ${rows.length} = ${count} pictures are too many: a grid has at most ${most}.`);
  const cells = rows.map((down) => columns.map((across) => cell(about, recipe, { ...down.change, ...across.change })));
  const links = new Map(cells.flat().flatMap((one) => ("reason" in one ? [] : [[about.recipes.toQuery(one), one]]))), recipes = [...links.values()];
  if (!recipes.length) throw new RecipeError(refused(cells)[0].reason);
  const calls = recipes.reduce((sum, one) => sum + about.calls(one), 0);
  if (calls > limit) {
    throw new RecipeError(`These pictures make ${calls.toLocaleString("en")} network calls; a grid has at most ${limit.toLocaleString("en")}: take fewer values or steps.`);
  }
  return { ask, recipe, columns, rows, cells, notes: notes(about, recipe, ask, [...columns, ...rows]), recipes };
}

/** @param {(Recipe | Refused)[][]} cells */
const refused = (cells) => cells.flat().flatMap((one) => ("reason" in one ? [one] : []));

/** @param {About} about @param {Recipe} recipe @param {Ask} ask */
function checkFields(about, recipe, { across, down }) {
  const model = about.model(recipe.model), equal = [across, down].some((field) => model.unused.includes(field));
  if (equal && across !== "model" && down !== "model") throw new RecipeError(`Along this axis all pictures would be equal. ${model.whyUnused}`);
  if (across === down) throw new RecipeError("Columns and rows are two different fields.");
}

/** Another model comes first, with what it cannot do like the recipe's. @param {About} about @param {Recipe} recipe @param {Partial<Recipe>} change */
function made(about, recipe, change) {
  const [other] = change.model && change.model !== recipe.model ? switched(about, recipe, recipe.model, change.model) : [recipe];
  return about.recipes.of({ ...other, ...change });
}

/** @param {About} about @param {Recipe} recipe @param {Partial<Recipe>} change @returns {Recipe | Refused} */
function cell(about, recipe, change) {
  try {
    const found = made(about, recipe, change), model = about.model(found.model), { multiple } = model;
    for (const [name, value] of Object.entries(change)) {
      if (model.unused.includes(name) && value !== about.recipes.fields[name].default) return { reason: `${about.label(name)} changes nothing of this model’s pictures.` };
    }
    if (found.width % multiple || found.height % multiple) return { reason: `${model.label} draws sides that are multiples of ${multiple}.` };
    return about.check(found);
  } catch (error) {
    if (!(error instanceof RecipeError)) throw error;
    return { reason: error.message };
  }
}

/** What another model changes of the recipe, besides what stands along the axes. @param {About} about @param {Recipe} recipe @param {Ask} ask @param {Value[]} along */
function notes(about, recipe, { across, down }, along) {
  const own = Object.fromEntries(Object.entries(recipe).filter(([field]) => field === across || field === down));
  return along.flatMap(({ label, change }) => {
    if (!change.model) return [];
    const other = about.recipes.of({ ...made(about, recipe, change), ...own });
    return about.recipes.same(other, recipe) ? [] : [`${label}: ${told(about, recipe, other)}`];
  });
}

/** What the grid would take, in one sentence. @param {App} app @param {Ask} ask */
export async function cost(app, ask) {
  const { columns, rows, recipes, cells } = plan(app.about, ask), size = rows.length > 1 ? `${columns.length} × ${rows.length}: ` : "", empty = refused(cells);
  const said = empty.length === 1 ? "1 place stays" : `${empty.length} places stay`, reasons = new Set(empty.map(({ reason }) => reason));
  return size + (await sentence(app, recipes, "picture")) + (empty.length ? ` ${said} empty: ${[...reasons].join(" ")}` : "");
}

/** What the view shows at one moment. @param {App} app @param {Plan} planned @param {string} run @param {Moment} moment */
export function shown({ about }, planned, run, { state, kept, before, cell: of }) {
  const { ask, recipe, recipes, columns, rows } = planned, axes = axesOf(about), number = counted(recipes.length, "picture");
  const one = (/** @type {Recipe | Refused} */ wanted) => {
    if ("reason" in wanted) return { link: null, h: recipe.height, w: recipe.width, note: wanted.reason };
    const link = about.recipes.toQuery(wanted), place = { link, h: wanted.height, w: wanted.width }, drawn = of(wanted), done = kept.get(link), last = drawn?.steps.at(-1);
    if (done) return { ...place, png: done.png };
    const end = drawn?.end, reason = end && !(end instanceof RunRecord) && (end.kind === "dropped" ? "cancelled" : `failed: ${end.reason}`);
    return { ...place, preview: last ? raster(last.previews.guided) : null, note: reason || (last ? `call ${last.index + 1}` : "waiting") };
  };
  const ended = `${number} in ${state.spent.toFixed(1)} s${before.size ? `, ${before.size} of them kept from before` : ""}.`;
  return {
    kind: "grid", run, ask, across: axes[ask.across].label, down: axes[ask.down]?.label ?? "", columns: columns.map(({ label }) => label), rows: rows.map(({ label }) => label),
    notes: planned.notes, cells: planned.cells.map((row) => row.map(one)), title: recipe.prompt,
    text: state.share < 1 ? `Drawing ${number}, about ${state.left.toFixed(0)} s left.` : ended, share: state.share,
  };
}

/** The grid as one PNG; RecipeError if nothing is finished. @param {App} app @param {Ask} ask */
export async function file({ about, kept }, ask) {
  const planned = plan(about, ask), { recipe, columns, rows, cells } = planned, link = (/** @type {Recipe} */ one) => about.recipes.toQuery(one);
  if (!planned.recipes.some((one) => kept.get(link(one)))) throw new RecipeError("None of these pictures is kept any more: draw the grid again.");
  const places = cells.flatMap((row, y) => row.map((one, x) => {
    if ("reason" in one) return { x, y, size: /** @type {[number, number]} */ ([recipe.height, recipe.width]), png: null, link: null, text: one.reason };
    const png = kept.get(link(one))?.png ?? null;
    return { x, y, size: /** @type {[number, number]} */ ([one.height, one.width]), png, link: link(one), text: png ? "" : "not finished" };
  }));
  const words = (recipe.prompt.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).join("-").slice(0, 40) || "no-words";
  const name = `grid-${words}-${ask.across}${rows.length > 1 ? `-${ask.down}` : ""}.png`, sheet = { lines: heading(about, planned), across: columns.map(({ label }) => label), down: rows.map(({ label }) => label), places };
  return { name, content: await sheetPng(about, sheet), text: `Saved ${name}.` };
}

/** The words, the axes with what all pictures have in common, and what models changed. @param {About} about @param {Plan} planned */
function heading(about, { ask, recipe, recipes, notes: changed }) {
  const common = /** @type {[keyof Recipe, (value: any) => string][]} */ ([["seed", (v) => `seed ${v}`], ["guidance", (v) => `w = ${short(v)}`], ["steps", (v) => `${v} steps`], ["sampler", String]]);
  const same = common.filter(([name]) => name !== ask.across && name !== ask.down && new Set(recipes.map((one) => one[name])).size === 1).map(([name, said]) => said(recipes[0][name]));
  const axes = axesOf(about), names = [ask.across, ask.down].flatMap((field) => axes[field]?.label ?? []).join(" × ");
  return [recipe.prompt || "no words", same.length ? `${names}; ${same.join(", ")}` : names, ...changed];
}
