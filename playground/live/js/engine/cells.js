// @ts-check
/**
 * A cell: one picture that is being drawn, with its own recipe, noise, solver and call count.
 *
 * @import { Branch, Level, Model, Picture, Step, Task, NdArray } from "./protocol.js"
 * @import { Answer, Prompt } from "./network.js"
 * @import { Solving } from "./solvers.js"
 * @import { Plan } from "./editing.js"
 */
import { GUIDERS, NOT_PLAIN, SCHEDULES, branches, isPlain, rescale, scaleAt } from "./guidance.js";
import { PREDICTIONS, converted } from "./levels.js";
import { Generator } from "./noise.js";
import { Exact } from "./exact.js";
import { Given } from "./given.js";
import { Schedule } from "./schedules.js";
import { JOINT } from "./weighting.js";

/** What cannot be drawn, in one sentence that a visitor understands. */
export class TaskError extends Error {}

export class Cell {
  /**
   * @param {number} index @param {Task} task @param {Model} model
   * @param {Record<Branch, Prompt>} prompts @param {boolean} record @param {boolean} heads
   */
  constructor(index, task, model, prompts, record, heads) {
    const { recipe } = task;
    check(recipe, model, prompts);
    this.index = index;
    this.task = task;
    this.model = model;
    this.prompts = prompts;
    this.record = record;
    this.heads = heads;
    this.prediction = PREDICTIONS[model.prediction];
    this.shape = [model.channels, recipe.height / model.factor, recipe.width / model.factor];
    const count = this.shape.reduce((a, b) => a * b), generator = new Generator(recipe.seed), noise = generator.normal(count);
    /** @type {NdArray[]} */
    this.path = [];
    if (task.exact !== undefined && !isPlain(recipe)) throw new TaskError(NOT_PLAIN);
    const schedule = task.given ? new Given(task.given) : task.exact === undefined ? new Schedule(model, recipe.sampler, task.steps ?? recipe.steps) : new Exact(model, task.exact);
    /** One level a network call. */
    this.levels = schedule.levels;
    this.solving = schedule.solve(noise, { z: () => generator.normal(count), eta: recipe.eta });
    this.exact = schedule instanceof Exact ? schedule : null;
    this.asked = this.solving.next();
    this.call = 0;
    this.rows = 0;
    this.shared = 0;
    this.seconds = { words: 0, network: 0, solver: 0, decoder: 0 };
    this.provider = "";
    /** Whose attention this cell's edit reads. @type {Cell | null} */
    this.source = null;
    /** @type {Plan | null} */
    this.plan = null;
  }

  get recipe() {
    return this.task.recipe;
  }

  get left() {
    return this.levels.length - this.call;
  }

  get scale() {
    return scaleAt(this.recipe, this.call, this.levels.length);
  }

  get branches() {
    return branches(this.scale, this.model.guidance);
  }

  /** What the network sees: signal·x0 + noise·ε [channels, h, w]. */
  get latents() {
    return Float32Array.from(this.asked.done ? this.asked.value : this.asked.value.x);
  }

  /** Guide, go one call on, and say what happened. @param {Float32Array} latents @param {Record<Branch, Answer>} answers @param {number} shared @returns {Step} */
  advance(latents, answers, shared) {
    const start = performance.now(), { call: index, scale, shape, branches: computed } = this, level = this.levels[index];
    const cond = answers.cond;
    const clean = /** @type {Record<string, Float32Array>} */ ({});
    for (const branch of computed) clean[branch] = converted(this.prediction.clean, latents, answers[branch].prediction, level);
    const guided = this.guided(latents, answers, clean, level, scale);
    clean.guided = converted(this.prediction.clean, latents, guided, level);
    this.asked = this.solving.next({ clean: clean.guided, noise: converted(this.prediction.noise, latents, guided, level) });
    if (this.latents.some((v) => !Number.isFinite(v))) throw new Error(`The latents are no longer finite at call ${index + 1}.`);
    this.call++;
    this.rows += computed.length;
    this.shared += shared;
    const array = (/** @type {Float32Array} */ data) => ({ shape, data });
    const heads = this.heads ? Object.fromEntries(computed.map((branch) => [branch, answers[branch].heads])) : null;
    const step = /** @type {Step} */ ({
      kind: "step", cell: this.index, index, count: this.levels.length, level, guidance: scale, latents: array(latents),
      clean: Object.fromEntries(Object.entries(clean).map(([name, data]) => [name, array(data)])),
      previews: Object.fromEntries(Object.entries(clean).map(([name, data]) => [name, preview(data, shape, this.model.preview_map)])),
      maps: cond?.maps ?? null, heads,
    });
    this.seconds.solver += (performance.now() - start) / 1000;
    return step;
  }

  /** The guided prediction, which the solver takes as the network's. @param {Float32Array} latents @param {Record<Branch, Answer>} answers @param {Record<string, Float32Array>} clean @param {Level} level @param {number} scale */
  guided(latents, answers, clean, level, scale) {
    const { uncond, cond } = answers, { recipe } = this;
    if (!uncond || !cond) return (uncond ?? cond).prediction;
    const guider = GUIDERS[recipe.guider];
    const guided = guider.clean
      ? converted(this.prediction.back, latents, guider.guide(clean.uncond, clean.cond, scale), level)
      : guider.guide(uncond.prediction, cond.prediction, scale);
    return recipe.rescale ? rescale(guided, cond.prediction, recipe.rescale) : guided;
  }

  /** @param {Picture["image"]} image @returns {Picture} */
  picture(image) {
    return {
      kind: "picture", cell: this.index, recipe: this.recipe, image, latents: { shape: this.shape, data: this.latents }, calls: this.call, rows: this.rows,
      shared: this.shared, seconds: this.seconds, networks: [this.provider], exact: this.exact?.solution(this.shape) ?? null,
    };
  }
}

/** Raises TaskError. @param {Task["recipe"]} recipe @param {Model} model @param {Record<Branch, Prompt>} prompts */
function check(recipe, model, prompts) {
  for (const side of [recipe.width, recipe.height]) {
    if (side % model.multiple) throw new TaskError(`In the browser this model draws sides that are multiples of ${model.multiple}.`);
  }
  if (!Object.hasOwn(GUIDERS, recipe.guider)) throw new TaskError(`There is no guider '${recipe.guider}'; there are: ${Object.keys(GUIDERS).join(", ")}.`);
  if (!Object.hasOwn(SCHEDULES, recipe.guidance_schedule)) {
    throw new TaskError(`There is no guidance schedule '${recipe.guidance_schedule}'; there are: ${Object.keys(SCHEDULES).join(", ")}.`);
  }
  if (model.kind === "joint" && (prompts.cond.weights || prompts.uncond.weights)) {
    throw new TaskError(JOINT);
  }
}

/** RGB [h, w, 3] by the linear map. @param {Float32Array} latents @param {number[]} shape @param {number[][]} map */
function preview(latents, [channels, h, w], map) {
  const data = new Uint8ClampedArray(3 * h * w), last = map[channels];
  for (let i = 0; i < h * w; i++) for (let c = 0; c < 3; c++) {
    let sum = last[c];
    for (let k = 0; k < channels; k++) sum += latents[k * h * w + i] * map[k][c];
    data[3 * i + c] = (sum + 1) * 127.5;
  }
  return { shape: [h, w, 3], data };
}
