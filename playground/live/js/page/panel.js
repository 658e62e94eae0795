// @ts-check
/**
 * The recipe's controls, made from its fields: page/panel.py with the chooser of page/chooser.py.
 *
 * @import { Recipe } from "../engine/protocol.js"
 * @import { About } from "./about.js"
 * @import { Widget } from "./fields.js"
 */
import { button, elsewhere, line, make, tell } from "./dom.js";
import { dropdown, slider, text, whole } from "./fields.js";

/**
 * What the page does when the visitor acts: `draw`, `chose` another model, `opened` a file. Whatever
 * else settles a field presses Draw: page/remembering/browser/settle.js.
 * @typedef {{
 *   draw: () => void, stop: () => void, chose: (model: string) => void,
 *   opened: (file: File) => void, now: () => void, later: () => void
 * }} Acts
 */

export class Panel {
  /** @param {About} about @param {Acts} acts @param {HTMLElement} first @param {HTMLElement} rest */
  constructor(about, acts, first, rest) {
    this.about = about;
    this.acts = acts;
    const { fields } = about.recipes, { more, names } = about.page.panel;
    this.names = /** @type {string[]} */ (names);
    /** @type {Record<string, Widget>} */
    this.widgets = {};
    for (const name of ["prompt", "guidance", "sampler", "steps", "seed", ...more]) this.widgets[name] = this.widget(name);
    this.model = about.usual.model;
    this.choices = this.chooser();
    this.typing = make("input", { type: "checkbox", id: "live-input" });
    this.status = line({ id: "model-status", role: "status", class: "said" });
    this.notes = line({ id: "opened-notes", role: "status", class: "said" });
    this.refused = line({ id: "recipe-refused", class: "refused" });
    this.unused = line({ id: "recipe-unused", class: "refused" });
    this.marks = make("div", { class: "marks" }, ...Object.entries(about.page.panel.marks).map(([w, said]) => this.setter(`${w} ${said}`.trim(), "guidance", () => Number(w))));
    first.append(...this.first(rest));
    rest.append(...this.rest(fields.seed.high, more));
    this.show(about.usual);
  }

  /** What is asked of the widgets; RecipeError in words that fit the page. @returns {Recipe} */
  recipe() {
    const typed = Object.entries(this.widgets).map(([name, widget]) => [name, widget.value]);
    return this.about.recipes.of({ ...Object.fromEntries(typed), model: this.model });
  }

  /** Whether drawing follows every key. */
  get live() {
    return this.typing.checked;
  }

  /** What stands in every widget, in the order of `names`; null in an empty box for a number. */
  values() {
    return this.names.map((name) => {
      const value = name === "model" ? this.model : this.widgets[name].value;
      return Number.isNaN(value) ? null : value;
    });
  }

  /** Say on the page what stands in every widget. @param {string} event */
  told(event) {
    tell(event, this.values());
  }

  /** Draw other words. @param {string} prompt */
  say(prompt) {
    this.take(this.names.map((name, i) => (name === "prompt" ? prompt : this.values()[i])));
  }

  /** Take values for the widgets, in the order of `names`, and draw them. @param {any[]} values */
  take(values) {
    this.names.forEach((name, i) => {
      if (name !== "model") this.widgets[name].value = values[i] ?? "";
    });
    this.told("typed");
    this.acts.draw();
  }

