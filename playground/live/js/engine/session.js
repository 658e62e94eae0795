// @ts-check
/**
 * The engine as a page sees it: a session on one model, which computes in a module worker.
 *
 *   const engine = new Engine(new URL("site.json", document.baseURI));
 *   await engine.start({ provider: "wasm", threads: 1 });
 *   const session = await engine.open("emoji-world", (progress) => …);
 *   const run = session.submit([recipe], { record: true, section: "studio" });
 *   for await (const event of run) …   // "started", "step", "picture", "failure", "dropped"
 *   run.cancel();                      // or leave the loop: break also cancels
 *
 * @import * as P from "./protocol.js"
 */

/** Something that cannot be done, in one sentence that a visitor understands. */
export class SessionError extends Error {}

/** @typedef {(progress: P.Progress) => void} Report */

/** The worker, and who waits for which of its answers. */
export class Engine {
  /**
   * @param {URL | string} site address of site.json
   * @param {Worker} [worker] another worker, for tests
   */
  constructor(site, worker) {
    this.site = String(site);
    this.worker = worker ?? new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    /** @type {Map<number, (said: P.Say) => void>} */
    this.waiting = new Map();
    /** Of the models that are open. @type {Map<string, Session>} */
    this.sessions = new Map();
    this.last = 0;
    this.heard = false; // whether the worker has said anything
    this.broken = ""; // why it never will
    this.listen();
  }

  listen() {
    this.worker.onmessage = ({ data }) => {
      this.heard = true;
      this.waiting.get(data.id)?.(data);
    };
    this.worker.onerror = (event) => {
      const reason = event.message || "The engine's worker could not be started.";
      if (!this.heard) this.broken = reason; // who asks later would wait for ever
      this.fail(reason);
    };
  }

  /** Begin: fetch the runtime. @param {P.Options} options @param {string} [likely] a model to make ready where the runtime is kept @param {Report} [report] @returns {Promise<P.Site>} */
  start(options, likely = "", report) {
    return this.ask({ ask: "start", site: this.site, options, likely, served: !!navigator.serviceWorker?.controller }, report);
  }

  /** Fetch a model and make it ready. @param {string} model @param {Report} [report] */
  async open(model, report) {
    const { opened, facts } = await this.ask({ ask: "open", model }, report);
    const session = new Session(this, facts, opened);
    this.sessions.set(model, session);
    return session;
  }

  /** A question with one answer. @param {any} question @param {Report} [report] @returns {Promise<any>} */
  ask(question, report) {
    if (this.broken) return Promise.reject(new SessionError(this.broken));
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, (said) => {
        if (said.say === "progress") return report?.(said.progress);
        this.waiting.delete(id);
        if (said.say === "answer") resolve(said.value);
        else reject(new SessionError(said.say === "error" ? said.reason : "The engine was closed."));
      });
      this.worker.postMessage({ id, ...question });
    });
  }

  /** End every question that is open. @param {string} reason */
  fail(reason) {
    for (const [id, heard] of this.waiting) heard({ id, say: "error", reason });
    this.waiting.clear();
  }

  /**
   * Go on with another engine's worker, in which the models of our sessions are open; this one's ends.
   * Nothing may be asked while it happens. @param {Engine} other
   */
  adopt(other) {
    if (this.waiting.size || other.waiting.size) throw new SessionError("The engine is at work.");
    this.worker.terminate();
    this.worker = other.worker;
    this.listen();
    for (const [name, session] of this.sessions) session.opened = /** @type {Session} */ (other.sessions.get(name)).opened;
  }

  close() {
    this.worker.terminate();
    this.fail("The engine was closed.");
  }
}

/** Draws with one model (engine/session.py: Session). */
export class Session {
  /** @param {Engine} engine @param {P.Model} facts @param {P.Opened} opened */
  constructor(engine, facts, opened) {
    this.engine = engine;
    this.facts = facts;
    this.opened = opened;
  }

  /**
   * Start drawing; a run replaces the earlier one of its section. `record` asks for word maps, `heads`
   * for those of every branch and head. With an `edit` there is one task, and the run has two cells, it
   * and its edit; if the edit has other words, a third one draws them alone.
   * @param {(P.Task | P.Recipe)[]} tasks
   * @param {{ record?: boolean, heads?: boolean, section?: string, edit?: P.Edit | null }} [options]
   */
  submit(tasks, { record = false, heads = false, section = "", edit = null } = {}) {
    return new Run(this.engine, { ask: "submit", tasks: tasks.map(taskOf), record, heads, section, edit });
  }

