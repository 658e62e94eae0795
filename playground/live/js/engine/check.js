// @ts-check
/**
 * One stored call of a network, by which a device that computes is judged: is it right, and how fast?
 *
 * @import { Options } from "./protocol.js"
 * @import { Network } from "./network.js"
 * @import { Reader } from "./prompts.js"
 * @typedef {{ prompt: string, seed: number, shape: number[], level: import("./protocol.js").Level, guidance: number, prediction: number[] }} Check
 */
import { Generator } from "./noise.js";

/** Largest differences; WebAssembly's is below 1e-4 with the published weights, 0.15 with rounded ones. */
const CLOSE = { half: 1e-2, int8: 0.2 };

/** Why this network must not be used, or null. @param {Network} network @param {Reader} reader @param {Check} check @param {Options["weights"]} [weights] */
export async function selfCheck(network, reader, check, weights = "half") {
  const off = await difference(network, reader, check);
  return off < CLOSE[weights] ? null : `WebGPU gives other numbers here: one stored call is off by ${off.toPrecision(2)}.`;
}

/** The largest difference from the stored prediction. @param {Network} network @param {Reader} reader @param {Check} check */
export async function difference(network, reader, check) {
  const [answer] = await network.predict([await row(network, reader, check)]);
  return check.prediction.reduce((most, v, i) => Math.max(most, Math.abs(v - answer.prediction[i])), 0);
}

/** Seconds of the stored call, with word maps as a picture's calls. @param {Network} network @param {Reader} reader @param {Check} check */
export async function time(network, reader, check) {
  const asked = { ...(await row(network, reader, check)), maps: true }, start = performance.now();
  await network.predict([asked]);
  return (performance.now() - start) / 1000;
}

/** @param {Network} network @param {Reader} reader @param {Check} check */
async function row(network, reader, { prompt, seed, shape, level, guidance, prediction }) {
  const latents = new Generator(seed).normal(prediction.length);
  return { latents, shape, level, prompt: await network.encode(reader.read(prompt)), guidance, maps: false, heads: false, edit: null };
}
