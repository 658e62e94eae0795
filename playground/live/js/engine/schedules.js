// @ts-check
/**
 * The samplers: which solver takes the steps, at which levels, as diffusers' schedulers place them.
 *
 * One record a sampler, by the names of diffusion/samplers.py. numpy's operations are repeated in
 * their order where rounding decides which timestep it is.
 *
 * @import { Level, Model } from "./protocol.js"
 * @import { Solving, Tools, Points } from "./solvers.js"
 */
import { flow, preserving, preservingSigma } from "./levels.js";
import { PRESERVING, SOLVERS, STRAIGHT } from "./solvers.js";

/**
 * `levels` of the steps; `end`; `start` scales standard normal noise to the latents of the first call.
 * @typedef {{ levels: Level[], end: Level, start: number }} Grid
 * @typedef {(model: Model, steps: number) => Grid} Placing
 * @typedef {{ solver: keyof typeof SOLVERS, grid: Placing | null, flow?: Placing, repeats?: "heun" | "pndm" }} Way
 *   how a sampler is computed; `grid` for variance-preserving models, `flow` for rectified flow;
 *   `repeats` says which levels are asked for twice
 */

/** @type {Record<string, Way>} */
export const WAYS = {
  ddpm: { solver: "ancestral", grid: byAlpha(() => 1) },
  ddim: { solver: "ddim", grid: byAlpha(finalAlpha) },
  pndm: { solver: "pndm", grid: byAlpha(finalAlpha), repeats: "pndm" },
  euler: { solver: "ddim", grid: scaled, flow: straight },
  euler_a: { solver: "ancestral", grid: scaled },
  heun: { solver: "heun", grid: scaled, flow: straight, repeats: "heun" },
  dpmpp_2m: { solver: "dpmpp_2m", grid: general(multistep), flow: shifted },
  dpmpp_2m_karras: { solver: "dpmpp_2m", grid: karras },
  dpmpp_2s: { solver: "dpmpp_2s", grid: general(bothEnds), flow: shifted },
  dpmpp_2m_sde: { solver: "dpmpp_2m_sde", grid: general(multistep) },
  unipc: { solver: "unipc", grid: general(multistep), flow: nearlyAll },
  deis: { solver: "deis", grid: toLeast },
  lcm: { solver: "lcm", grid: distilled },
};

/** How a sampler's run on a model goes. */
export class Schedule {
  /** @param {Model} model @param {string} sampler @param {number} steps */
  constructor(model, sampler, steps) {
    const way = WAYS[sampler], isFlow = model.prediction === "flow_prediction", placing = isFlow ? way?.flow : way?.grid;
    if (!placing) throw new Error(model.fits[sampler] ?? `There is no sampler '${sampler}'; there are: ${Object.keys(WAYS).join(", ")}.`);
    this.way = way;
    this.grid = placing(model, steps);
    this.curve = isFlow ? STRAIGHT : PRESERVING;
    this.scaling = model.scheduler_config.timestep_scaling ?? 10;
    /** One level a network call. @type {Level[]} */
    this.levels = repeated(this.grid.levels, way.repeats);
  }

  /** @param {Float32Array} noise @param {Omit<Tools, "curve">} tools @returns {Solving} */
  solve(noise, tools) {
    const { levels, end, start } = this.grid;
    return SOLVERS[this.way.solver]([...levels, end], Float64Array.from(noise, (v) => start * v), { ...tools, curve: this.curve, scaling: this.scaling });
  }
}

/** @param {Level[]} levels @param {Way["repeats"]} how */
function repeated(levels, how) {
  const [first, ...rest] = levels;
  if (how === "heun") return [first, ...rest.flatMap((level) => [level, level])];
  if (how === "pndm" && rest.length) return [first, rest[0], ...rest];
  return levels;
}

// ---- timesteps ----------------------------------------------------------------------------------

