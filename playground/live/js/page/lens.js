// @ts-check
/**
 * Lenses: a tab that lays itself out when it is first opened, and follows the recipe's runs.
 *
 * @import { App } from "./app.js"
 * @import { Finished } from "./drawing.js"
 */
import { make } from "./dom.js";

/**
 * A lens that is laid out. `first`: it shows what is drawn while one types.
 * @typedef {{ first?: boolean, follow: (found: Finished, typed: boolean) => Promise<void> | void }} Lens
 */

/** What each module in lenses/ exports: lays out the lens in a box. @typedef {(app: App, box: HTMLElement) => Promise<Lens>} Build */

export class Tabs {
  /** @param {App} app @param {HTMLElement} box */
  constructor(app, box) {
    this.app = app;
    this.names = /** @type {string[]} */ (app.about.page.lenses);
    /** @type {Map<number, Promise<Lens>>} */
    this.opening = new Map();
    /** @type {Lens[]} */
    this.built = [];
    this.tabs = this.names.map((name, i) => make("button", { type: "button", role: "tab", id: `tab-${i}`, "aria-controls": `lens-${i}`, onclick: () => void this.open(i) }, name));
    this.panels = this.names.map((_, i) => make("div", { role: "tabpanel", id: `lens-${i}`, "aria-labelledby": `tab-${i}`, class: "tabitem", hidden: true, tabIndex: -1 }));
    const list = make("div", { role: "tablist", class: "tab-container", "aria-label": "Lenses" }, ...this.tabs);
    list.onkeydown = (event) => this.turn(event);
    box.append(list, ...this.panels);
  }

  /** Show a lens; it is laid out the first time, and then shows the last run. @param {number} number */
  async open(number) {
    this.tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === number));
      tab.tabIndex = i === number ? 0 : -1;
      this.panels[i].hidden = i !== number;
    });
    if (!this.opening.has(number)) this.opening.set(number, this.build(number));
    await this.opening.get(number);
  }

  /** @param {number} number @returns {Promise<Lens>} */
  async build(number) {
    const panel = this.panels[number];
    panel.setAttribute("aria-busy", "true");
    try {
      const { build } = await import(`./lenses/${this.names[number].toLowerCase()}.js`);
      const lens = /** @type {Lens} */ (await build(this.app, panel));
      this.built.push(lens);
      const { last } = this.app.drawing;
      if (last) await lens.follow(last, false);
      return lens;
    } catch (error) {
      this.opening.delete(number);
      panel.replaceChildren(make("p", { class: "error" }, `This lens could not be laid out: ${this.app.sentence(error)} Choose its tab once more.`));
      return { follow() {} };
    } finally {
      panel.removeAttribute("aria-busy");
    }
  }

  /** Arrow keys move along the tabs. @param {KeyboardEvent} event */
  turn(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key], now = this.tabs.findIndex((tab) => tab.tabIndex === 0);
    if (!move) return;
    const next = (now + move + this.tabs.length) % this.tabs.length;
    event.preventDefault();
    this.tabs[next].focus();
    void this.open(next);
  }
}
