// @ts-check
/**
 * Drawing the recipe: frames for the explorer while it is sampled, then what every lens shows of it
 * (page/studio/runs.py and page/page.py: draw).
 *
 * @import { Recipe } from "../engine/protocol.js"
 * @import { App } from "./app.js"
 * @import { Run } from "../engine/session.js"
 */
import * as studio from "./data/studio.js";
import { RunRecord, records } from "./record.js";

const FRAME = 80; // ms between preview frames
const SECTION = "draw";

/** A finished run and the seconds that the visitor waited for it. @typedef {{ run: RunRecord, seconds: number }} Finished */

export class Drawing {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.asked = 0; // the newest wins
    /** @type {Run | null} */
    this.running = null;
    /** What was drawn last. @type {Finished | null} */
    this.last = null;
    /** Asked for while another picture was being drawn for the typing visitor. @type {(() => void) | null} */
    this.next = null;
    this.all = false; // the visitor pauses: every lens follows the picture that is being drawn
  }

  /** Draw what the panel says, with previews. */
  draw() {
    this.next = null; // what was typed is what is drawn now
    return this.begin(false);
  }

  /**
   * While one types. A picture of few steps is not given up for the next key, which would leave
   * nothing to see as long as keys come: the newest recipe follows it.
   */
  typed() {
    const { about, panel } = this.app;
    if (this.running && about.page.panel.atOnce.includes(panel.model)) {
      this.next = () => void this.begin(true);
      this.all = false; // typing goes on
      return;
    }
    return this.begin(true);
  }

  /** Stop: at most one network call later nothing is computed any more. */
  stop() {
    this.next = null;
    this.asked += 1;
    this.running?.cancel();
    this.running = null;
    this.say(studio.stopped());
  }

  /** Whether the panel says something else than what was drawn last. */
  get changed() {
    const { about, panel } = this.app;
    try {
      return !about.recipes.same(panel.recipe(), this.last?.run.recipe ?? about.usual);
    } catch {
      return true;
    }
  }

  /** Whether every lens follows what is being drawn, and nothing newer waits. */
  get paused() {
    return this.all && !this.next;
  }

  /** @param {boolean} typed */
  async begin(typed) {
    const ticket = ++this.asked, newest = () => ticket === this.asked, { app } = this;
    this.running?.cancel();
    this.running = null;
    try {
      const recipe = app.about.check(app.panel.recipe());
      const found = await this.sampled(recipe, typed, newest);
      if (!found || !newest()) return;
      this.last = found;
      const whole = !typed || this.paused;
      await app.finished(found, !whole);
      if (!whole && this.paused && newest()) await app.finished(found, false); // the pause came meanwhile
    } catch (error) {
      if (newest()) this.say(studio.message(app.sentence(error), true));
    } finally {
      if (newest()) {
        const { next } = this;
        this.running = this.next = null;
        if (!next) this.all = false; // else it is the next picture that every lens follows
        next?.();
      }
    }
  }

  /** @param {Recipe} recipe @param {boolean} typed @param {() => boolean} newest @returns {Promise<Finished | null>} */
  async sampled(recipe, typed, newest) {
    const { app } = this;
    const session = await app.session(recipe.model, (sentence) => newest() && this.say(studio.message(sentence)));
    if (!newest()) return null;
    if (!typed) this.say(studio.message("Getting ready …"));
    const run = (this.running = session.submit([recipe], { record: true, section: SECTION }));
    const name = String(this.asked), started = performance.now();
    let shown = 0;
    for await (const event of records(session, run)) {
      const now = performance.now();
      if (!newest()) return null;
      if (event instanceof RunRecord) return { run: event, seconds: (now - started) / 1000 };
      if (event.kind === "failure") throw new Error(`This picture failed: ${event.reason}`);
      if (event.kind !== "step" || typed || now - shown < FRAME) continue;
      const done = event.index + 1, left = (((now - started) / done) * (event.count - done)) / 1000;
      this.say(studio.sampling(name, event.previews.guided, recipe, done, event.count, left));
      shown = now;
    }
    return null;
  }

  /** @param {any} value */
  say(value) {
    this.app.show({ explorer: value });
  }
}
