// @ts-check
/**
 * Files of the edition, as bytes: fetched with progress, held to their hash, kept by the browser.
 *
 * A file is kept in the Cache API as it is used, unpacked, under the hash of that: so the second visit
 * needs neither network nor time to unpack, and a new edition takes over what did not change. A
 * download that breaks off goes on where it broke.
 *
 * @import { FileEntry, Site } from "../engine/protocol.js"
 */

/** A file that could not be had, in one sentence. */
export class FileError extends Error {}

const KEPT = "latent-playground-files";
const TRIES = 4, PAUSE = 400, SILENCE = 30_000; // ms before a try, doubled each time; ms without a byte

/**
 * The bytes of a file, unpacked where it is gzip. `report` is told of bytes as they arrive, and of
 * negative ones where a download begins anew.
 * @param {FileEntry} file
 * @param {string} base address of site.json
 * @param {(bytes: number) => void} [report]
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function bytesOf(file, base, report = () => {}) {
  const kept = await intactlyKept(file);
  if (kept) {
    report(file.bytes);
    return kept;
  }
  const packed = await downloaded(file, base, report), bytes = file.unpacked ? await unpacked(packed, file.unpacked) : packed;
  await keep(insideOf(file).sha256, bytes, file.path.includes(".wasm") ? { "Content-Type": "application/wasm" } : {});
  return bytes;
}

/** A file if it is kept; one that is damaged or cut off is forgotten. @param {FileEntry} file */
export async function intactlyKept(file) {
  const inside = insideOf(file), kept = await read(inside.sha256);
  if (kept && (await intact(kept, inside))) return kept;
  if (kept) await forget(inside.sha256);
  return null;
}

/** What a file holds once it is unpacked. @param {FileEntry} file @returns {{ sha256: string, bytes: number }} */
const insideOf = (file) => file.unpacked ?? file;

/** Forget kept files of other editions. @param {Site} site */
export async function tidy(site) {
  const wanted = new Set(Object.values(site.files).flatMap((file) => [insideOf(file).sha256, partOf(file.sha256)]));
  for (const name of await names()) if (!wanted.has(name)) await forget(name);
}

/** Whether all of these files are kept, so that no network is needed. @param {FileEntry[]} files */
export async function allKept(files) {
  const here = new Set(await names());
  return files.every((file) => here.has(insideOf(file).sha256));
}

// ---- fetching -----------------------------------------------------------------------------------
/** @param {FileEntry} file @param {string} base @param {(bytes: number) => void} report */
async function downloaded(file, base, report) {
  const part = await read(partOf(file.sha256)); // of an earlier visit
  /** @type {Arriving} */
  const arriving = { parts: part ? [part] : [], length: part?.length ?? 0 };
  report(arriving.length);
  for (let tried = 1; ; tried++) {
    try {
      await more(file, base, arriving, report);
      if (arriving.length !== file.bytes) throw new Error("it is cut off");
      const bytes = joined(arriving);
      if (!(await intact(bytes, file))) {
        dropped(arriving, report);
        throw new Error("it arrived damaged");
      }
      if (part) await forget(partOf(file.sha256));
      return bytes;
    } catch (error) {
      const final = error instanceof FileError;
      if (tried < TRIES && !final) await new Promise((resume) => setTimeout(resume, PAUSE * 2 ** (tried - 1)));
      else {
        if (arriving.length) await keep(partOf(file.sha256), joined(arriving));
        throw final ? error : new FileError(`The download of ${file.path.split("/").at(-1)} failed: ${said(error)}.`);
      }
    }
  }
}

/** What has arrived so far. @typedef {{ parts: Uint8Array<ArrayBuffer>[], length: number }} Arriving */

/**
 * Fetch what is missing. A server that knows no ranges sends everything again.
 * @param {FileEntry} file @param {string} base @param {Arriving} arriving @param {(bytes: number) => void} report
 */
async function more(file, base, arriving, report) {
  if (arriving.length >= file.bytes) dropped(arriving, report);
  const patience = new AbortController(), start = () => setTimeout(() => patience.abort(), SILENCE);
  let timer = start();
  try {
    const headers = arriving.length ? { Range: `bytes=${arriving.length}-` } : undefined;
    const response = await fetch(new URL(file.path, base), { headers, signal: patience.signal });
    if (response.status === 404) throw new FileError(`${file.path} is not where it should be. If a newer edition was published, close every tab of this page and open it again.`);
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
    if (response.status !== 206) dropped(arriving, report);
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = start();
      arriving.parts.push(part.value);
      arriving.length += part.value.length;
      report(part.value.length);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** @param {Arriving} arriving @param {(bytes: number) => void} report */
function dropped(arriving, report) {
  report(-arriving.length);
  arriving.parts = [];
  arriving.length = 0;
}

/** @param {Arriving} arriving @returns {Uint8Array<ArrayBuffer>} */
function joined({ parts, length }) {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** @param {unknown} error */
function said(error) {
  if (!(error instanceof Error)) return "the network failed";
  if (error.name === "AbortError") return "nothing arrived for half a minute";
  return error instanceof TypeError ? "the network does not answer" : error.message;
}

// ---- what the browser keeps ---------------------------------------------------------------------
// Private windows and full disks refuse: then a file is had from the network each time.
const address = (/** @type {string} */ name) => `https://kept.invalid/${name}`;
const partOf = (/** @type {string} */ hash) => `part-${hash}`;

/** @param {string} name @returns {Promise<Uint8Array<ArrayBuffer> | null>} */
async function read(name) {
  try {
    const found = await (await caches.open(KEPT)).match(address(name));
    return found ? new Uint8Array(await found.arrayBuffer()) : null;
  } catch {
    return null;
  }
}

/** @param {string} name @param {Uint8Array<ArrayBuffer>} bytes @param {Record<string, string>} [headers] */
async function keep(name, bytes, headers = {}) {
  try {
    await (await caches.open(KEPT)).put(address(name), new Response(bytes, { headers }));
  } catch {
    /* QuotaExceededError, or no Cache API: go on in memory */
  }
}

/** @param {string} name */
async function forget(name) {
  try {
    await (await caches.open(KEPT)).delete(address(name));
  } catch {
    /* then it was not kept */
  }
}

/** @returns {Promise<string[]>} */
async function names() {
  try {
    return (await (await caches.open(KEPT)).keys()).map(({ url }) => url.split("/").at(-1) ?? "");
  } catch {
    return [];
  }
}

// ---- bytes --------------------------------------------------------------------------------------
/** Browsers hash only pages that came by HTTPS or from this machine; elsewhere the length must do. @param {Uint8Array<ArrayBuffer>} bytes @param {{ sha256: string, bytes: number }} wanted */
async function intact(bytes, wanted) {
  return bytes.length === wanted.bytes && (!crypto.subtle || (await hashOf(bytes)) === wanted.sha256);
}

/** SHA-256 in hexadecimal. @param {Uint8Array<ArrayBuffer>} bytes */
export async function hashOf(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * What is inside of gzip. Where it was packed in `planes` the bytes of each are put back between the
 * others', as they arrive: large files stand in memory once.
 * @param {Uint8Array<ArrayBuffer>} packed @param {{ bytes: number, planes?: number }} inside @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function unpacked(packed, { bytes: length, planes = 1 }) {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")).getReader(), bytes = new Uint8Array(length);
  let at = 0, plane = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    for (const byte of part.value) {
      bytes[at] = byte;
      at += planes;
      if (at >= length) at = ++plane;
    }
  }
  return bytes;
}
