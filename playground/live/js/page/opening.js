// @ts-check
/**
 * The engine of this page, and its models: started once, opened once, begun anew after a failure.
 *
 * @import { Progress } from "../engine/protocol.js"
 */
import { Engine, Session, SessionError } from "../engine/session.js";

const MB = 1e6;
const OPTIONS = /** @type {const} */ ({ provider: "wasm", threads: 1 }); // elsewhere wrong, slower or not there

const NO_WORKERS = "This browser starts no workers, so it cannot draw here. The example can be explored all the same.";

/** Why this browser cannot compute, in one sentence; empty if it can. */
export function missing() {
  const has = /** @type {any} */ (globalThis);
  if (!has.Worker) return NO_WORKERS;
  if (!has.WebAssembly || !has.DecompressionStream) return "This browser has no WebAssembly, or it is switched off, so it cannot draw here. The example can be explored all the same.";
  return "";
}

export class Models {
  /** @param {URL} site address of site.json */
  constructor(site) {
    this.site = site;
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
      this.sessions.delete(name);
      throw error;
    });
    this.sessions.set(name, opening);
    return opening;
  }

  /** @param {string} name */
  async open(name) {
    const report = (/** @type {Progress} */ progress) => this.tell(name, progress);
    if (!this.started) {
      const engine = (this.engine = begun(this.site));
      this.started = engine.start({ ...OPTIONS }, report).catch((error) => {
        engine.close();
        this.started = undefined;
        throw error;
      });
    }
    await this.started;
    const session = await /** @type {Engine} */ (this.engine).open(name, report);
    this.ready.set(name, session);
    return session;
  }

  /** @param {string} name @param {Progress} progress */
  tell(name, { what, done, total }) {
    const mb = (/** @type {number} */ bytes) => (bytes / MB).toFixed(1);
    const sentence = what === "preparing" ? "Preparing the model …" : `Fetching the ${what}: ${mb(done)} of ${mb(total)} MB. It is kept for the next visit.`;
    for (const [hear, model] of this.listeners) if (model === name || what === "runtime") hear(sentence);
  }
}

/** A browser may have workers and refuse to start one. @param {URL} site */
function begun(site) {
  try {
    return new Engine(site);
  } catch {
    throw new SessionError(NO_WORKERS);
  }
}
