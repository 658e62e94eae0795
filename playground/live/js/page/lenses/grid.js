// @ts-check
/**
 * The grid as a section of a lens: two fields with their values, what it costs, the pictures
 * (page/grid/section.py).
 *
 * @import { App } from "../app.js"
 */
import { axesOf } from "../data/axes.js";
import * as data from "../data/grid.js";
import { labelled, line, make, prose } from "../dom.js";
import * as pricing from "../pricing.js";
import { drawn } from "../racing.js";
import { Section } from "../section.js";
import { mount } from "../views.js";

/** @param {App} app @param {HTMLElement} box of the lens @returns {Promise<HTMLElement[]>} */
export async function build(app, box) {
  const { about } = app, { text, none } = about.page.grid, axes = axesOf(about), cost = line({ id: "grid-cost", class: "quiet" });
  const across = axis(axes, "across", "guidance", []), down = axis(axes, "down", "seed", [[none, none]]), places = ["grid", "grid-saved"].map((id) => make("div", { id, class: "block" }));
  const ask = () => ({ link: about.recipes.toQuery(app.panel.recipe()), across: across.field.value, columns: across.values.value, down: down.field.value, rows: down.values.value });
  const saved = await mount("saved", places[1]);
  const view = await mount("grid", places[0], null, {
    keep: (/** @type {data.Ask} */ asked) => void data.file(app, asked).then(saved.show, (error) => saved.show({ text: app.sentence(error) })),
  });
  const section = new Section(app, "grid", "Draw the grid", view.show, data);
  let number = 0;
  section.work = async (work) => {
    const planned = data.plan(about, ask()), run = String(++number);
    work.say(`Getting ready … ${await pricing.sentence(app, planned.recipes, "picture")}`);
    for await (const moment of drawn(app, work, planned.recipes)) view.show(data.shown(app, planned, run, moment));
  };
  for (const { values } of [across, down]) values.onkeydown = (event) => void (event.key === "Enter" && section.start());
  pricing.follow(app, box, async () => data.cost(app, ask()), cost.say);
  const row = (/** @type {string} */ name, /** @type {ReturnType<typeof axis>} */ { field, values }) => make("div", { class: "pair" }, labelled(name, field), labelled("Values", values));
  return [prose(text), row("Columns", across), row("Rows", down), section.buttons, cost.element, ...places];
}

/** @param {ReturnType<typeof axesOf>} axes @param {string} name @param {string} chosen @param {[string, string][]} more choices before the fields */
function axis(axes, name, chosen, more) {
  const choices = [...more, ...Object.values(axes).map(({ field, label }) => [field, label])].map(([value, label]) => make("option", { value }, label));
  const field = make("select", { id: `grid-${name}` }, ...choices), values = make("input", { type: "text", id: `grid-${name}-values`, value: axes[chosen].offered });
  field.value = chosen;
  field.onchange = () => (values.value = axes[field.value]?.offered || values.value);
  return { field, values };
}
