// @ts-check
/**
 * The Samplers lens: race samplers from one noise, and what stands below (page/samplers/lens.py).
 *
 * @import { App } from "../app.js"
 * @import { Fit } from "../about.js"
 */
import { racePng } from "../data/racepng.js";
import * as data from "../data/race.js";
import { check, checked, group, labelled, line, make, prose } from "../dom.js";
import * as pricing from "../pricing.js";
import { Races } from "../racing.js";
import { Section } from "../section.js";
import { mount, shown } from "../views.js";
import * as below from "./below.js";

/** @param {App} app @param {HTMLElement} box */
export async function build(app, box) {
  const texts = app.about.page.samplers, controls = new Controls(app), cost = line({ id: "race-cost", class: "quiet" });
  const place = make("div", { id: "race", class: "block" }), keep = make("div", { id: "race-saved" });
  const saved = await mount("saved", keep);
  let latest = await shown("race"); // the race that the view shows, also below a message
  const race = await mount("race", place, latest, {
    finish: (/** @type {any} */ asked) => void section.begin((work) => races.race(work, data.finishing(app.about, asked), asked.unit)),
    drop: (/** @type {{ link: string }} */ { link }) => races.drop(link),
    keep: (/** @type {any} */ asked) => void kept(app, latest, asked).then(saved.show, (error) => saved.show({ text: app.sentence(error) })),
  });
  const show = (/** @type {any} */ value) => {
    if (value.kind === "race") latest = value;
    race.show(value);
  };
  const races = new Races(app, show), section = new Section(app, "race", "Race", show, data);
  section.work = (work) => races.race(work, controls.plan(), controls.unit);
  box.append(prose(texts.intro), ...controls.elements, section.buttons, cost.element, place, keep);
  controls.entered = () => void section.start();
  pricing.follow(app, box, async () => pricing.sentence(app, controls.plan().map(({ recipe }) => recipe), "lane"), cost.say);
  app.onModel((model) => controls.fit(model));
  await below.build(app, box);
}

/** The widgets that make a race. */
class Controls {
  /** @param {App} app */
  constructor(app) {
    const { about } = app, texts = about.page.samplers;
    this.app = app;
    this.entered = () => {};
    this.names = make("div", { class: "checks" });
    this.refused = line({ class: "refused" });
    this.units = make("select", { id: "race-unit" }, make("option", { value: "calls" }, "Equal network calls"), make("option", { value: "steps" }, "Equal steps"));
    this.units.value = texts.unit;
    this.counts = make("input", { type: "text", id: "race-counts", value: String(texts.count) });
    this.guidances = make("input", { type: "text", id: "race-guidances", placeholder: "1, 5" });
    for (const input of [this.counts, this.guidances]) input.onkeydown = (event) => void (event.key === "Enter" && this.entered());
    this.models = make("div", { class: "checks" });
    this.elements = [
      group("race-samplers", "Samplers", "", this.names), this.refused.element,
      make("div", { class: "pair" }, labelled("Fair in", this.units), labelled("How many; several make a grid", this.counts), labelled("Guidance w; empty: the recipe’s", this.guidances)),
      group("race-models", "Models besides the recipe’s", texts.same, this.models),
    ];
  }

  get unit() {
    return this.units.value;
  }

  plan() {
    const { app: { about, panel } } = this;
    return data.plan(about, panel.recipe(), { names: checked(this.names), unit: this.unit, counts: this.counts.value, guidances: this.guidances.value, models: checked(this.models) });
  }

  /** Offer the samplers of the panel's model. @param {Fit} model */
  fit(model) {
    const { samplers, models } = this.app.about;
    const label = (/** @type {string} */ name) => `${samplers[name].label}${samplers[name].calls > 1 ? ` (${samplers[name].calls} calls a step)` : ""}${samplers[name].stochastic ? " ∿" : ""}`;
    this.names.replaceChildren(...model.general.map((name) => check(name, label(name), model.raced.includes(name))));
    this.models.replaceChildren(...Object.values(models).filter(({ name }) => name !== model.name).map(({ name, called }) => check(name, called, false)));
    this.refused.say(model.refused && `Not with this model: ${model.refused}`);
  }
}

/** The file that the view asks for. @param {App} app @param {any} race @param {{ kind: string, rows: string, columns: string, page: string }} asked */
async function kept(app, race, asked) {
  if (asked.kind !== "png") throw new Error(app.about.page.elsewhere.race);
  return racePng(app.about, race, asked.rows, asked.columns);
}
