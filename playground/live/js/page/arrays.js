// @ts-check
/**
 * Numbers as the views take them (page/shared/view.py): packed as base64, pixels as rasters.
 *
 * @import { NdArray } from "../engine/protocol.js"
 */

const CHUNK = 0x8000; // arguments of one call

/** Base64 of an array's bytes, little-endian. @param {ArrayBufferView<ArrayBufferLike>} array */
export function pack(array) {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength), parts = [];
  for (let i = 0; i < bytes.length; i += CHUNK) parts.push(String.fromCharCode(...bytes.subarray(i, i + CHUNK)));
  return btoa(parts.join(""));
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
export function unpack(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

/** @param {Uint8Array} bytes */
export function base64url(bytes) {
  return pack(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @param {string} text */
export function unbase64url(text) {
  if (!/^[\w-]*$/.test(text)) throw new Error("not base64");
  return unpack(text.replaceAll("-", "+").replaceAll("_", "/"));
}

/** RGB pixels [h, w, 3] as plain data for a canvas. @param {NdArray<any>} pixels */
export function raster({ shape: [h, w], data }) {
  return { h, w, rgb: pack(data) };
}

/** RGB [h, w, 3] of RGBA [h, w, 4]. @param {NdArray<any>} image */
export function rgb({ shape: [h, w], data }) {
  const out = new Uint8ClampedArray(3 * h * w);
  for (let i = 0; i < h * w; i++) for (let c = 0; c < 3; c++) out[3 * i + c] = data[4 * i + c];
  return { shape: [h, w, 3], data: out };
}

/** Half to even, as numpy rounds. @param {number} value */
export function rint(value) {
  const low = Math.floor(value), rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 ? low + 1 : low;
}

/** values / full clipped to 0 … 1, as bytes. @param {ArrayLike<number>} values @param {number} full */
export function bytesOf(values, full) {
  return Uint8Array.from(values, (v) => rint(255 * Math.min(Math.max(v / full, 0), 1)));
}

/** Rounded to so many decimals, as numpy and Python round. @param {number} value @param {number} digits */
export function rounded(value, digits) {
  return rint(value * 10 ** digits) / 10 ** digits;
}

/** Part `i` of an array along its first axis, without copying. @template {any} T @param {NdArray<any>} array @param {number} i @returns {NdArray<any>} */
export function part({ shape: [, ...rest], data }, i) {
  const size = rest.reduce((a, b) => a * b, 1);
  return { shape: rest, data: data.subarray(i * size, (i + 1) * size) };
}
