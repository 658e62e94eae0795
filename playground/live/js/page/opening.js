// @ts-check
/**
 * The engine of this page, and its models: started once, opened once, begun anew after a failure.
 *
 * @import { Options, Progress } from "../engine/protocol.js"
 */
import { faster, raced } from "./choosing.js";
import { Engine, Session, SessionError } from "../engine/session.js";

const MB = 1e6;
const USUAL = /** @type {const} */ ({ provider: "wasm", threads: 1, weights: "half" }); // works everywhere
const REST = 100; // ms between two looks whether anything is asked

/** Other options are right but not faster: seconds of a call as before, and of what was tried. */
export class SlowerError extends SessionError {
  /** @param {[number, number]} seconds */
  constructor(seconds) {
    const [before, tried] = seconds.map((s) => `${Math.round(1000 * s)} ms`);
    super(`It is not faster here: a network call takes ${tried}, and ${before} as before.`);
    this.seconds = seconds;
  }
}

const NO_WORKERS = "This browser starts no workers, so it cannot draw here. The example can be explored all the same.";

/** Why this browser cannot compute, in one sentence; empty if it can. */
export function missing() {
  const has = /** @type {any} */ (globalThis);
  if (!has.Worker) return NO_WORKERS;
  if (!has.WebAssembly || !has.DecompressionStream) return "This browser has no WebAssembly, or it is switched off, so it cannot draw here. The example can be explored all the same.";
  return "";
}

/** Whether the visitor asks to save data. */
export const saving = () => !!(/** @type {any} */ (navigator).connection?.saveData);

export class Models {
  /** @param {URL} site address of site.json */
  constructor(site) {
    this.site = site;
    /** @type {Options} */
    this.options = { ...USUAL };
    this.restarts = 0;
    /** @type {Engine | null} */
    this.engine = null;
    /** @type {Promise<any> | undefined} */
    this.started = undefined;
    /** @type {Map<string, Promise<Session>>} */
    this.sessions = new Map();
    /** Who wants to hear of a model's progress. @type {Map<(sentence: string) => void, string>} */
    this.listeners = new Map();
    /** Sessions that are there. @type {Map<string, Session>} */
    this.ready = new Map();
  }

  /** The session of a model; SessionError with a plain sentence if it cannot be had, and then the next call tries again. @param {string} name @returns {Promise<Session>} */
  session(name) {
    const known = this.sessions.get(name);
    if (known) return known;
    const opening = this.open(name).catch((error) => {
      if (this.sessions.get(name) === opening) this.sessions.delete(name);
      throw error;
    });
    this.sessions.set(name, opening);
    return opening;
  }

  /** Start the worker, before it is known what it is to do. */
  warm() {
    try {
      this.engine = begun(this.site);
    } catch {
      /* it is said when a model is opened */
    }
  }

  /** Start the engine and its runtime, which every model needs; where the runtime is kept, this model is made ready too. @param {string} [likely] @returns {Promise<any>} */
  async begin(likely = "") {
    if (!this.started) {
      const engine = (this.engine ??= begun(this.site));
      this.started = engine.start(this.options, likely, (progress) => this.tell("", progress)).catch((error) => {
        engine.close();
        if (this.engine === engine) {
          this.engine = null;
          this.started = undefined;
          this.options = { ...this.options, provider: "wasm", threads: 1 }; // whoever tries again begins with what works everywhere
        }
        throw error;
      });
    }
    return this.started;
  }

  /** @param {string} name */
  async open(name) {
    await this.begin();
    const session = await /** @type {Engine} */ (this.engine).open(name, (progress) => this.tell(name, progress));
    this.ready.set(name, session);
    return session;
  }

  /** Begin anew with these options; whoever waits for what was begun reads an error. Returns whether anything was begun. @param {Options} options */
  restart(options) {
    const begun = !!this.started;
    this.options = options;
    this.engine?.close();
    this.engine = null;
    this.started = undefined;
    this.sessions.clear();
    this.restarts += 1;
    return begun;
  }

  /** Until nothing was asked for so many milliseconds. @param {number} time */
  async rest(time) {
    for (let last = -1; this.engine && (last !== this.engine.last || this.engine.waiting.size); ) {
      last = this.engine.last;
      await pause(time);
    }
  }

  /**
   * Go on with other options in a worker of its own, with the models that are open; SessionError in one
   * sentence if they compute wrongly or, where `speed` is asked for, not faster. Returns the seconds of a
   * call before and now, if they were asked for.
   * @param {Options} options @param {{ speed: boolean }} asked @param {(progress: Progress) => void} [report]
   */
  async change(options, { speed }, report) {
    const now = /** @type {Engine} */ (this.engine), other = begun(this.site);
    const missing = () => [...now.sessions.keys()].filter((name) => !other.sessions.has(name));
    let seconds = null;
    try {
      await other.start(options, "", report);
      do {
        for (const name of missing()) {
          const { opened: { refused } } = await other.open(name, report);
          if (refused) throw new SessionError(refused);
        }
        if (speed) seconds = await raced(now, other, [...now.sessions.keys()][0]);
        if (seconds && !faster(seconds)) throw new SlowerError(seconds);
        while (now.waiting.size) await pause(REST); // nothing is lost
      } while (missing().length);
      now.adopt(other);
      this.options = options;
      return seconds;
    } catch (error) {
      other.close();
      throw error;
    }
  }

  /** @param {string} name @param {Progress} progress */
  tell(name, progress) {
    for (const [hear, model] of this.listeners) if (model === name || progress.what === "runtime") hear(this.sentence(progress));
  }

  /** @param {Progress} progress */
  sentence({ what, done, total }) {
    const mb = (/** @type {number} */ bytes) => (bytes / MB).toFixed(1);
    return what === "preparing" ? "Preparing the model …" : `Fetching the ${what}: ${mb(done)} of ${mb(total)} MB. It is kept for the next visit.`;
  }
}

/** @param {number} time ms */
const pause = (time) => new Promise((resume) => setTimeout(resume, time));

/** A browser may have workers and refuse to start one. @param {URL} site */
function begun(site) {
  try {
    return new Engine(site);
  } catch {
    throw new SessionError(NO_WORKERS);
  }
}