  /** Fill every widget, and fit it to the recipe's model; some may be shown as they were typed. @param {Recipe} recipe @param {Record<string, any>} [typed] */
  show(recipe, typed = {}) {
    const model = this.about.model(recipe.model), before = this.model;
    this.model = recipe.model;
    for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (this.choices.querySelectorAll("input"))) input.checked = input.value === recipe.model;
    /** @type {HTMLElement} */ (this.choices.querySelector(".info")).textContent = model.sentence;
    const { samplers, recipes: { fields } } = this.about, offered = Object.values(samplers).filter(({ name }) => model.fits[name] === null);
    const sides = { high: Math.min(Number(fields.width.high), model.largest), step: model.multiple };
    /** @type {Record<string, import("./fields.js").Facts>} */
    const facts = {
      sampler: { choices: offered.map(({ label, name }) => [label, name]) }, width: sides, height: sides,
      guidance: { label: model.guidance.label, help: model.guidanceHelp, disabled: model.fixed },
    };
    for (const [name, widget] of Object.entries(this.widgets)) {
      widget.fit({ hidden: model.unused.includes(name), ...facts[name] });
      widget.value = (name in typed ? typed[name] : /** @type {any} */ (recipe)[name]) ?? "";
    }
    this.marks.hidden = !model.guidance.branches;
    this.refused.say(model.refused && `Not with this model: ${model.refused}`);
    this.unused.say(model.whyUnused);
    if (before !== recipe.model || !this.shown) this.typing.checked = this.about.page.panel.atOnce.includes(recipe.model);
    this.shown = true;
    this.told("typed");
  }

  /** @param {string} name @returns {Widget} */
  widget(name) {
    const { about, acts } = this, field = about.recipes.fields[name], id = `recipe-${name}`;
    if (name in about.tables) return dropdown(id, field, about.tables[name]);
    if (field.kind === "str") return text(id, field, acts.draw);
    return name === "seed" ? whole(id, field) : slider(id, field);
  }

  /** @param {HTMLElement} rest */
  first(rest) {
    const { about, acts, widgets } = this, { examples, line: now, earlier } = about.page.panel;
    const typing = make("label", { id: "live", class: "check" }, this.typing, make("span", {}, "Draw while I type"));
    const hidden = { hidden: true, tabIndex: -1 };
    return [
      widgets.prompt.element, make("div", { id: "words" }),
      make("div", { class: "examples" }, ...examples.map((/** @type {string} */ said) => this.setter(said, "prompt", () => said))),
      make("div", { id: "drawing" },
        make("div", { class: "pair row" }, button("Draw", acts.draw, { id: "draw", class: "primary" }), button("Stop", acts.stop, { id: "stop" })),
        make("div", { id: "now", innerHTML: now })),
      widgets.guidance.element, this.marks, make("div", { id: "earlier", innerHTML: earlier }),
      make("div", { class: "block" }, typing, make("p", { class: "info" }, "Every pause and every move of a slider draws; the newest wins.")),
      button("Draw now", acts.now, { id: "live-now", ...hidden }), button("Follow in every lens", acts.later, { id: "live-later", ...hidden }),
      this.choices, this.status.element, this.others(), make("div", { id: "computes" }),
      button("Sampler, steps, seed and more ↓", () => rest.scrollIntoView(), { id: "to-rest", class: "small" }),
    ];
  }

  /** @param {number} high @param {string[]} more */
  rest(high, more) {
    const { acts, widgets } = this;
    const file = make("input", { type: "file", accept: "image/png", id: "open-file", class: "hidden-file" });
    file.onchange = () => {
      if (file.files?.[0]) acts.opened(file.files[0]);
      file.value = ""; // the same file may be opened again
    };
    return [
      widgets.sampler.element, this.refused.element, widgets.steps.element, widgets.seed.element,
      this.setter("⚄ Roll the seed", "seed", () => Math.floor(Math.random() * high)),
      make("div", {}, file, make("label", { for: file.id, class: "button small" }, "Open a saved PNG, or drop one anywhere")), this.notes.element,
      make("details", { id: "recipe-more" }, make("summary", {}, "More"), this.unused.element, ...more.map((name) => widgets[name].element)),
    ];
  }

  /** The built-in models, one click apart. */
  chooser() {
    const { about, acts } = this;
    const choices = Object.values(about.models).map(({ name, label }) => {
      const input = make("input", { type: "radio", name: "model", value: name, onchange: () => acts.chose(name) });
      return make("label", {}, input, make("span", {}, label.replace(/ \(built in\)$/, "")));
    });
    const field = about.recipes.fields.model;
    return make("fieldset", { id: "recipe-model", class: "field block" }, make("legend", { "data-testid": "block-info" }, field.label), make("p", { class: "info" }), make("div", { class: "radios" }, ...choices));
  }

  others() {
    return make("details", { id: "other-model" }, make("summary", {}, "Other model …"), elsewhere(this.about, "other-model"));
  }

  /** A small button that puts a value into a field, and draws. @param {string} label @param {string} name @param {() => any} value */
  setter(label, name, value) {
    return button(label, () => {
      this.widgets[name].value = value();
      this.told("typed");
      this.acts.draw();
    }, { class: "small" });
  }
}
