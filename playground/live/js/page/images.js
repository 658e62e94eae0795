// @ts-check
/**
 * Pictures as data URLs, for an `img`.
 *
 * @import { NdArray } from "../engine/protocol.js"
 */
import { written } from "../files/png.js";
import { pack, part } from "./arrays.js";

/** RGBA [h, w, 4]. @param {NdArray<any>} image */
export async function dataUrl(image) {
  return `data:image/png;base64,${pack(await written(image, null))}`;
}

/** RGBA [n, h, w, 4]. @param {NdArray<any>} images @returns {Promise<string[]>} */
export function dataUrls(images) {
  return Promise.all(Array.from({ length: images.shape[0] }, (_, i) => dataUrl(part(images, i))));
}

/** Latents of equal shape as one array, for the decoder. @param {NdArray[]} latents @returns {NdArray} */
export function stack(latents) {
  const data = new Float32Array(latents.length * latents[0].data.length);
  latents.forEach((one, i) => data.set(one.data, i * one.data.length));
  return { shape: [latents.length, ...latents[0].shape], data };
}
