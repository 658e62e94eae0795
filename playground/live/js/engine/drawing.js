// @ts-check
/**
 * Continuous batching: all cells of all runs advance together, one network call a tick.
 *
 * A grid, a race and a picture are the same thing: cells in the batch. Cancelling removes cells, and
 * takes effect within one tick (engine/engine.py).
 *
 * @import { Branch, Event, Recipe } from "./protocol.js"
 * @import { Network, Answer, Row } from "./network.js"
 * @import { Cell } from "./cells.js"
 * @typedef {{ section: string, cells: Cell[], say: (event: Event | null) => void }} Run null ends it
 */
import { injects } from "./editing.js";

export const MAX_ROWS = 8; // of a network call: previews and cancelling wait for the whole of it
export const LARGEST_RUN = 256; // cells
const LATELY = 9; // calls of one size: their median is the estimate, because single calls may be slow

export class Drawing {
  constructor() {
    /** @type {Run[]} */
    this.runs = [];
    this.working = false;
    /** Seconds of the latest network calls, by model and number of rows. @type {Map<string, Map<number, number[]>>} */
    this.measured = new Map();
    /** @type {Map<string, { network: Network, provider: string }>} */
    this.networks = new Map();
    /** In which tick cells of a model and a size were computed last. @type {Map<string, number>} */
    this.served = new Map();
    this.ticks = 0;
  }

  /** Start a run; it replaces the earlier one of its section. @param {Run} run */
  add(run) {
    if (run.section) for (const other of this.runs.filter(({ section }) => section === run.section)) this.remove(other);
    this.runs.push(run);
    if (!this.working) void this.work();
  }

  /** @param {Run} run */
  remove(run) {
    if (!this.runs.includes(run)) return;
    this.runs = this.runs.filter((other) => other !== run);
    run.cells = [];
    run.say(null);
  }

  /** Cancel the cells of a section that draw a recipe. @param {string} section @param {Recipe} recipe */
  drop(section, recipe) {
    const text = JSON.stringify(recipe);
    for (const run of this.runs.filter((one) => one.section === section)) {
      for (const cell of run.cells.filter((one) => JSON.stringify(one.recipe) === text)) this.end(run, cell, { kind: "dropped", cell: cell.index });
    }
  }

