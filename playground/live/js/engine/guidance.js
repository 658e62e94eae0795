// @ts-check
/**
 * Classifier-free guidance, its variants and its times (diffusion/guidance.py).
 *
 * Predictions are of one row; w = 0 is unconditional, w = 1 conditional, more extrapolates.
 *
 * @import { Branch, Model, Recipe } from "./protocol.js"
 * @typedef {Float32Array} Row
 */

/** ε = ε_u + w·(ε_c − ε_u). @param {Row} uncond @param {Row} cond @param {number} scale */
export function guide(uncond, cond, scale) {
  return uncond.map((u, i) => u + scale * (cond[i] - u));
}

/** ⟨a, b⟩ @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** @param {Row} row @param {number} by */
const times = (row, by) => row.map((v) => by * v);

/**
 * By name; `clean` says that it works on the two pred_x0, not on what the network predicts.
 * @type {Record<string, { clean: boolean, guide: (uncond: Row, cond: Row, scale: number) => Row }>}
 */
export const GUIDERS = {
  // Ho & Salimans 2022, arXiv 2207.12598, eq. 6.
  cfg: { clean: false, guide },
  // Only what of Δ = c − u is orthogonal to c (Sadat et al. 2024, arXiv 2410.02416, at η = 0).
  apg: {
    clean: true,
    guide(uncond, cond, scale) {
      const difference = cond.map((c, i) => c - uncond[i]), along = dot(difference, cond) / dot(cond, cond);
      return cond.map((c, i) => c + (scale - 1) * (difference[i] - along * c));
    },
  },
  // First the multiple of u that is closest to c (Fan et al. 2025, arXiv 2503.18886).
  cfg_zero: { clean: false, guide: (uncond, cond, scale) => guide(times(uncond, dot(cond, uncond) / dot(uncond, uncond)), cond, scale) },
  // From u's projection on the first right singular vector of [c; u] (Kwon et al. 2025, arXiv 2503.18137).
  tcfg: {
    clean: false,
    guide(uncond, cond, scale) {
      const angle = Math.atan2(2 * dot(cond, uncond), dot(cond, cond) - dot(uncond, uncond)) / 2;
      const first = cond.map((c, i) => Math.cos(angle) * c + Math.sin(angle) * uncond[i]);
      return guide(times(first, dot(uncond, first) / dot(first, first)), cond, scale);
    },
  },
  // Less where the two disagree most (MAMBO-G, 2025, arXiv 2508.03442, α = 8).
  magnitude: {
    clean: false,
    guide(uncond, cond, scale) {
      const difference = cond.map((c, i) => c - uncond[i]), ratio = Math.sqrt(dot(difference, difference) / dot(uncond, uncond));
      return guide(uncond, cond, 1 + (scale - 1) * Math.exp(-8 * ratio));
    },
  },
};

/** By name: the share of the way from 1 to w, at 0 … 1 of the guidance interval. @type {Record<string, (at: number) => number>} */
export const SCHEDULES = { constant: () => 1, up: (at) => at, down: (at) => 1 - at, cosine: (at) => (1 - Math.cos(Math.PI * at)) / 2 };

/** `guided` with the spread of `cond`, mixed in by φ (Lin et al. 2023, arXiv 2305.08891, eq. 15 and 16). @param {Row} guided @param {Row} cond @param {number} share */
export function rescale(guided, cond, share) {
  const factor = deviation(cond) / deviation(guided);
  return guided.map((g) => share * g * factor + (1 - share) * g);
}

/** The standard deviation of a sample. @param {Row} row */
function deviation(row) {
  const mean = row.reduce((a, b) => a + b, 0) / row.length;
  return Math.sqrt(row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (row.length - 1));
}

/** w of call `index` of `count`: 1 outside the guidance interval (Kynkäänniemi et al. 2024, arXiv 2404.07724). @param {Recipe} recipe @param {number} index @param {number} count */
export function scaleAt(recipe, index, count) {
  const middle = (index + 0.5) / count, { guidance_start: start, guidance_stop: stop } = recipe;
  if (middle < start || middle > stop) return 1;
  const share = SCHEDULES[recipe.guidance_schedule]((middle - start) / (stop - start || 1));
  return 1 - share + share * recipe.guidance;
}

/** The rows that w needs, unconditional first: one at exactly 0 and 1, and for a network that has no second branch. @param {number} scale @param {Model["guidance"]} kind @returns {Branch[]} */
export function branches(scale, kind) {
  if (!kind.branches || scale === 1) return ["cond"];
  return scale === 0 ? ["uncond"] : ["uncond", "cond"];
}

/** Network rows of so many calls. @param {Recipe} recipe @param {number} calls @param {Model["guidance"]} kind */
export function rows(recipe, calls, kind) {
  let sum = 0;
  for (let i = 0; i < calls; i++) sum += branches(scaleAt(recipe, i, calls), kind).length;
  return sum;
}

/** Whether the formula alone guides, with one w at every call. @param {Recipe} recipe */
export function isPlain(recipe) {
  const constant = recipe.guidance_start === 0 && recipe.guidance_stop === 1 && recipe.guidance_schedule === "constant";
  return constant && !recipe.rescale && recipe.guider === "cfg";
}

export const NOT_PLAIN =
  "The exact solution is known for plain guidance with the same w at every step: set the guider to Plain, φ to 0, and guidance from 0 until 1.";