  /** What an edit of this recipe comes to, before it is drawn. @param {P.Recipe} recipe @param {P.Edit} edit @param {Report} [report] while the graph that edits is fetched @returns {Promise<P.EditPlan>} */
  plan(recipe, edit, report) {
    return this.engine.ask({ ask: "plan", recipe, edit }, report);
  }

  /** Every cross-attention layer's numbers at (x, y) in 0 … 1 of what the network saw at a timestep. @param {string} prompt @param {P.NdArray} latents @param {number} t @param {number} x @param {number} y @param {number} w of that step @param {Report} [report] while the graph for it is fetched @returns {Promise<P.WorkedLayer[]>} */
  workOut(prompt, latents, t, x, y, w, report) {
    return this.engine.ask({ ask: "workOut", model: this.facts.name, prompt, latents, t, x, y, w }, report);
  }

  /** The session of another open model: a run may draw with several. @param {string} model */
  beside(model) {
    return this.engine.sessions.get(model) ?? this;
  }

  /** Cancel one cell of a section's run. @param {string} section @param {P.Recipe} recipe @returns {Promise<void>} */
  drop(section, recipe) {
    return this.engine.ask({ ask: "drop", section, recipe });
  }

  /** The prompt as the model reads it. @param {string} prompt @returns {Promise<P.PromptFacts>} */
  describe(prompt) {
    return this.engine.ask({ ask: "describe", model: this.facts.name, prompt });
  }

  /** What drawing these together costs. @param {(P.Task | P.Recipe)[]} tasks @returns {Promise<P.Price>} */
  price(tasks) {
    return this.engine.ask({ ask: "price", tasks: tasks.map(taskOf) });
  }

  /** Recent seconds of a network call by its rows. @returns {Promise<Record<number, number>>} */
  callSeconds() {
    return this.engine.ask({ ask: "seconds", model: this.facts.name });
  }

  /** The starting noise of a seed [channels, h, w]. @param {number} seed @param {number} height @param {number} width @returns {Promise<P.NdArray>} */
  noise(seed, height, width) {
    return this.engine.ask({ ask: "noise", model: this.facts.name, seed, height, width });
  }

  /** The levels of a sampler's calls, and its end. @param {string} sampler @param {number} steps @returns {Promise<{ levels: P.Level[], end: P.Level }>} */
  levels(sampler, steps) {
    return this.engine.ask({ ask: "levels", model: this.facts.name, sampler, steps });
  }

  /** Latents [channels, h, w] of a picture RGBA [height, width, 4]. @param {P.NdArray<any>} image @param {Report} [report] while the encoder is fetched @returns {Promise<P.NdArray>} */
  encode(image, report) {
    return this.engine.ask({ ask: "encode", model: this.facts.name, image }, report);
  }

  /** RGBA pictures [n, height, width, 4] of latents [n, channels, h, w]. @param {P.NdArray} latents @returns {Promise<P.NdArray<Uint8ClampedArray>>} */
  decode(latents) {
    return this.engine.ask({ ask: "decode", model: this.facts.name, latents });
  }
}

/** The events of a run, in their order; leaving the loop cancels what is unfinished. */
export class Run {
  /** @param {Engine} engine @param {any} question */
  constructor(engine, question) {
    this.engine = engine;
    this.id = ++engine.last;
    /** @type {P.Say[]} */
    this.heard = [];
    this.wake = () => {};
    engine.waiting.set(this.id, (said) => {
      this.heard.push(said);
      if (said.say !== "event") engine.waiting.delete(this.id);
      this.wake();
    });
    engine.worker.postMessage({ id: this.id, ...question });
  }

  /** Raises SessionError for what cannot be drawn. @returns {AsyncGenerator<P.Event, void>} */
  async *[Symbol.asyncIterator]() {
    try {
      for (;;) {
        while (!this.heard.length) await new Promise((resolve) => (this.wake = () => resolve(undefined)));
        const said = /** @type {P.Say} */ (this.heard.shift());
        if (said.say === "end") return;
        if (said.say === "error") throw new SessionError(said.reason);
        if (said.say === "event") yield said.event;
      }
    } finally {
      this.cancel();
    }
  }

  /** Remove all unfinished cells: the iteration then ends, within one network call. */
  cancel() {
    if (this.engine.waiting.has(this.id)) void this.engine.ask({ ask: "cancel", run: this.id }).catch(() => {});
  }
}

/** @param {P.Task | P.Recipe} wanted @returns {P.Task} */
function taskOf(wanted) {
  return "recipe" in wanted ? wanted : { recipe: wanted };
}
