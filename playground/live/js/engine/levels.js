// @ts-check
/**
 * How much signal and noise the latents of a network call hold, and what follows from a prediction.
 *
 * As diffusion/levels.py: x = signal·x0 + noise·ε at the timestep t.
 *
 * @import { Level } from "./protocol.js"
 * @typedef {Float32Array | Float64Array} Latents
 */

/** The variance-preserving level of ᾱ (Ho et al. 2020, eq. 4). @param {number} alphaBar @param {number} t @returns {Level} */
export function preserving(alphaBar, t) {
  return { signal: Math.sqrt(alphaBar), noise: Math.sqrt(1 - alphaBar), t };
}

/** The variance-preserving level where noise/signal is σ. @param {number} sigma @param {number} t */
export function preservingSigma(sigma, t) {
  return preserving(1 / (1 + sigma ** 2), t);
}

/** The rectified-flow level of σ: a straight line from the picture to the noise. @param {number} sigma @param {number} t @returns {Level} */
export function flow(sigma, t) {
  return { signal: 1 - sigma, noise: sigma, t };
}

/** noise/signal; ∞ without signal. @param {Level} level */
export function sigmaOf({ signal, noise }) {
  return signal ? noise / signal : Infinity;
}

/**
 * What a network predicts: pred_x0, ε̂, and back from pred_x0, element by element.
 * @typedef {{
 *   clean: (x: number, said: number, at: Level) => number,
 *   noise: (x: number, said: number, at: Level) => number,
 *   back: (x: number, clean: number, at: Level) => number
 * }} Prediction
 */

/** By diffusers' prediction_type. @type {Record<string, Prediction>} */
export const PREDICTIONS = {
  epsilon: {
    clean: (x, said, at) => (x - at.noise * said) / at.signal,
    noise: (x, said) => said,
    back: (x, clean, at) => (x - at.signal * clean) / at.noise,
  },
  v_prediction: {
    clean: (x, said, at) => at.signal * x - at.noise * said,
    noise: (x, said, at) => at.noise * x + at.signal * said,
    back: (x, clean, at) => (at.signal * x - clean) / at.noise,
  },
  sample: {
    clean: (x, said) => said,
    noise: (x, said, at) => (x - at.signal * said) / at.noise,
    back: (x, clean) => clean,
  },
  flow_prediction: {
    clean: (x, said, at) => x - at.noise * said,
    noise: (x, said, at) => x + at.signal * said,
    back: (x, clean, at) => (x - clean) / at.noise,
  },
};

/** One of a prediction's functions for whole latents. @param {(x: number, said: number, at: Level) => number} formula @param {Latents} x @param {Latents} said @param {Level} at */
export function converted(formula, x, said, at) {
  const out = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) out[i] = formula(x[i], said[i], at);
  return out;
}
