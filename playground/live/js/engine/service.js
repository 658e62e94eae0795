// @ts-check
/**
 * Answers what a page asks of the engine (see protocol.js), in a worker or in a test.
 *
 * @import { Ask, Say, Site, Model, Options, Opened, Progress, Task, FileEntry, NdArray, Event, Edit, EditPlan, Recipe } from "./protocol.js"
 * @import { Prompt } from "./network.js"
 * @import { Run } from "./drawing.js"
 * @typedef {(file: FileEntry, base: string, report?: (bytes: number) => void) => Promise<Uint8Array<ArrayBuffer>>} BytesOf
 * @typedef {{ bytesOf: BytesOf, say: (said: Say) => void, read?: (url: string) => Promise<any>, kept?: (file: FileEntry) => Promise<boolean> }} World
 *   `kept` says whether the browser keeps a file, undamaged
 * @typedef {{ facts: Model, opened: Opened, network: Network, reader: Reader, check: import("./check.js").Check, prompts: Map<string, Promise<Prompt>> }} Open
 */
import { Cell, TaskError } from "./cells.js";
import { whole, workOut } from "./closer.js";
import { EditError, planned } from "./editing.js";
import { Drawing, LARGEST_RUN, MAX_ROWS } from "./drawing.js";
import * as exact from "./exact.js";
import { rows } from "./guidance.js";
import { Network, session } from "./network.js";
import { Generator } from "./noise.js";
import { Reader } from "./prompts.js";
import { startRuntime } from "./runtime.js";
import { Schedule } from "./schedules.js";
import { selfCheck, time } from "./check.js";
import { Tokenizer } from "./tokenizer.js";
import { Oracle } from "../world/oracle.js";

const KEPT = 200; // encoded prompts of a model
const PROVIDERS = { wasm: "WebAssembly", webgpu: "WebGPU" };

export class Service {
  /** @param {World} world */
  constructor({ bytesOf, say, read = async (url) => (await fetch(url)).json(), kept = async () => false }) {
    this.bytesOf = bytesOf;
    this.kept = kept;
    this.say = say;
    this.read = read;
    this.drawing = new Drawing();
    /** @type {Map<number, Run>} */
    this.runs = new Map();
    /** With the questions that hear how far each is. @type {Map<string, { open: Promise<Open>, asking: number[] }>} */
    this.models = new Map();
    /** Sessions of graphs, by provider and file. @type {Map<string, Promise<any>>} */
    this.sessions = new Map();
    /** @type {Promise<Oracle> | undefined} */
    this.oracle = undefined;
    /** When what runs in turn is done. @type {Promise<any>} */
    this.turn = Promise.resolve();
    this.base = "";
    this.options = /** @type {Options} */ ({ provider: "wasm", threads: 1 });
  }

  /** @param {Ask} asked */
  async answer(asked) {
    const { id } = asked;
    try {
      if (asked.ask === "submit") return await this.submit(asked);
      const value = await /** @type {any} */ (this)[asked.ask](asked);
      this.say({ id, say: "answer", value });
    } catch (error) {
      this.say({ id, say: "error", reason: error instanceof Error ? error.message : String(error) });
    }
  }

  /** @param {Ask & { ask: "start" }} asked @returns {Promise<Site>} */
  async start({ id, site, options, likely, served }) {
    this.base = site;
    this.options = options;
    this.site = /** @type {Site} */ (await this.read(site));
    const world = { bytesOf: this.bytesOf, kept: async (/** @type {FileEntry} */ file) => served && this.kept(file) };
    const { ort, kept } = await startRuntime(this.site, this.base, options, world, (progress) => this.say({ id, say: "progress", progress }));
    this.ort = ort;
    if (kept) { // a visit that needs no network: what will be asked for is begun at once
      void this.session(this.site.models[0].files.text, options.provider).catch(() => {});
      if (this.site.models.some(({ name }) => name === likely)) void this.ready(/** @type {string} */ (likely), id).catch(() => {});
    }
    return this.site;
  }

  /** @param {Ask & { ask: "open" }} asked */
  async open({ id, model: name }) {
    const { facts, opened } = await this.ready(name, id);
    return { facts, opened };
  }

  /** An open model; `asking` is the question that hears how far it is. @param {string} name @param {number} asking @returns {Promise<Open>} */
  ready(name, asking) {
    const known = this.models.get(name), ids = known?.asking ?? [];
    ids.push(asking);
    if (known) return known.open;
    const open = this.load(name, (progress) => ids.forEach((id) => this.say({ id, say: "progress", progress })));
    this.models.set(name, { open, asking: ids });
    open.catch(() => this.models.delete(name)); // so that it can be tried again
    return open;
  }