  /** Recent seconds of a network call, by its number of rows. @param {string} model @returns {Record<number, number>} */
  secondsOf(model) {
    const calls = [...(this.measured.get(model) ?? [])].sort(([a], [b]) => a - b);
    return Object.fromEntries(calls.map(([rows, all]) => [rows, all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]]));
  }

  async work() {
    this.working = true;
    while (this.runs.length) {
      await breath();
      const chosen = this.choose();
      if (chosen.length) await this.tick(chosen);
    }
    this.working = false;
  }

  /**
   * The cells of the next tick, one of each run in turn, with one model and one size: of those that
   * the first run has, the one that has waited longest. An edited cell comes with its source.
   * @returns {[Run, Cell][]}
   */
  choose() {
    const queues = this.runs.map((run) => inOrder(run.cells).map((cell) => /** @type {[Run, Cell]} */ ([run, cell])));
    const most = Math.max(0, ...queues.map(({ length }) => length)), chosen = /** @type {[Run, Cell][]} */ ([]);
    const kinds = (queues.find(({ length }) => length) ?? []).map(([, cell]) => kindOf(cell)), since = (/** @type {string} */ kind) => this.served.get(kind) ?? 0;
    const wanted = kinds.toSorted((a, b) => since(a) - since(b))[0];
    let rows = 0;
    for (let place = 0; place < most; place++) for (const [run, cell] of queues.flatMap((queue) => queue.slice(place, place + 1))) {
      const together = groupOf(cell, run.cells), needed = together.reduce((sum, { branches }) => sum + branches.length, 0);
      if (!together.length || kindOf(cell) !== wanted || (chosen.length && rows + needed > MAX_ROWS)) continue;
      chosen.push(...together.map((one) => /** @type {[Run, Cell]} */ ([run, one])));
      rows += needed;
    }
    if (wanted) this.served.set(wanted, ++this.ticks);
    this.runs.push(...this.runs.splice(0, 1)); // who was first is last in the next tick
    return chosen;
  }

  /** One network call for all cells; if it fails, one for each, an edit with its source: only the faulty one ends. @param {[Run, Cell][]} chosen */
  async tick(chosen) {
    const cells = chosen.map(([, cell]) => cell), latents = cells.map((cell) => cell.latents), start = performance.now();
    let answers;
    try {
      answers = await this.ask(cells, latents);
    } catch (error) {
      const groups = chosen.map(([, cell]) => chosen.filter(([, one]) => one === cell || one.source === cell)).filter(([[, { source }]]) => !source || !cells.includes(source));
      if (groups.length === 1) for (const pair of chosen) this.fail(...pair, error);
      else for (const group of groups) await this.tick(group);
      return;
    }
    const seconds = (performance.now() - start) / 1000, rows = answers.reduce((sum, { mine }) => sum + Object.keys(mine).length, 0);
    for (const [i, [run, cell]] of chosen.entries()) {
      cell.seconds.network += (seconds * Object.keys(answers[i].mine).length) / rows;
      try {
        const step = cell.advance(latents[i], answers[i].mine, answers[i].shared);
        if (run.cells.includes(cell)) run.say(step);
      } catch (error) {
        this.fail(run, cell, error);
      }
    }
    for (const [run, cell] of chosen) if (!cell.left && run.cells.includes(cell)) await this.finish(run, cell);
  }

  /** Equal rows are computed once: cells of the same noise and prompt share their first call at any w. @param {Cell[]} cells @param {Float32Array[]} latents */
  async ask(cells, latents) {
    const { name } = cells[0].model, { network, provider } = /** @type {{ network: Network, provider: string }} */ (this.networks.get(name));
    const rows = /** @type {Row[]} */ ([]), rowOf = /** @type {Map<Branch, number>[]} */ ([]);
    for (const [i, cell] of cells.entries()) {
      const source = cell.source && rowOf[cells.indexOf(cell.source)];
      if (cell.source && !source) throw new Error("The picture that this edit starts from failed.");
      rowOf.push(new Map(cell.branches.map((branch) => [branch, this.row(rows, cell, branch, latents[i], source?.get(branch))])));
    }
    const start = performance.now(), answers = await network.predict(rows);
    this.measure(name, rows.length, (performance.now() - start) / 1000);
    const given = new Set();
    return cells.map((cell, i) => {
      cell.provider = provider;
      const numbers = new Set(rowOf[i].values()), shared = [...numbers].filter((row) => given.has(row)).length + rowOf[i].size - numbers.size;
      numbers.forEach((row) => given.add(row));
      return { mine: /** @type {Record<Branch, Answer>} */ (Object.fromEntries([...rowOf[i]].map(([branch, row]) => [branch, answers[row]]))), shared };
    });
  }

  /** The number of the row that answers a branch; a new one if there is none, or if it reads the attention of row `source`. @param {Row[]} rows @param {Cell} cell @param {Branch} branch @param {Float32Array} latents @param {number} [source] */
  row(rows, cell, branch, latents, source) {
    const level = cell.levels[cell.call], prompt = cell.prompts[branch], { scale: guidance } = cell;
    const told = cell.model.guidance.name === "embedded";
    const edit = cell.plan && branch === "cond" && source !== undefined ? { source, plan: cell.plan, inject: injects(cell.plan, cell.call, cell.levels.length) } : null;
    const same = edit ? -1 : rows.findIndex((row) => !row.edit && row.prompt === prompt && row.level.t === level.t && row.level.noise === level.noise && (!told || row.guidance === guidance) && equal(row.latents, latents));
    const number = same < 0 ? rows.length : same;
    if (same < 0) rows.push({ latents, shape: cell.shape, level, prompt, guidance, maps: false, heads: false, edit });
    rows[number].maps ||= cell.record && branch === "cond";
    rows[number].heads ||= cell.heads;
    return number;
  }

  /** @param {string} model @param {number} rows @param {number} seconds */
  measure(model, rows, seconds) {
    const calls = this.measured.get(model) ?? new Map();
    this.measured.set(model, calls.set(rows, [...(calls.get(rows) ?? []), seconds].slice(-LATELY)));
  }

  /** @param {Run} run @param {Cell} cell */
  async finish(run, cell) {
    const start = performance.now();
    try {
      const { network } = /** @type {{ network: Network }} */ (this.networks.get(cell.model.name));
      const image = await network.decode({ shape: cell.shape, data: cell.latents });
      cell.seconds.decoder += (performance.now() - start) / 1000;
      this.end(run, cell, cell.picture(image));
    } catch (error) {
      this.fail(run, cell, error);
    }
  }

  /** @param {Run} run @param {Cell} cell @param {unknown} error */
  fail(run, cell, error) {
    const [first] = String(error instanceof Error ? error.message : error).trim().split("\n");
    this.end(run, cell, { kind: "failure", cell: cell.index, reason: first || "It failed without saying why." });
  }

  /** @param {Run} run @param {Cell} cell @param {Event} event */
  end(run, cell, event) {
    if (!run.cells.includes(cell)) return; // it was cancelled meanwhile
    run.cells = run.cells.filter((other) => other !== cell);
    run.say(event);
    if (!run.cells.length) this.remove(run);
  }
}

/**
 * Urgent cells first, then the others as they were asked for. A cell is urgent if waiting would make
 * the run longer than its lower bound: the calls of its longest cell, or all its rows in full calls
 * (McNaughton 1959, Management Science 6, 1).
 * @param {Cell[]} cells
 */
export function inOrder(cells) {
  const rows = cells.reduce((sum, cell) => sum + cell.branches.length * cell.left, 0);
  const shortest = Math.max(Math.ceil(rows / MAX_ROWS), ...cells.map(({ left }) => left));
  return [...cells.filter(({ left }) => left >= shortest), ...cells.filter(({ left }) => left < shortest)];
}

/** A cell and its edit, if it has one; nothing for an edit whose source is there. @param {Cell} cell @param {Cell[]} cells */
const groupOf = (cell, cells) => (cell.source && cells.includes(cell.source) ? [] : [cell, ...cells.filter(({ source }) => source === cell)]);

/** What can be computed in one call. @param {Cell} cell */
const kindOf = ({ model, shape }) => `${model.name} ${shape}`;

/** @param {Float32Array} a @param {Float32Array} b */
function equal(a, b) {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}

/** Let messages in. @returns {Promise<void>} */
function breath() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
