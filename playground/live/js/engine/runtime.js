// @ts-check
/**
 * onnxruntime-web from the own folder: its script, and its WebAssembly as bytes.
 *
 * @import { Site, Options, Progress } from "./protocol.js"
 * @import { BytesOf } from "./service.js"
 */

/** @param {Site} site @param {string} base @param {Options} options @param {BytesOf} bytesOf @param {(progress: Progress) => void} report */
export async function startRuntime(site, base, options, bytesOf, report) {
  const build = (options.provider === "webgpu" && site.runtime.webgpu) || site.runtime.wasm, file = site.files[build.wasm];
  const place = (/** @type {string} */ name) => new URL(site.files[name].path, base).href;
  let done = 0;
  const [ort, wasm] = await Promise.all([
    import(place(build.script)),
    bytesOf(file, base, (bytes) => report({ what: "runtime", done: (done += bytes), total: file.bytes })),
  ]);
  ort.env.wasm.wasmBinary = wasm;
  ort.env.wasm.wasmPaths = { mjs: place(build.glue) };
  ort.env.wasm.numThreads = options.threads;
  ort.env.logLevel = "error";
  return ort;
}
