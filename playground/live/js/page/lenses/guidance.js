// @ts-check
/**
 * The Guidance lens: look ahead at any w, sweep finished pictures (page/guidance/lens.py).
 *
 * @import { Recipe } from "../../engine/protocol.js"
 * @import { App } from "../app.js"
 * @import { Work } from "../section.js"
 * @import { Drawn } from "../together.js"
 */
import * as data from "../data/guidance.js";
import { make, prose } from "../dom.js";
import * as listed from "../listed.js";
import { RecipeError, short } from "../recipe.js";
import { RunRecord } from "../record.js";
import { Section, reason } from "../section.js";
import { counted } from "../shared.js";
import { surprise } from "../surprise.js";
import { Together, follow } from "../together.js";
import { mount, shown } from "../views.js";

const MEASURED = { "tradeoff-curves": "curves", tradeoff: "tradeoff", "variants-curves": "curves", variants: "tradeoff" }; // by element, its view

/** @param {App} app @param {HTMLElement} box */
export async function build(app, box) {
  const { about } = app, texts = about.page.guidance, why = reason("lookahead");
  const places = Object.fromEntries(["lookahead", "filmstrip", ...Object.keys(MEASURED)].map((id) => [id, make("div", { id, class: "block" })]));
  const axis = make("select", { id: "sweep-axis" }, ...Object.keys(texts.axes).map((name) => make("option", { value: name }, about.label(name))));
  const values = make("input", { type: "text", id: "sweep-values", value: texts.axes.guidance });
  axis.onchange = () => (values.value = texts.axes[axis.value]);
  const strip = await app.follow("filmstrip", places.filmstrip);
  const sweep = new Section(app, "sweep", "Draw the sweep", strip.show, data);
  sweep.work = (work) => swept(app, work, axis.value, values.value, strip.show);
  values.onkeydown = (event) => void (event.key === "Enter" && sweep.start());
  const more = make("details", { class: "block" }, make("summary", {}, texts.variants), places["variants-curves"], places.variants);
  box.append(
    prose(texts.intro), why.element, places.lookahead, ...surprise(app, "without words"), prose(texts.sweep),
    make("div", { class: "pair" }, labelled("Sweep", axis), labelled(`Values, at most ${texts.most}`, values, texts.help)),
    sweep.buttons, places.filmstrip, prose(texts.measured), places["tradeoff-curves"], places.tradeoff, ...surprise(app, "saturation"), more, prose(texts.elsewhere), elsewhere(),
  );
  await app.follow("lookahead", places.lookahead);
  await Promise.all(Object.entries(MEASURED).map(async ([id, view]) => mount(view, places[id], await shown(id))));
  app.onModel((model) => why.fit(model));
}

/** What needs Python, and how to get it. */
export function elsewhere() {
  return make("p", { class: "quiet" }, "That runs on a machine of your own: ", make("a", { href: "own.html" }, "how to get it"), ".");
}

/** @param {string} text @param {HTMLElement} control @param {string} [help] */
export function labelled(text, control, help = "") {
  return make("div", { class: "field" }, make("label", { for: control.id }, text), ...(help ? [make("p", { class: "info" }, help)] : []), control);
}

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

/** Draw the sweep, frame by frame. @param {App} app @param {Work} work @param {string} axis @param {string} text @param {(value: any) => void} show */
export async function swept(app, work, axis, text, show) {
  const { about } = app, recipe = app.panel.recipe(), recipes = plan(app, recipe, axis, text), model = about.model(recipe.model);
  if (model.unused.includes(axis)) throw new RecipeError(`A sweep of this would draw equal pictures. ${model.whyUnused}`);
  const times = recipes.reduce((sum, each) => sum + about.rows(each), 0) / about.rows(recipe);
  work.say(`Getting ready … ${recipes.length} pictures, ${times.toFixed(1)} times the work of drawing one.`);
  const session = await work.session(recipe.model);
  if (!work.newest()) return;
  const run = work.submit(session, recipes, { record: true }), name = crypto.randomUUID?.() ?? String(Math.random()), ended = new Map();
  for await (const state of follow(session, run, new Together(about, recipes))) {
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
