// @ts-check
/**
 * How far samplers are from the exact solution of the visitor's recipe (page/samplers/errors.py).
 *
 * @import { App } from "../app.js"
 * @import { Fit } from "../about.js"
 * @import { Work } from "../section.js"
 */
import { NOT_PLAIN, isPlain } from "../../engine/guidance.js";
import * as data from "../data/errors.js";
import { check, checked, group, make, prose } from "../dom.js";
import { RecipeError } from "../recipe.js";
import { Section, reason } from "../section.js";
import { mount } from "../views.js";

const FRAME = 500; // ms between frames of the chart

/** @param {App} app @returns {Promise<HTMLElement[]>} */
export async function build(app) {
  const { about } = app, { text, offered } = about.page.samplers.errors, why = reason("exact"), names = make("div", { class: "checks" });
  const places = ["errors", "trajectories"].map((id) => make("div", { id, class: "block" }));
  const [chart, plane] = await Promise.all(places.map((place) => mount(place.id, place)));
  const section = new Section(app, "errors", "Measure", chart.show, data);
  section.work = (work) => measure(app, work, checked(names), chart.show, plane.show);
  app.onModel((model) => {
    why.fit(model);
    names.replaceChildren(...choices(model, offered).map(([name, on]) => check(name, about.samplers[name].label, on)));
  });
  return [prose(text), why.element, group("errors-samplers", "Samplers", "", names), section.buttons, ...places];
}

/** The samplers that can be measured, and whether they are at first. @param {Fit} model @param {string[]} offered @returns {[string, boolean][]} */
function choices({ general, scales }, offered) {
  const names = general.filter((name) => name in scales), usual = names.some((name) => offered.includes(name)) ? offered : names;
  return names.map((name) => [name, usual.includes(name)]);
}

/** @param {App} app @param {Work} work @param {string[]} names @param {(value: any) => void} show @param {(value: any) => void} draw the plane */
async function measure({ about, panel }, work, names, show, draw) {
  const recipe = { ...about.check(panel.recipe()), eta: 0 }, model = about.model(recipe.model), { calls } = about.page.samplers.errors;
  if (!isPlain(recipe)) throw new RecipeError(NOT_PLAIN);
  if (model.whyNot.exact) throw new RecipeError(model.whyNot.exact);
  if (!names.length) throw new RecipeError("Choose at least one sampler to measure.");
  work.say("Getting ready …");
  const session = await work.session(recipe.model), cells = /** @type {data.Cell[]} */ ([]);
  for (const name of names) for (const budget of calls) {
    const steps = about.stepsWithin(name, budget), { end } = await session.levels(name, steps);
    cells.push({ name, budget, steps, endsClean: !end.noise });
  }
  if (!work.newest()) return;
  const state = new data.Measured(about, session, recipe, cells, model.scales);
  let last = 0;
  for (const [what, tasks, take] of /** @type {const} */ ([["Solving the reference", state.exact, "takeExact"], ["Sampling", state.tasks, "take"]])) {
    for await (const event of work.submit(session, tasks)) {
      await state[take](event);
      if (!work.newest()) return;
      if (performance.now() - last < FRAME) continue;
      last = performance.now();
      show(await state.chart(state.left(what), state.share));
      if (state.points.size) draw(state.plane());
    }
    if (!work.newest() || state.solutions.size < state.exact.length) return;
  }
  if (state.points.size < cells.length) return;
  show(await state.chart(state.summary(), null));
  draw(state.plane());
}
