// @ts-check
/**
 * Files of the edition, as bytes: fetched with progress, and held to their hash.
 *
 * The worker asks this module for every file; caching by hash and going on where a download broke
 * belong here.
 *
 * @import { FileEntry } from "../engine/protocol.js"
 */

/** A file that could not be had, in one sentence. */
export class FileError extends Error {}

/**
 * The bytes of a file, unpacked where it is gzip. `report` is told of bytes as they arrive.
 * @param {FileEntry} file
 * @param {string} base address of site.json
 * @param {(bytes: number) => void} [report]
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function bytesOf(file, base, report) {
  const response = await fetch(new URL(file.path, base));
  if (!response.ok || !response.body) throw new FileError(`${file.path} could not be fetched (${response.status}).`);
  const parts = [], reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    report?.(part.value.length);
  }
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  if ((await hashOf(bytes)) !== file.sha256) throw new FileError(`${file.path} arrived damaged: load the page again.`);
  return file.unpacked ? unpacked(bytes) : bytes;
}

/** SHA-256 in hexadecimal. @param {Uint8Array<ArrayBuffer>} bytes */
export async function hashOf(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<Uint8Array<ArrayBuffer>>} */
export async function unpacked(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
