// @ts-check
/**
 * A section of a lens that computes when asked: one button starts it, another one stops it
 * (page/sections.py).
 *
 * @import { Edit, Recipe, Task } from "../engine/protocol.js"
 * @import { Run, Session } from "../engine/session.js"
 * @import { App } from "./app.js"
 * @import { Fit } from "./about.js"
 */
import { button, line, make } from "./dom.js";

/**
 * What the section's work is given: `say` shows a sentence, `newest` is whether nothing newer was
 * asked, `submit` begins a run that Stop cancels.
 * @typedef {{
 *   say: (text: string, share?: number) => void, newest: () => boolean,
 *   session: (model: string) => Promise<Session>,
 *   submit: (session: Session, tasks: (Task | Recipe)[], options?: { record?: boolean, heads?: boolean, edit?: Edit }) => Run
 * }} Work
 */

export class Section {
  /**
   * @param {App} app @param {string} id @param {string} label of Start
   * @param {(value: any) => void} show of the view that says what was refused
   * @param {{ message: (text: string, error?: boolean, share?: number) => any, stopped: () => any }} words
   */
  constructor(app, id, label, show, words) {
    this.app = app;
    this.id = id;
    this.show = show;
    this.words = words;
    this.asked = 0;
    /** @type {Run | null} */
    this.running = null;
    this.buttons = make("div", { class: "pair" },
      button(label, () => this.start(), { id: `${id}-start`, class: "start primary" }),
      button("Stop", () => this.stop(), { id: `${id}-stop`, class: "stop" }));
    /** @type {(work: Work) => Promise<void>} */
    this.work = async () => {};
  }

  start() {
    return this.begin(this.work);
  }

  /** Let this be the section's work; what ran before ends. @param {(work: Work) => Promise<void>} work */
  async begin(work) {
    const ticket = ++this.asked, newest = () => ticket === this.asked, { app } = this;
    this.running?.cancel();
    const say = (/** @type {string} */ text, /** @type {number} */ share = 0) => {
      if (newest()) this.show(this.words.message(text, false, share));
    };
    try {
      await work({
        say, newest,
        session: (model) => app.session(model, say),
        submit: (session, tasks, options = {}) => {
          if (!newest()) throw new Error("Something newer was asked."); // while the model came; nobody reads it
          return (this.running = session.submit(tasks, { ...options, section: this.id }));
        },
      });
    } catch (error) {
      if (newest()) this.show(this.words.message(app.sentence(error), true));
    }
  }

  stop() {
    this.asked += 1;
    this.running?.cancel();
    this.running = null;
    this.show(this.words.stopped());
  }
}

/** A line that says why a part of the page does not fit the panel's model, if so. @param {string} part @param {string} id */
export function reason(part, id = "") {
  const said = line({ class: "refused", ...(id ? { id } : {}) });
  return {
    element: said.element,
    /** @param {Fit} model */
    fit: (model) => said.say(model.whyNot[part] && `Not with this model: ${model.whyNot[part]}`),
  };
}
