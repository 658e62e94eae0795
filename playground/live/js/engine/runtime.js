// @ts-check
/**
 * onnxruntime-web from the own folder: its script, and its WebAssembly.
 *
 * @import { Site, Options, Progress, FileEntry } from "./protocol.js"
 * @import { BytesOf } from "./service.js"
 */

/**
 * WebAssembly comes as bytes, or if it is `kept` from the service worker, at an address: Chromium keeps
 * compiled code beside such an answer, and need not compile it again
 * (https://v8.dev/blog/wasm-code-caching). Returns onnxruntime-web, and whether it was kept.
 * @param {Site} site @param {string} base @param {Options} options @param {{ bytesOf: BytesOf, kept: (file: FileEntry) => Promise<boolean> }} world @param {(progress: Progress) => void} report
 */
export async function startRuntime(site, base, options, { bytesOf, kept }, report) {
  const build = (options.provider === "webgpu" && site.runtime.webgpu) || site.runtime.wasm, file = site.files[build.wasm];
  const place = (/** @type {string} */ name) => new URL(site.files[name].path, base).href;
  let done = 0;
  const [ort, wasm] = await Promise.all([
    import(place(build.script)),
    kept(file).then((is) => (is ? null : bytesOf(file, base, (bytes) => report({ what: "runtime", done: (done += bytes), total: file.bytes })))),
  ]);
  const glue = { mjs: place(build.glue) };
  ort.env.wasm.wasmPaths = wasm ? glue : { ...glue, wasm: place(build.wasm).replace(/\.gz$/, "") };
  if (wasm) ort.env.wasm.wasmBinary = wasm;
  ort.env.wasm.numThreads = options.threads;
  ort.env.logLevel = "error";
  return { ort, kept: !wasm };
}