  /** @param {string} name @param {(progress: Progress) => void} report @returns {Promise<Open>} */
  async load(name, report) {
    const site = /** @type {Site} */ (this.site), facts = site.models.find((model) => model.name === name);
    if (!facts) throw new TaskError(`There is no model '${name.slice(0, 80)}' here; there are: ${site.models.map((model) => model.name).join(", ")}.`);
    const { weights, provider } = this.options, files = { ...facts.files, network: weights === "int8" ? facts.rounded : facts.files.network }, needed = Object.values(files).filter((file) => !this.sessions.has(`${provider} ${file}`));
    const total = sum(needed.map((file) => site.files[file].bytes));
    let done = 0, made = 0;
    const fetched = (/** @type {string} */ file) => this.bytesOf(site.files[file], this.base, (bytes) => report({ what: "model", done: (done += bytes), total }));
    const arrived = new Map(await Promise.all(needed.map(async (file) => /** @type {const} */ ([file, await fetched(file)]))));
    const [tokenizer, check] = [files.tokenizer, files.check].map((file) => parsed(/** @type {Uint8Array} */ (arrived.get(file))));
    const reader = new Reader(new Tokenizer(tokenizer), site.words, facts.lengths);
    const make = async (/** @type {Options["provider"]} */ provider) => {
      const sessions = [];
      for (const file of [files.text, files.network, files.decoder]) {
        sessions.push(await this.session(file, provider, undefined, arrived.get(file)));
        report({ what: "preparing", done: ++made, total: 3 });
      }
      return new Network(this.ort, facts, sessions);
    };
    const opened = /** @type {Opened} */ ({ model: name, ...this.options, refused: null });
    let network;
    try {
      network = await make(provider);
      if (provider === "webgpu") opened.refused = await selfCheck(network, reader, check, weights);
    } catch (error) {
      if (opened.provider === "wasm") throw error;
      opened.refused = error instanceof Error ? error.message : String(error);
    }
    if (opened.refused !== null || !network) {
      opened.provider = "wasm";
      await this.release(files.network, provider);
      network = await make("wasm");
    }
    this.drawing.networks.set(name, { network, provider: `${PROVIDERS[opened.provider]}${weights === "int8" ? " with weights of 8 bits" : ""}` });
    return { facts, opened, network, reader, check, prompts: new Map() };
  }

  /** A graph's session, one for all models that share its file. @param {string} file @param {Options["provider"]} provider @param {(bytes: number) => void} [report] @param {Uint8Array<ArrayBuffer>} [graph] if it is here @returns {Promise<any>} */
  session(file, provider, report, graph) {
    const name = `${provider} ${file}`, known = this.sessions.get(name), { files } = /** @type {Site} */ (this.site);
    if (known) return known;
    const making = (async () => {
      const bytes = graph ?? (await this.bytesOf(files[file], this.base, report));
      const made = this.calling(await this.inTurn(() => session(this.ort, bytes, provider), true));
      if (provider === "wasm") release(bytes); // else it may be wanted again, if WebGPU is refused
      return made;
    })();
    this.sessions.set(name, making);
    making.catch(() => this.sessions.delete(name)); // so that it can be tried again
    return making;
  }

  /** A session whose calls run in turn. Not made where a graph's bytes are at hand: what closes over them keeps them. @param {any} made */
  calling(made) {
    return { run: (/** @type {any[]} */ ...given) => this.inTurn(() => made.run(...given)), release: () => made.release() };
  }

  /** ONNX Runtime is given the weights of one graph at a time (`always`), and its build with WebGPU can do one thing at a time (emscripten's Asyncify). @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  inTurn(work, always = false) {
    if (!always && this.options.provider === "wasm") return work();
    const done = this.turn.then(work);
    this.turn = done.catch(() => {});
    return done;
  }

  /** @param {string} file @param {Options["provider"]} provider */
  async release(file, provider) {
    const name = `${provider} ${file}`, made = await this.sessions.get(name)?.catch(() => null);
    this.sessions.delete(name);
    await made?.release();
  }

  /** @param {string} name */
  async opened(name) {
    const opening = this.models.get(name)?.open;
    if (!opening) throw new TaskError(`The model '${name.slice(0, 80)}' is not open.`);
    return opening;
  }

  /** Encoded once while it is among the recent ones. @param {Open} open @param {string} text @returns {Promise<Prompt>} */
  encoded({ prompts, network, reader }, text) {
    const kept = prompts.get(text) ?? (async () => network.encode(reader.read(text)))();
    prompts.delete(text);
    prompts.set(text, kept);
    kept.catch(() => prompts.delete(text));
    if (prompts.size > KEPT) prompts.delete(/** @type {string} */ (prompts.keys().next().value));
    return kept;
  }

