// @ts-check
/**
 * The exact solution of the ODE that deterministic samplers solve (diffusion/reference.py): two passes,
 * the second with twice the steps, and the difference of their ends as a bound.
 *
 * @import { Level, Model, Exact as Solution } from "./protocol.js"
 * @import { Points, Solving, Tools } from "./solvers.js"
 */
import { flow, preservingSigma } from "./levels.js";
import { timestepOf } from "./schedules.js";
import { PRESERVING, STRAIGHT, exact } from "./solvers.js";

const STEPS = 32; // of the finer pass
const CALLS_PER_STEP = 4;

/** Network calls (NFE) of both passes. */
export const CALLS = CALLS_PER_STEP * (STEPS / 2 + STEPS) + 2;

export class Exact {
  /** @param {Model} model @param {number} scale of the starting noise */
  constructor(model, scale) {
    const { alphas_cumprod: alphas, scheduler_config: config } = model, count = config.num_train_timesteps ?? 1000;
    const isFlow = model.prediction === "flow_prediction", sigmas = alphas.map((alpha) => Math.sqrt((1 - alpha) / alpha)), logs = sigmas.map(Math.log);
    this.scale = scale;
    this.curve = isFlow ? STRAIGHT : PRESERVING;
    this.low = isFlow ? 1e-3 : sigmas[0];
    this.high = isFlow ? 1 : sigmas[sigmas.length - 1];
    /** @type {(sigma: number) => Level} */
    this.at = isFlow ? (sigma) => flow(sigma, count * sigma) : (sigma) => preservingSigma(sigma, timestepOf(sigma, logs));
    this.levels = [...this.asked(STEPS / 2), ...this.asked(STEPS)];
    /** The finer pass, from its start on. @type {Points[]} */
    this.path = [];
    this.bound = NaN;
  }

  /** The level of every call of a pass. @param {number} steps @returns {Level[]} */
  asked(steps) {
    const first = this.high ** (1 / 7), width = (this.low ** (1 / 7) - first) / steps, found = [];
    for (let i = 0; i < steps; i++) for (const part of [0, 0.5, 0.5, 1]) found.push(this.at((first + (i + part) * width) ** 7));
    return [...found, this.at(this.low)];
  }

  /** @param {Float32Array} noise @param {Tools} tools @returns {Solving} */
  *solve(noise, tools) {
    const start = Float64Array.from(noise, (v) => this.scale * v);
    const pass = (/** @type {number} */ steps) => exact(this.high, this.low, steps, start, this.at, { ...tools, curve: this.curve, after: (x) => this.path.push(x) });
    const coarse = yield* pass(STEPS / 2);
    this.path = [start];
    const end = yield* pass(STEPS);
    this.bound = Math.sqrt(end.reduce((sum, v, i) => sum + (v - coarse[i]) ** 2, 0) / end.length);
    return end;
  }

  /** @param {number[]} shape of latents @returns {Solution} */
  solution(shape) {
    const data = new Float32Array(this.path.length * this.path[0].length);
    this.path.forEach((x, i) => data.set(x, i * x.length));
    return { path: { shape: [this.path.length, ...shape], data }, bound: this.bound };
  }
}
