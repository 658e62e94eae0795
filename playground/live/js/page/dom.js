// @ts-check
/** Small helpers for the page's own elements; views bring theirs. */

/**
 * An element with these properties and children. `class`, `data-*`, `aria-*` and `role` are attributes.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, any>} [values] @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, values = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) {
    if (/^(class|role|for|(data|aria)-.*)$/.test(name)) element.setAttribute(name, value);
    else /** @type {any} */ (element)[name] = value;
  }
  element.append(...children);
  return element;
}

/** The served page's texts: headings (#), paragraphs, *emphasis*, `code` and [links](…). @param {string} text */
export function prose(text) {
  const box = make("div", { class: "prose" });
  for (const line of text.split(/\n+/).filter(Boolean)) {
    const [, marks, rest] = /^(#*) ?(.*)$/.exec(line) ?? ["", "", "", line];
    const block = marks ? make(/** @type {"h3"} */ (`h${Math.max(2, marks.length)}`)) : make("p");
    block.append(...rest.split(/(`[^`]+`|\*[^*]+\*|\[[^\]]+\]\([^)]+\))/).map(inline));
    box.append(block);
  }
  return box;
}

/** The same, where a table of Markdown comes first: lines with a heading, a rule, and rows. @param {string} text */
export function tabled(text) {
  const lines = text.split("\n"), rows = lines.filter((line) => line.startsWith("|")).map((line) => line.split("|").slice(1, -1));
  const row = (/** @type {string[]} */ cells, /** @type {"th" | "td"} */ tag) => make("tr", {}, ...cells.map((cell) => make(tag, {}, cell.trim())));
  const table = make("table", {}, make("thead", {}, row(rows[0] ?? [], "th")), make("tbody", {}, ...rows.slice(2).map((cells) => row(cells, "td"))));
  return make("div", { class: "prose" }, make("div", { class: "wide", tabIndex: 0 }, table), prose(lines.filter((line) => !line.startsWith("|")).join("\n")));
}

/** @param {string} text */
function inline(text) {
  const link = /^\[(.+)\]\((.+)\)$/.exec(text);
  if (link) return make("a", { href: link[2], rel: "noreferrer" }, link[1]);
  if (/^`.+`$/.test(text)) return make("code", {}, text.slice(1, -1));
  return /^\*.+\*$/.test(text) ? make("em", {}, text.slice(1, -1)) : text;
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`There is no #${id}.`);
  return found;
}

/** @param {string} label @param {() => void} onclick @param {Record<string, any>} [values] */
export function button(label, onclick, values = {}) {
  return make("button", { type: "button", onclick, ...values }, label);
}

/** A small line that says something; hidden while it has nothing to say. @param {Record<string, any>} [values] */
export function line(values = {}) {
  const element = make("p", { hidden: true, ...values });
  return {
    element,
    /** @param {string} text @param {boolean} [error] @param {...Node} more */
    say(text, error = false, ...more) {
      element.replaceChildren(text, ...more);
      element.hidden = !text;
      element.classList.toggle("error", error);
    },
  };
}

/** What happens on the page, for the scripts of page/remembering/browser/ and for views. @param {string} name @param {any} detail */
export function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(`playground:${name}`, { detail }));
}

/** A question to them: they put their answer into it. @param {string} name @param {any} [values] @returns {any} */
export function ask(name, values) {
  const asked = { values };
  tell(name, asked);
  return asked.values;
}

/** Why a part needs Python, and how to get it (live/elsewhere.py). @param {import("./about.js").About} about @param {string} part */
export function elsewhere(about, part) {
  return make("p", { class: "quiet", "data-elsewhere": part }, `${about.page.elsewhere[part]} `, make("a", { href: "own.html" }, "How to get it"), ".");
}

/** @param {string} text @param {HTMLElement} control @param {string} [help] */
export function labelled(text, control, help = "") {
  return make("div", { class: "field" }, make("label", { for: control.id }, text), ...(help ? [make("p", { class: "info" }, help)] : []), control);
}

/** @param {string} value @param {string} label @param {boolean} on */
export const check = (value, label, on) => make("label", {}, make("input", { type: "checkbox", value, checked: on }), make("span", {}, label));
/** @param {HTMLElement} box */
export const checked = (box) => [.../** @type {NodeListOf<HTMLInputElement>} */ (box.querySelectorAll("input:checked"))].map(({ value }) => value);
/** @param {string} id @param {string} legend @param {string} help @param {HTMLElement} content */
export const group = (id, legend, help, content) => make("fieldset", { id, class: "field block" }, make("legend", { "data-testid": "block-info" }, legend), ...(help ? [make("p", { class: "info" }, help)] : []), content);
