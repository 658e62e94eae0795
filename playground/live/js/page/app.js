// @ts-check
/**
 * The page: the recipe on the left, the lenses on the right (page/page.py).
 *
 * @import { Recipe } from "../engine/protocol.js"
 * @import { Finished } from "./drawing.js"
 * @import { Lens } from "./lens.js"
 * @import { View } from "./views.js"
 */
import { About } from "./about.js";
import { arrived } from "./arriving.js";
import { button, byId } from "./dom.js";
import { Drawing } from "./drawing.js";
import { Tabs } from "./lens.js";
import { Models, missing } from "./opening.js";
import { Panel } from "./panel.js";
import { switched } from "./switching.js";

const TYPED = "latent-playground.recipe"; // what was typed survives a reload

export class App {
  /** @param {About} about @param {URL} site */
  constructor(about, site) {
    this.about = about;
    this.models = new Models(site);
    /** Views that follow the recipe's run. @type {Record<string, View>} */
    this.views = {};
    this.drawing = new Drawing(this);
    /** What follows the panel's model. @type {((model: import("./about.js").Fit) => void)[]} */
    this.following = [];
    /** Where in the picture a link leads: its step and words, counted from 1. @type {{ step: number | null, words: number[] } | null} */
    this.place = null;
    const { drawing } = this, acts = {
      draw: () => void drawing.draw(), stop: () => drawing.stop(), now: () => void drawing.typed(), later: () => void this.pause(),
      changed: (/** @type {boolean} */ slid) => void (drawing.changed && !(slid && this.panel.live) && drawing.draw()),
      chose: (/** @type {string} */ model) => this.chose(model), opened: (/** @type {File} */ file) => void this.opened(file),
    };
    this.panel = new Panel(about, acts, byId("recipe"), byId("recipe-rest"));
    this.tabs = new Tabs(this, byId("lenses"));
    byId("loading").hidden = true;
    this.impossible = missing();
    addEventListener("pagehide", () => this.remember());
  }

  /** The first lens with its example, then the model, then what a link asks for. */
  async begin() {
    await this.tabs.open(0);
    this.restore();
    if (this.impossible) return this.trouble(this.impossible);
    if (!this.linked() && /** @type {any} */ (navigator).connection?.saveData) {
      return this.panel.status.say("Your browser asks to save data: the model is fetched when you draw.");
    }
    await this.prepare(this.panel.model);
  }

  /** Fetch the model before it is asked for; what it draws with comes with progress. @param {string} name */
  async prepare(name) {
    try {
      await this.session(name, (sentence) => this.panel.status.say(sentence));
      this.panel.status.say("");
    } catch (error) {
      const again = button("Try again", () => void this.prepare(name), { class: "small" });
      this.panel.status.say(`${this.sentence(error)} `, true, again);
    }
  }

  /** The model's session, with sentences while it is fetched. @param {string} name @param {(sentence: string) => void} hear */
  async session(name, hear) {
    if (this.impossible) throw new Error(this.impossible);
    const ready = this.models.ready.get(name);
    if (ready) return ready;
    hear("Getting ready …");
    this.models.listeners.set(hear, name);
    try {
      return await this.models.session(name);
    } finally {
      this.models.listeners.delete(hear);
    }
  }

  /** Let something follow the panel's model, now and whenever it changes. @param {(model: import("./about.js").Fit) => void} follow */
  onModel(follow) {
    this.following.push(follow);
    follow(this.about.model(this.panel.model));
  }

  /** Fill the panel. @param {Recipe} recipe */
  fill(recipe) {
    const before = this.panel.model;
    this.panel.show(recipe);
    if (recipe.model !== before) for (const follow of this.following) follow(this.about.model(recipe.model));
  }

  /** What every lens shows of a run; while one types the picture alone. @param {Finished} found @param {boolean} typed */
  async follow(found, typed) {
    for (const lens of this.tabs.built) if (!typed || lens.first) await lens.follow(found, typed);
    if (this.place) document.dispatchEvent(new CustomEvent("playground:go", { detail: this.place }));
    this.place = null;
  }

  /** The visitor stopped typing: every lens follows what was drawn last, unless something else is asked. */
  async pause() {
    const { drawing } = this;
    if (drawing.running) drawing.all = true;
    else if (!drawing.last || drawing.changed) await drawing.draw();
    else await this.follow(drawing.last, false);
  }

  /** Another of the built-in models: its own settings, drawn at once. @param {string} name */
  chose(name) {
    try {
      const [recipe, line] = switched(this.about, this.panel.recipe(), this.panel.model, name);
      this.fill(recipe);
      this.panel.status.say(line);
      void this.drawing.draw();
    } catch (error) {
      for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("#recipe-model input"))) input.checked = input.value === this.panel.model;
      this.panel.status.say(this.sentence(error), true);
    }
  }

  /** A saved PNG. @param {File} file */
  async opened(file) {
    try {
      const recipe = await arrived(this.about, new Uint8Array(await file.arrayBuffer()));
      this.fill(recipe);
      this.panel.notes.say("");
      void this.drawing.draw();
    } catch (error) {
      this.panel.notes.say(this.sentence(error), true);
    }
  }

  /** The recipe of the page's address, if there is one, is shown and drawn. */
  linked() {
    const said = new URLSearchParams(location.search), query = said.get(this.about.site.recipe.query_key);
    const lens = this.tabs.names.indexOf(said.get("lens") ?? "");
    if (lens > 0) void this.tabs.open(lens);
    if (!query) return false;
    const numbers = (/** @type {string} */ name) => (said.get(name) ?? "").match(/\d{1,4}/g)?.map(Number) ?? [];
    if (said.has("step") || said.has("word")) this.place = { step: numbers("step")[0] ?? null, words: numbers("word") };
    try {
      this.fill(this.about.check(this.about.recipes.fromQuery(query)));
      if (!this.impossible) void this.drawing.draw();
      return true;
    } catch (error) {
      this.trouble(this.sentence(error));
      return false;
    }
  }

  remember() {
    try {
      sessionStorage.setItem(TYPED, this.about.recipes.toJson(this.panel.recipe()));
    } catch {
      /* nothing that could be drawn, or a browser that keeps nothing */
    }
  }

  restore() {
    try {
      const kept = sessionStorage.getItem(TYPED);
      if (kept) this.fill(this.about.check(this.about.recipes.fromJson(kept)));
    } catch {
      /* of another edition */
    }
  }

  /** @param {string} text */
  trouble(text) {
    const box = byId("trouble");
    box.textContent = text;
    box.hidden = !text;
  }

  /** @param {unknown} error */
  sentence(error) {
    return error instanceof Error ? error.message : String(error);
  }
}
