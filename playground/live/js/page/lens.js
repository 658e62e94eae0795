// @ts-check
/**
 * Lenses: a tab that lays itself out when it is first opened.
 *
 * @import { App } from "./app.js"
 */
import { make, tell } from "./dom.js";

/** What each module in lenses/ exports: lays out the lens in a box. @typedef {(app: App, box: HTMLElement) => Promise<void>} Build */

export class Tabs {
  /** @param {App} app @param {HTMLElement} box */
  constructor(app, box) {
    this.app = app;
    this.names = /** @type {string[]} */ (app.about.page.lenses);
    /** @type {Map<number, Promise<void>>} */
    this.opening = new Map();
    this.tabs = this.names.map((name, i) => make("button", { type: "button", role: "tab", id: `tab-${i}`, "aria-controls": `lens-${i}`, onclick: () => void this.open(i) }, name));
    this.panels = this.names.map((_, i) => make("div", { role: "tabpanel", id: `lens-${i}`, "aria-labelledby": `tab-${i}`, class: "tabitem", hidden: true, tabIndex: -1 }));
    box.append(make("div", { role: "tablist", class: "tab-container", "aria-label": "Lenses" }, ...this.tabs), ...this.panels);
  }

  /** Show a lens; it is laid out the first time. @param {number} number */
  async open(number) {
    this.tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === number));
      tab.tabIndex = i === number ? 0 : -1;
      this.panels[i].hidden = i !== number;
    });
    if (!this.opening.has(number)) this.opening.set(number, this.build(number));
    await this.opening.get(number);
    tell("lens", null);
  }

  /** @param {number} number */
  async build(number) {
    const panel = this.panels[number], name = this.names[number].toLowerCase();
    panel.setAttribute("aria-busy", "true");
    const of = this.app.about.page.ofRun[this.names[number]]; // a line on whose picture stands here
    panel.replaceChildren(...(of ? [make("div", { id: `of-${name}`, innerHTML: of })] : []));
    try {
      const { build } = /** @type {{ build: Build }} */ (await import(`./lenses/${name}.js`));
      await build(this.app, panel);
    } catch (error) {
      this.opening.delete(number);
      panel.replaceChildren(make("p", { class: "error" }, `This lens could not be laid out: ${this.app.sentence(error)} Choose its tab once more.`));
    } finally {
      panel.removeAttribute("aria-busy");
    }
  }
}