/** Half to even, as numpy rounds. @param {number} v */
function round(v) {
  const low = Math.floor(v);
  return v - low === 0.5 ? low + (low % 2) : Math.round(v);
}

/** numpy.linspace. @param {number} from @param {number} to @param {number} count */
function linspace(from, to, count) {
  const step = (to - from) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i && i === count - 1 ? to : i ? i * step + from : from));
}

/** Of a model: timesteps of training, spacing, offset. @param {Model} model @param {number} steps */
function training({ scheduler_config: config }, steps) {
  const count = config.num_train_timesteps ?? 1000;
  // All timesteps of training: leading with an offset would begin beyond the last of them.
  return { count, spacing: steps === count ? "trailing" : (config.timestep_spacing ?? "leading"), offset: config.steps_offset ?? 0 };
}

/** Lin et al. 2023, arXiv 2305.08891, table 2: round(T·(n − i)/n) − 1. @param {number} count @param {number} steps */
function trailing(count, steps) {
  const width = count - count / steps - count, found = [];
  for (let i = 0; i < steps; i++) found.push(round(count + i * width) - 1);
  return found.filter((t) => t >= 0);
}

/** @param {Model} model @param {number} steps */
function timesteps(model, steps) {
  const { count, spacing, offset } = training(model, steps), width = Math.floor(count / steps);
  if (spacing === "trailing") return trailing(count, steps);
  if (spacing === "leading") return Array.from({ length: steps }, (_, i) => (steps - 1 - i) * width + offset);
  if (spacing === "linspace") return linspace(0, count - 1, steps).map(round).reverse();
  throw new Error(`There is no spacing '${spacing}'.`);
}

/** Of the multistep solvers, which leave the last of n + 1 places out. @param {Model} model @param {number} steps */
function multistep(model, steps) {
  const { count, spacing, offset } = training(model, steps), width = Math.floor(count / (steps + 1));
  if (spacing === "trailing") return trailing(count, steps);
  if (spacing === "leading") return Array.from({ length: steps }, (_, i) => (steps - i) * width + offset);
  return bothEnds(model, steps);
}

/** From the noisiest timestep towards 0. @param {Model} model @param {number} steps */
function bothEnds(model, steps) {
  return linspace(0, training(model, steps).count - 1, steps + 1).map(round).reverse().slice(0, -1);
}

// ---- levels -------------------------------------------------------------------------------------

const NO_NOISE = { signal: 1, noise: 0, t: 0 };
const f = Math.fround;

/** σ of a training timestep, in float32. @param {Model} model @param {number} t */
const sigmaAt = ({ alphas_cumprod: alphas }, t) => f(Math.sqrt(f(f(1 - alphas[t]) / alphas[t])));

/** @param {Model} model */
function finalAlpha({ scheduler_config: config, alphas_cumprod: alphas }) {
  return (config.set_alpha_to_one ?? true) ? 1 : alphas[0];
}

/** Samplers that look ᾱ up by the timestep. @param {(model: Model) => number} final @returns {Placing} */
function byAlpha(final) {
  return (model, steps) => ({
    levels: timesteps(model, steps).map((t) => preserving(model.alphas_cumprod[t], t)), end: preserving(final(model), 0), start: 1,
  });
}

/** Samplers that scale noise by the largest σ, and their network's input by 1/√(1 + σ²). @type {Placing} */
function scaled(model, steps) {
  const levels = timesteps(model, steps).map((t) => preservingSigma(sigmaAt(model, t), t));
  return { levels, end: NO_NOISE, start: training(model, steps).spacing === "leading" ? 1 : levels[0].noise };
}

/** Samplers that count in σ and begin at the noise itself. @param {(model: Model, steps: number) => number[]} places @returns {Placing} */
function general(places) {
  return (model, steps) => ({
    levels: places(model, steps).map((t) => preservingSigma(sigmaAt(model, t), t)), end: NO_NOISE, start: 1,
  });
}

