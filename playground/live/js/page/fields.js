// @ts-check
/**
 * The widgets of a recipe's fields: text, seed, sliders, dropdowns, with label and help.
 *
 * @import { Field } from "../engine/protocol.js"
 */
import { make } from "./dom.js";

/**
 * What of a widget depends on the model; what is not said stays.
 * @typedef {{ label?: string, help?: string, high?: number, step?: number, choices?: [string, string][], disabled?: boolean, hidden?: boolean }} Facts
 */

/**
 * A widget: its value as it was typed, where Recipes checks it.
 * @typedef {{ element: HTMLElement, value: any, fit: (facts: Facts) => void }} Widget
 */

/** A box with a label, its help and the control. @param {string} id @param {Field} field @param {HTMLElement} control @param {...HTMLElement} beside */
function box(id, field, control, ...beside) {
  const name = `${id}-input`, title = make("label", { for: name, "data-testid": "block-info" }, field.label);
  const help = make("p", { class: "info", id: `${id}-help` }, field.help);
  control.id = name;
  control.setAttribute("aria-describedby", help.id);
  const element = make("div", { id, class: "field block" }, make("div", { class: "head" }, title, ...beside), help, control);
  const fit = (/** @type {Facts} */ facts) => {
    if (facts.label !== undefined) title.textContent = facts.label;
    if (facts.help !== undefined) help.textContent = facts.help;
    if (facts.hidden !== undefined) element.hidden = facts.hidden;
  };
  return { element, fit };
}

/** @param {string} id @param {Field} field @param {() => void} entered @returns {Widget} */
export function text(id, field, entered) {
  const area = make("textarea", { rows: 1, spellcheck: false });
  const grow = () => {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 110) || 40}px`;
  };
  area.oninput = grow;
  area.onkeydown = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    entered();
  };
  const { element, fit } = box(id, field, area);
  return {
    element, fit,
    get value() {
      return area.value;
    },
    set value(next) {
      area.value = next;
      grow();
    },
  };
}

/** @param {string} id @param {Field} field @returns {Widget} */
export function whole(id, field) {
  const input = make("input", { type: "number", min: field.low, max: field.high, step: 1, inputMode: "numeric" });
  const { element, fit } = box(id, field, input);
  return {
    element, fit,
    get value() {
      return input.value === "" ? Number.NaN : Number(input.value);
    },
    set value(next) {
      input.value = String(next);
    },
  };
}

/** A slider with its number: what a link says stands there exactly. @param {string} id @param {Field} field @returns {Widget} */
export function slider(id, field) {
  const range = make("input", { type: "range", min: field.low, max: field.high, step: field.step ?? "any" });
  const number = make("input", { type: "number", min: field.low, max: field.high, step: field.step ?? "any", "aria-label": field.label });
  range.oninput = () => (number.value = range.value);
  number.oninput = () => (range.value = number.value);
  const { element, fit } = box(id, field, range, number);
  return {
    element,
    fit(facts) {
      fit(facts);
      for (const input of [range, number]) {
        if (facts.high !== undefined) input.max = String(facts.high);
        if (facts.step !== undefined) input.step = String(facts.step);
        if (facts.disabled !== undefined) input.disabled = facts.disabled;
      }
    },
    get value() {
      return number.value === "" ? Number.NaN : Number(number.value);
    },
    set value(next) {
      number.value = range.value = String(next);
    },
  };
}

/** A choice from a table, whose help is the chosen record's sentence. @param {string} id @param {Field} field @param {Record<string, { name: string, label: string, sentence: string }>} table @returns {Widget} */
export function dropdown(id, field, table) {
  const select = make("select");
  const { element, fit } = box(id, field, select);
  const tell = () => fit({ help: table[select.value]?.sentence ?? field.help });
  const offer = (/** @type {[string, string][]} */ choices) => select.replaceChildren(...choices.map(([label, value]) => make("option", { value }, label)));
  select.onchange = tell;
  offer(Object.values(table).map(({ label, name }) => [label, name]));
  return {
    element,
    fit(facts) {
      const { value } = select;
      if (facts.choices) offer(facts.choices);
      if (facts.choices) select.value = value;
      fit({ ...facts, help: undefined });
    },
    get value() {
      return select.value;
    },
    set value(next) {
      select.value = next;
      tell();
    },
  };
}
