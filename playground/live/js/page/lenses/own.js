// @ts-check
/**
 * The visitor's own prompt, measured: eight seeds at every w, read by the oracle (page/guidance/own.py).
 *
 * @import { Picture } from "../../engine/protocol.js"
 * @import { App } from "../app.js"
 * @import { Work } from "../section.js"
 */
import * as data from "../data/own.js";
import { labelled, line, make, prose } from "../dom.js";
import * as pricing from "../pricing.js";
import { RecipeError, short } from "../recipe.js";
import { Section, reason } from "../section.js";
import { percent } from "../shared.js";
import { mount } from "../views.js";

const FRAME = 500; // ms between two sentences about how far it is

/** @param {App} app @param {HTMLElement} box of the lens @returns {Promise<HTMLElement[]>} */
export async function build(app, box) {
  const { own, axes } = app.about.page.guidance, cost = line({ id: "own-cost", class: "quiet" }), why = reason("oracle");
  const values = make("input", { type: "text", id: "own-values", value: axes.guidance }), places = ["own-curves", "own-table"].map((id) => make("div", { id, class: "block" }));
  const curves = await mount("curves", places[0]), table = await mount("tradeoff", places[1]);
  const section = new Section(app, "own", "Measure", table.show, data);
  section.work = (work) => measure(app, work, values.value, table.show, curves.show);
  values.onkeydown = (event) => void (event.key === "Enter" && section.start());
  pricing.follow(app, box, async () => data.cost(app, app.panel.recipe(), values.value), cost.say);
  app.onModel((model) => why.fit(model));
  return [prose(own.text), why.element, make("div", { class: "pair" }, labelled(own.label, values)), section.buttons, cost.element, ...places];
}

/** Row by row. @param {App} app @param {Work} work @param {string} text @param {(value: any) => void} show @param {(value: any) => void} chart */
async function measure(app, work, text, show, chart) {
  const { about, models } = app, recipe = app.panel.recipe(), planned = data.plan(app, recipe, text), name = String(performance.now());
  work.say(`Getting ready … ${data.cost(app, recipe, text)}`);
  const session = await work.session(recipe.model), why = await models.engine?.ask({ ask: "unjudgeable", recipe });
  if (why) throw new RecipeError(why);
  const started = performance.now(), rows = /** @type {data.Row[]} */ ([]), whole = planned.reduce((sum, [first]) => sum + about.rows(first), 0);
  let done = 0, last = 0;
  for (const [number, row] of planned.entries()) {
    const [{ guidance }] = row, pictures = /** @type {Picture[]} */ ([]), share = about.rows(row[0]) / whole;
    for await (const event of work.submit(session, row)) {
      if (!work.newest()) return;
      if (event.kind === "failure") throw new Error(`A picture at w = ${short(guidance)} failed: ${event.reason}`);
      if (event.kind === "picture") pictures.push(event);
      const now = performance.now();
      if (event.kind !== "step" || now - last < FRAME) continue;
      last = now;
      const at = done + (share * event.index) / event.count, left = at ? `, about ${((((now - started) / at) * (1 - at)) / 1000).toFixed(0)} s left` : "";
      show(data.table(about, recipe, rows, `Drawing w = ${short(guidance)}, ${number + 1} of ${planned.length}${left}.`, name));
    }
    if (!work.newest() || pictures.length < row.length) return;
    rows.push({ guidance, found: await models.engine?.ask({ ask: "measure", recipe, images: pictures.map(({ image }) => image) }) });
    if (!work.newest()) return;
    done += share;
    chart(data.charts(about, recipe, rows));
  }
  const { seeds } = about.page.guidance.own, spent = (performance.now() - started) / 1000;
  show(data.table(about, recipe, rows, `${rows.length * seeds} pictures in ${spent.toFixed(0)} s. One picture more or less is ${percent(1 / seeds, 1)} of a row.`, null));
}