/** The same, but ending at the least σ of the training. @type {Placing} */
function toLeast(model, steps) {
  return { ...general(multistep)(model, steps), end: preservingSigma(sigmaAt(model, 0), 0) };
}

/** Equal steps in σ^(1/7) (Karras et al. 2022, arXiv 2206.00364, eq. 5). @type {Placing} */
function karras(model, steps) {
  const sigmas = model.alphas_cumprod.map((_, t) => sigmaAt(model, t)), logs = sigmas.map((s) => f(Math.log(s)));
  const high = sigmas[sigmas.length - 1] ** (1 / 7), low = sigmas[0] ** (1 / 7);
  const found = linspace(0, 1, steps).map((part) => (high + part * (low - high)) ** 7);
  return { levels: found.map((sigma) => preservingSigma(f(sigma), round(timestepOf(sigma, logs)))), end: NO_NOISE, start: 1 };
}

/** t(σ) between the training timesteps, linear in log σ. @param {number} sigma @param {number[]} logs rising */
export function timestepOf(sigma, logs) {
  const at = Math.log(Math.max(sigma, 1e-10));
  let low = 0;
  while (low < logs.length - 2 && logs[low + 1] <= at) low++;
  const part = Math.min(Math.max((logs[low] - at) / (logs[low] - logs[low + 1]), 0), 1);
  return (1 - part) * low + part * (low + 1);
}

/** Why LCM cannot take so many steps of a model; empty if it can. @param {Record<string, any>} config @param {number} steps */
export function tooMany({ original_inference_steps: of = 50 }, steps) {
  return steps > of ? `LCM takes at most ${of} steps here, not ${steps}: its network was distilled on ${of} timesteps.` : "";
}

/** LCM's: a part of the timesteps that its network was distilled on. @type {Placing} */
function distilled(model, steps) {
  const { num_train_timesteps: count = 1000, original_inference_steps: of = 50 } = model.scheduler_config, width = Math.floor(count / of);
  if (tooMany(model.scheduler_config, steps)) throw new Error(tooMany(model.scheduler_config, steps));
  const levels = Array.from({ length: steps }, (_, i) => {
    const t = (of - Math.floor(i * (of / steps))) * width - 1;
    return preserving(model.alphas_cumprod[t], t);
  });
  return { levels, end: NO_NOISE, start: 1 };
}

/** σ shifted towards the noise (Esser et al. 2024, arXiv 2403.03206, eq. 23). @param {Model} model @param {number[]} sigmas */
function shift({ scheduler_config: config }, sigmas) {
  const by = config.shift ?? config.flow_shift ?? 1;
  return sigmas.map((sigma) => (by * sigma) / (1 + (by - 1) * sigma));
}

/** Rectified flow in equal steps of σ from 1 to 0. @type {Placing} */
function straight(model, steps) {
  const sigmas = shift(model, linspace(1, 1 / steps, steps).map(f)).map(f);
  return { levels: sigmas.map((sigma) => flow(sigma, f(sigma * training(model, steps).count))), end: NO_NOISE, start: 1 };
}

/** The general solvers' levels of rectified flow, from σ = 0.999 on. @type {Placing} */
function shifted(model, steps) {
  const { count } = training(model, steps), sigmas = shift(model, linspace(1, 1 / count, steps + 1).map((alpha) => 1 - alpha)).reverse().slice(0, -1);
  return { levels: sigmas.map((sigma) => flow(f(sigma), Math.trunc(sigma * count))), end: NO_NOISE, start: 1 };
}

/** UniPC's: those of Euler, where σ = 1 is a little less. @type {Placing} */
function nearlyAll(model, steps) {
  const { count } = training(model, steps), sigmas = shift(model, linspace(1, 1 / steps, steps));
  if (Math.abs(sigmas[0] - 1) < 1e-6) sigmas[0] -= 1e-6;
  return { levels: sigmas.map((sigma) => flow(f(sigma), Math.trunc(sigma * count))), end: NO_NOISE, start: 1 };
}