  /** @param {Ask & { ask: "submit" }} asked */
  async submit({ id, tasks: asked, record, heads, section, edit = null }) {
    const made = edit && (await this.planned(asked[0].recipe, edit));
    const tasks = made ? [asked[0], { recipe: made.recipe }, ...(made.recipe === asked[0].recipe ? [] : [{ recipe: made.recipe }])] : asked;
    if (!tasks.length || tasks.length > LARGEST_RUN) throw new TaskError(`A run has 1 to ${LARGEST_RUN} pictures, not ${tasks.length}.`);
    const run = /** @type {Run} */ ({ section, cells: [], say: (event) => this.tell(id, event) });
    this.runs.set(id, run);
    try {
      const cells = [];
      for (const [i, task] of tasks.entries()) cells.push(await this.cell(i, task, record, heads));
      if (made) await this.closer(asked[0].recipe.model);
      if (made) Object.assign(cells[1], { source: cells[0], plan: made.plan });
      if (this.runs.get(id) !== run) return; // it was cancelled meanwhile
      run.cells = cells;
    } catch (error) {
      this.runs.delete(id);
      throw error;
    }
    this.say({ id, say: "event", event: { kind: "started", counts: run.cells.map(({ levels }) => levels.length) } });
    this.drawing.add(run);
  }

  /** @param {Recipe} recipe @param {Edit} edit */
  async planned(recipe, edit) {
    const { reader, facts } = await this.opened(recipe.model);
    if (facts.kind === "joint") throw new EditError("This model's words and image attend to each other; an edit needs cross-attention, where the image reads the words alone.");
    return planned(reader, recipe, edit);
  }

  /** @param {Ask & { ask: "plan" }} asked @returns {Promise<EditPlan>} */
  async plan({ id, recipe: source, edit }) {
    const { recipe, touched } = await this.planned(source, edit);
    await this.closer(source.model, (progress) => this.say({ id, say: "progress", progress }));
    return { recipe, touched };
  }

  /** @param {Ask & { ask: "workOut" }} asked */
  async workOut({ id, model, prompt, latents, t, x, y, w }) {
    const network = await this.closer(model, (progress) => this.say({ id, say: "progress", progress }));
    return workOut(network, await this.encoded(await this.opened(model), prompt), latents, t, x, y, w);
  }

  /** A model's network, once its graph that looks closer is here too; with weights of 8 bits those of 16 bits are fetched. @param {string} model @param {(progress: Progress) => void} [report] */
  async closer(model, report = () => {}) {
    const { facts, network } = await this.opened(model), { closer, files, label } = facts, known = /** @type {Site} */ (this.site).files;
    if (!closer) throw new TaskError(`${label} is no U-Net: its words and image attend to each other.`);
    if (!this.sessions.has(`wasm ${closer.file}`)) {
      const needed = [closer.file, files.network].map((file) => known[file]), total = sum(needed.map(({ bytes }) => bytes));
      let done = 0;
      const [structure, graph] = await Promise.all(needed.map((file) => this.bytesOf(file, this.base, (bytes) => report({ what: "graph that looks closer", done: (done += bytes), total }))));
      const all = whole(structure, graph, closer.weights);
      release(graph);
      network.closer = await this.session(closer.file, "wasm", undefined, all);
    }
    network.closer ??= await this.session(closer.file, "wasm");
    return network;
  }

  /** @param {number} index @param {Task} task @param {boolean} record @param {boolean} heads */
  async cell(index, task, record, heads) {
    const start = performance.now(), open = await this.opened(task.recipe.model);
    const [cond, uncond] = [await this.encoded(open, task.recipe.prompt), await this.encoded(open, task.recipe.negative)];
    const cell = new Cell(index, task, open.facts, { cond, uncond }, record, heads);
    cell.seconds.words = (performance.now() - start) / 1000;
    return cell;
  }

  /** @param {number} id @param {Event | null} event */
  tell(id, event) {
    if (event) return this.say({ id, say: "event", event });
    this.runs.delete(id);
    this.say({ id, say: "end" });
  }

  /** @param {Ask & { ask: "cancel" }} asked */
  cancel({ run: id }) {
    const run = this.runs.get(id);
    if (!run) return;
    this.drawing.remove(run);
    if (this.runs.delete(id)) this.say({ id, say: "end" }); // it had not begun
  }

  /** @param {Ask & { ask: "drop" }} asked */
  drop({ section, recipe }) {
    this.drawing.drop(section, recipe);
  }

  /** @param {Ask & { ask: "describe" }} asked */
  async describe({ model, prompt }) {
    const { text, ids, names, roles, words, cut, embeds } = await this.encoded(await this.opened(model), prompt);
    return { text, ids, names, roles, words, cut, embeds };
  }

