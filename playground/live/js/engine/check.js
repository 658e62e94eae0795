// @ts-check
/**
 * One stored call of a network, by which a device that computes is judged: WebGPU is young.
 *
 * @import { Network } from "./network.js"
 * @import { Reader } from "./prompts.js"
 * @typedef {{ prompt: string, seed: number, shape: number[], level: import("./protocol.js").Level, guidance: number, prediction: number[] }} Check
 */
import { Generator } from "./noise.js";

const CLOSE = 1e-2; // largest difference; WebAssembly's is below 1e-4

/** Why this network must not be used, or null. @param {Network} network @param {Reader} reader @param {Check} check */
export async function selfCheck(network, reader, check) {
  const off = await difference(network, reader, check);
  return off < CLOSE ? null : `WebGPU gives other numbers here (off by ${off.toPrecision(2)}).`;
}

/** The largest difference from the stored prediction. @param {Network} network @param {Reader} reader @param {Check} check */
export async function difference(network, reader, { prompt, seed, shape, level, guidance, prediction }) {
  const latents = new Generator(seed).normal(prediction.length), said = await network.encode(reader.read(prompt));
  const [answer] = await network.predict([{ latents, shape, level, prompt: said, guidance, maps: false, heads: false }]);
  return prediction.reduce((most, v, i) => Math.max(most, Math.abs(v - answer.prediction[i])), 0);
}
