// @ts-check
/**
 * Several recipes drawn together from the same noise: their states, and how much is done
 * (page/together.py).
 *
 * @import { Dropped, Failure, Recipe, Step } from "../engine/protocol.js"
 * @import { Run, Session } from "../engine/session.js"
 * @import { About } from "./about.js"
 */
import { RunRecord, records } from "./record.js";

const FRAME = 250; // ms between frames of all previews

/** One of the recipes: its steps so far and, once it has ended, how. @typedef {{ recipe: Recipe, steps: Step[], end: RunRecord | Failure | Dropped | null }} Drawn */

export class Together {
  /** @param {About} about @param {Recipe[]} recipes */
  constructor(about, recipes) {
    this.about = about;
    /** @type {Drawn[]} */
    this.cells = recipes.map((recipe) => ({ recipe, steps: [], end: null }));
    this.started = performance.now();
  }

  get pictures() {
    return this.cells.flatMap(({ end }) => (end instanceof RunRecord ? [end.picture] : []));
  }

  /** Seconds since the beginning. */
  get spent() {
    return (performance.now() - this.started) / 1000;
  }

  /** How much of all calls is done; 1 only when every cell has ended. */
  get share() {
    if (this.cells.every((cell) => cell.end)) return 1;
    const counts = this.cells.map((cell) => this.about.calls(cell.recipe)), sum = (/** @type {number[]} */ of) => of.reduce((a, b) => a + b, 0);
    const done = this.cells.map((cell, i) => (cell.end ? counts[i] : cell.steps.length));
    return Math.min(sum(done) / sum(counts), 0.99);
  }

  /** Seconds still to wait, at the speed so far. */
  get left() {
    const share = Math.max(this.share, 0.01);
    return (this.spent / share) * (1 - share);
  }
}

/**
 * The state of a run: every now and then, whenever a cell ends, and at the end.
 * @param {Session} session @param {Run} run @param {Together} state
 * @returns {AsyncGenerator<Together, void>}
 */
export async function* follow(session, run, state) {
  let shown = 0;
  for await (const event of records(session, run)) {
    if (event instanceof RunRecord) state.cells[event.picture.cell].end = event;
    else if (event.kind === "step") state.cells[event.cell].steps.push(event);
    else if (event.kind === "failure" || event.kind === "dropped") state.cells[event.cell].end = event;
    const recent = !(event instanceof RunRecord) && event.kind === "step" && performance.now() - shown < FRAME;
    if (state.share < 1 && !recent) {
      yield state;
      shown = performance.now();
    }
  }
  yield state;
}
