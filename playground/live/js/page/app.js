// @ts-check
/**
 * The page: the recipe on the left, the lenses on the right (page/page.py).
 *
 * @import { Recipe } from "../engine/protocol.js"
 * @import { Finished } from "./drawing.js"
 * @import { View } from "./views.js"
 */
import { About } from "./about.js";
import { arrived } from "./arriving.js";
import { Computing } from "./computing.js";
import { connect, noteOf } from "./connecting.js";
import * as guidance from "./data/guidance.js";
import * as studio from "./data/studio.js";
import { button, byId, tell } from "./dom.js";
import { Drawing } from "./drawing.js";
import { Kept } from "./kept.js";
import { Tabs } from "./lens.js";
import { Models, missing, saving } from "./opening.js";
import { Panel } from "./panel.js";
import { switched } from "./switching.js";
import { mount, shown } from "./views.js";
import { build as words } from "./words.js";

const PASSING = ["sampling", "message", "stopped"]; // values of a view that are not what a run shows

export class App {
  /** @param {About} about @param {Models} models */
  constructor(about, models) {
    this.about = about;
    this.models = models;
    /** Views that follow the recipe's run, by their names, and what they show. */
    this.followed = ["explorer", "pipeline", "lookahead", "filmstrip"];
    /** @type {Record<string, View[]>} */
    this.views = {};
    /** @type {Record<string, any>} */
    this.frames = {};
    this.drawing = new Drawing(this);
    this.kept = new Kept();
    /** What follows the panel's model. @type {((model: import("./about.js").Fit) => void)[]} */
    this.following = [];
    const { drawing } = this, acts = {
      draw: () => void this.draw(), stop: () => drawing.stop(), now: () => void drawing.typed(), later: () => void this.pause(),
      chose: (/** @type {string} */ model) => this.chose(model), opened: (/** @type {File} */ file) => void this.opened(file),
    };
    this.panel = new Panel(about, acts, byId("recipe"), byId("recipe-rest"));
    this.computing = new Computing(this, byId("computes"));
    this.tabs = new Tabs(this, byId("lenses"));
    byId("loading").hidden = true;
    this.impossible = missing();
    this.saving = saving();
  }

  /** The first lens with its example, then what a link or an earlier visit asks for, then the model. */
  async begin() {
    await Promise.all([this.tabs.open(0), words(this)]);
    if (this.impossible) this.trouble(this.impossible);
    await connect(this);
    await import("./arrivals.js").then(({ default: scripts }) => scripts.forEach((script) => script()));
    if (this.impossible) return;
    if (!this.drawing.asked && this.saving) {
      return this.panel.status.say("Your browser asks to save data: the model is fetched when you draw.");
    }
    await this.prepare(this.panel.model);
    await this.computing.tryThreads();
  }

  /** Fetch the model before it is asked for; what it draws with comes with progress. @param {string} name */
  async prepare(name) {
    const { restarts } = this.models;
    try {
      await this.session(name, (sentence) => this.panel.status.say(sentence));
      this.computing.opened();
      this.panel.status.say("");
    } catch (error) {
      if (this.models.restarts !== restarts) return; // another try is under way
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

  /** Fill the panel. @param {Recipe} recipe @param {Record<string, any>} [typed] */
  fill(recipe, typed) {
    const before = this.panel.model;
    this.panel.show(recipe, typed);
    if (recipe.model !== before) for (const follow of this.following) follow(this.about.model(recipe.model));
  }

  /** Draw what the panel says, with previews. */
  async draw() {
    this.panel.told("asked");
    await this.drawing.draw();
    tell("ended", null);
  }

  /** A view that follows the recipe's run: `frame` says which of what a run shows. @param {string} view @param {HTMLElement} place @param {string} [frame] */
  async follow(view, place, frame = view) {
    const example = frame in this.frames ? null : await shown(frame);
    this.frames[frame] ??= example;
    const made = await mount(view, place, this.frames[frame]);
    (this.views[frame] ??= []).push(made);
    if (made.value !== this.frames[frame]) made.show(this.frames[frame]); // a run ended while the view was fetched
    return made;
  }

  /** Let views show these values, by the frames' names. @param {Record<string, any>} frames */
  show(frames) {
    for (const [name, value] of Object.entries(frames)) {
      if (value && !PASSING.includes(value.kind)) this.frames[name] = value;
      for (const view of this.views[name] ?? []) view.show(value);
    }
  }

  /** What every lens shows of a run, and then the oracle's verdict; while one types the picture alone. @param {Finished} found @param {boolean} typed */
  async finished({ run, seconds }, typed) {
    const { asked } = this.drawing;
    const last = () => this.drawing.last?.run === run && this.drawing.asked === asked; // else something newer is or was drawn
    const { explorer, pipeline } = await studio.finished(run, seconds, this.about, null);
    if (!last()) return;
    this.show({ explorer }); // the picture first: what other lenses show of it takes a while
    if (typed) return;
    const others = { pipeline, ...(await this.guided(run)) };
    if (!last()) return;
    this.show(others);
    this.keep();
    void this.judged(run).then((verdict) => { // nobody waits for it: the first time the oracle is fetched
      if (!verdict || !last()) return;
      this.show({ explorer: { ...explorer, verdict } });
      this.keep();
    });
  }

  /** What stands there is kept with its picture. */
  keep() {
    tell("drawn", this.followed.map((name) => this.frames[name] ?? null));
  }

  /** What the Guidance lens shows of it. @param {Finished["run"]} run */
  async guided(run) {
    const session = await this.models.session(run.recipe.model), frame = await guidance.finishedFrame(run, "guidance", this.about);
    return {
      lookahead: guidance.lookahead(run, await session.callSeconds(), this.about),
      filmstrip: guidance.stripOf(this.about, run.recipe, "guidance", [frame]),
    };
  }

  /** What the oracle sees; nothing where it cannot be asked. @param {Finished["run"]} run */
  async judged({ recipe, picture, prompt }) {
    try {
      const verdict = await this.models.engine?.ask({ ask: "judge", recipe, image: picture.image });
      return verdict && studio.verdict(verdict, prompt, this.about.page.accuracy);
    } catch {
      return null;
    }
  }

  /** The visitor stopped typing: every lens follows what was drawn last, unless something else is asked. */
  async pause() {
    const { drawing } = this;
    if (drawing.running) drawing.all = true;
    else if (!drawing.last || drawing.changed) await drawing.draw();
    else await this.finished(drawing.last, false);
  }

  /** Another of the built-in models: its own settings, drawn at once. @param {string} name */
  chose(name) {
    try {
      const [recipe, line] = switched(this.about, this.panel.recipe(), this.panel.model, name);
      this.fill(recipe);
      this.panel.status.say(line);
      void this.draw();
    } catch (error) {
      for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("#recipe-model input"))) input.checked = input.value === this.panel.model;
      this.panel.status.say(this.sentence(error), true);
    }
  }

  /** A saved PNG fills the recipe; the scripts of the page draw it. @param {File} file */
  async opened(file) {
    let note = "";
    try {
      const [recipe, line] = await arrived(this.about, new Uint8Array(await file.arrayBuffer()), this.panel.model);
      this.fill(recipe);
      this.panel.notes.say(line);
    } catch (error) {
      note = noteOf(this.sentence(error));
      this.panel.notes.say(this.sentence(error), true);
    }
    tell("opened", [note]);
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