  /** @param {Ask & { ask: "price" }} asked */
  async price({ tasks }) {
    if (!tasks.length) return { calls: 0, rows: 0, launches: 0, seconds: 0 };
    const { name } = (await this.opened(tasks[0].recipe.model)).facts;
    const each = await Promise.all(tasks.map(async ({ recipe, steps, exact: asked }) => {
      const { facts } = await this.opened(recipe.model);
      const calls = asked === undefined ? new Schedule(facts, recipe.sampler, steps ?? recipe.steps).levels.length : exact.CALLS;
      return { calls, rows: rows(recipe, calls, facts.guidance) };
    }));
    const all = { calls: sum(each.map(({ calls }) => calls)), rows: sum(each.map((one) => one.rows)) };
    const launches = Math.max(Math.ceil(all.rows / MAX_ROWS), ...each.map(({ calls }) => calls));
    return { ...all, launches, seconds: estimate(this.drawing.secondsOf(name), all.rows / launches, launches) };
  }

  /** @param {Ask & { ask: "noise" }} asked @returns {Promise<NdArray>} */
  async noise({ model, seed, height, width }) {
    const { facts } = await this.opened(model), shape = [facts.channels, height / facts.factor, width / facts.factor];
    return { shape, data: new Generator(seed).normal(shape.reduce((a, b) => a * b)) };
  }

  /** @param {Ask & { ask: "levels" }} asked */
  async levels({ model, sampler, steps }) {
    const { levels, grid } = new Schedule((await this.opened(model)).facts, sampler, steps);
    return { levels, end: grid.end };
  }

  /** @param {Ask & { ask: "decode" }} asked @returns {Promise<NdArray<Uint8ClampedArray>>} */
  async decode({ model, latents: { shape: [count, ...shape], data } }) {
    const { network } = await this.opened(model), size = data.length / count, images = [];
    for (let i = 0; i < count; i++) images.push(await network.decode({ shape, data: data.subarray(i * size, (i + 1) * size) }));
    const all = new Uint8ClampedArray(sum(images.map((image) => image.data.length)));
    images.forEach((image, i) => all.set(image.data, i * image.data.length));
    return { shape: [count, ...images[0].shape], data: all };
  }

  /** @param {Ask & { ask: "encode" }} asked @returns {Promise<NdArray>} */
  async encode({ id, model, image }) {
    const { facts: { encoder: file }, network } = await this.opened(model), { bytes: total } = /** @type {Site} */ (this.site).files[file];
    let done = 0;
    const encoder = await this.session(file, "wasm", (bytes) => this.say({ id, say: "progress", progress: { what: "encoder", done: (done += bytes), total } }));
    return network.latentsOf(image, encoder);
  }

  /** The oracle's verdict on a picture. @param {Ask & { ask: "judge" }} asked */
  async judge({ recipe: { prompt }, image }) {
    return (await this.asking()).judge(prompt, image);
  }

  /** Why pictures of a recipe cannot be judged; empty if they can. @param {Ask & { ask: "unjudgeable" }} asked */
  async unjudgeable({ recipe: { prompt, height, width } }) {
    return (await this.asking()).whyNot(prompt, [height, width]);
  }

  /** @param {Ask & { ask: "measure" }} asked */
  async measure({ recipe: { prompt }, images }) {
    return (await this.asking()).measure(prompt, images);
  }

  /** The oracle; it is fetched when it is asked for the first time. */
  asking() {
    this.oracle ??= this.loadOracle();
    this.oracle.catch(() => (this.oracle = undefined)); // so that it can be tried again
    return this.oracle;
  }

  async loadOracle() {
    const { files, oracle } = /** @type {Site} */ (this.site);
    const words = parsed(await this.bytesOf(files[oracle.words], this.base));
    return new Oracle(this.ort, await this.session(oracle.graph, "wasm"), words);
  }

  /** Seconds of one stored call. @param {Ask & { ask: "time" }} asked */
  async time({ model }) {
    const { network, reader, check } = await this.opened(model);
    return time(network, reader, check);
  }

  /** @param {Ask & { ask: "seconds" }} asked */
  seconds({ model }) {
    return this.drawing.secondsOf(model);
  }
}

/** @param {Uint8Array} bytes of JSON */
const parsed = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

/** Give memory back now: browsers collect large buffers late. @param {Uint8Array<ArrayBuffer>} bytes that nobody reads any more */
const release = ({ buffer }) => void (/** @type {any} */ (buffer).transfer?.(0));

/** @param {number[]} numbers */
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

/** Seconds of so many calls of so many rows, between what was measured. @param {Record<number, number>} measured @param {number} rows @param {number} calls */
function estimate(measured, rows, calls) {
  const known = Object.keys(measured).map(Number).sort((a, b) => a - b);
  if (!known.length) return null;
  const last = known[known.length - 1], above = known.find((n) => n >= rows) ?? last, below = known.filter((n) => n <= rows).pop() ?? known[0];
  const part = above === below ? 0 : (rows - below) / (above - below);
  const one = measured[below] + part * (measured[above] - measured[below]);
  return calls * one * Math.max(1, rows / last);
}
