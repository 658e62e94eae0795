// @ts-check
/**
 * How this browser computes: what a visitor chose and what was measured here, kept for the next visit.
 *
 * Weights and WebGPU are the visitor's choice, because they change numbers or bytes. Threads change
 * neither: they are tried once, where the browser allows them, and kept if they are faster.
 *
 * @import { Options } from "../engine/protocol.js"
 * @import { Engine } from "../engine/session.js"
 * @typedef {{ provider: Options["provider"], weights: NonNullable<Options["weights"]> }} Choice
 * @typedef {{ of: string, threads: number, said: string }} Tried
 *   how many threads were faster, of which runtime on how many cores, and that in a sentence
 */

const KEY = "latent-playground-computing";
const USUAL = /** @type {Choice} */ ({ provider: "wasm", weights: "half" });
const CHOICES = { provider: ["wasm", "webgpu"], weights: ["half", "int8"] };
const ROUNDS = 4, FASTER = 0.9; // less than a tenth is within what measuring itself varies

/** What is kept; what nobody could have chosen here is forgotten. @returns {{ choice: Choice, tried: Tried | null }} */
export function kept() {
  try {
    const { choice, tried } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const known = Object.entries(CHOICES).every(([name, values]) => values.includes(choice?.[name]));
    return { choice: known ? choice : { ...USUAL }, tried: Number.isInteger(tried?.threads) ? tried : null };
  } catch {
    return { choice: { ...USUAL }, tried: null };
  }
}

/** @param {Choice} choice @param {Tried | null} tried */
export function keep(choice, tried) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ choice, tried }));
  } catch {
    /* a private window: it is asked and measured again next time */
  }
}

/** Threads that may be worth a trial: half of the cores, at most four, as ONNX Runtime does; one where a page is not isolated, or on iOS, where several run out of memory. */
export function threadsHere() {
  const { hardwareConcurrency = 1 } = navigator;
  return globalThis.crossOriginIsolated && !onIos() ? Math.min(4, Math.floor(hardwareConcurrency / 2)) || 1 : 1;
}

/** What to begin with here: threads as they were tried with this version of the runtime. @param {{ choice: Choice, tried: Tried | null }} kept @param {string} runtime @returns {Options} */
export function optionsOf({ choice, tried }, runtime) {
  const here = tried?.of === device(runtime) ? tried.threads : 1;
  return { ...choice, threads: choice.provider === "wasm" ? Math.min(here, threadsHere()) : 1 };
}

/** @param {string} runtime its version */
export const device = (runtime) => `${runtime} on ${navigator.hardwareConcurrency} cores`;

/** Why WebGPU cannot be chosen here; empty if it can. */
export async function whyNoWebGpu() {
  if (onIos()) return "On iPhones and iPads it ends pages.";
  const { gpu } = /** @type {any} */ (navigator), adapter = await gpu?.requestAdapter().catch(() => null);
  return adapter ? "" : "This browser offers none here.";
}

function onIos() {
  const { userAgent, maxTouchPoints } = navigator;
  return /iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1);
}

/** Seconds of one stored call in both engines, in turn: the least of several rounds. @param {Engine} one @param {Engine} other @param {string} model @returns {Promise<[number, number]>} */
export async function raced(one, other, model) {
  const least = /** @type {[number, number]} */ ([Infinity, Infinity]);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, engine] of [one, other].entries()) least[i] = Math.min(least[i], await engine.ask({ ask: "time", model }));
  }
  return least;
}

/** @param {[number, number]} seconds of what is used, and of what was tried */
export const faster = ([now, tried]) => tried < FASTER * now;
