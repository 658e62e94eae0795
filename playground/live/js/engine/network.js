// @ts-check
/**
 * A model's graphs in ONNX Runtime: text encoder, denoiser with its attention, decoder.
 *
 * @import { Level, Model, NdArray, Maps, Heads, Branch } from "./protocol.js"
 * @import { Reading } from "./prompts.js"
 * @import { Edited } from "./closer.js"
 * @typedef {Reading & { embeds: NdArray, pooled: Float32Array }} Prompt
 * @typedef {{ latents: Float32Array, shape: number[], level: Level, prompt: Prompt, guidance: number, maps: boolean, heads: boolean, edit: Edited | null }} Row
 *   one row of a network call; `guidance` is told to networks that take w, `maps` and `heads` say
 *   whether its attention is asked for, `edit` whose attention it reads
 * @typedef {{ prediction: Float32Array, maps: Maps | null, heads: Record<string, Heads> | null }} Answer
 * @typedef {any} Ort onnxruntime-web's module
 */
import { editsOf } from "./closer.js";
import { wordColumns } from "./prompts.js";
import { widened } from "./widening.js";

const PREDICTION = "prediction";

export class Network {
  /** @param {Ort} ort @param {Model} model @param {any[]} sessions of text encoder, denoiser, decoder */
  constructor(ort, model, [text, network, decoder]) {
    this.ort = ort;
    this.model = model;
    this.text = text;
    this.network = network;
    this.decoder = decoder;
    /** Session of the graph that looks closer, once it was asked for. @type {any} */
    this.closer = null;
  }

  /** @param {Reading} reading @returns {Promise<Prompt>} */
  async encode(reading) {
    const ids = new this.ort.Tensor("int64", BigInt64Array.from(reading.ids, BigInt), [1, reading.ids.length]);
    const { embeds, pooled } = await this.text.run({ ids });
    return { ...reading, embeds: { shape: embeds.dims.slice(1), data: embeds.data }, pooled: pooled.data };
  }

  /** Answers to rows of latents of one size; rows whose texts differ in length are computed apart. @param {Row[]} rows @returns {Promise<Answer[]>} */
  async predict(rows) {
    const answers = /** @type {Answer[]} */ (Array(rows.length));
    for (const length of new Set(rows.map(({ prompt }) => prompt.ids.length))) {
      const mine = rows.flatMap((row, i) => (row.prompt.ids.length === length ? [i] : []));
      (await this.call(mine.map((i) => rows[i]))).forEach((answer, k) => (answers[mine[k]] = answer));
    }
    return answers;
  }

  /** @param {Row[]} rows @returns {Promise<Answer[]>} */
  async call(rows) {
    const { grids, layers } = this.model, [, h, w] = rows[0].shape;
    const closer = rows.some(({ heads }) => heads), asked = closer || rows.some(({ maps }) => maps);
    const names = asked ? Object.keys(layers).flatMap((grid) => (closer ? layers[grid] : [grid])) : [];
    const inputs = this.inputs(rows), edited = rows.some(({ edit }) => edit);
    const said = await (edited ? this.closer.run({ ...inputs, ...editsOf(this.ort, rows) }, [PREDICTION, ...names]) : this.network.run(inputs, [PREDICTION, ...names]));
    const sizeOf = (/** @type {string} */ grid) => [h / grids[grid], w / grids[grid]];
    const size = rows[0].latents.length;
    return rows.map((row, i) => ({
      prediction: said[PREDICTION].data.slice(i * size, (i + 1) * size),
      maps: row.maps ? entries(layers, sizeOf, (grid, at) => (closer ? meanOfLayers(layers[grid].map((name) => said[name]), i, at, row.prompt) : meanOfSum(said[grid], i, layers[grid].length, at, row.prompt))) : null,
      heads: row.heads ? entries(layers, sizeOf, (grid, at) => ({ layers: layers[grid], codes: codesOf(layers[grid].map((name) => said[name]), i, at, row.prompt) })) : null,
    }));
  }

  /** @param {Row[]} rows */
  inputs(rows) {
    const { Tensor } = this.ort, { model } = this, [first] = rows, prompts = [...new Set(rows.map(({ prompt }) => prompt))];
    const joint = model.kind === "joint", embeds = joint ? rows.map(({ prompt }) => prompt) : prompts;
    const inputs = /** @type {Record<string, any>} */ ({
      latents: new Tensor("float32", joined(rows.map(({ latents }) => latents)), [rows.length, ...first.shape]),
      timesteps: new Tensor("float32", Float32Array.from(rows, ({ level }) => level.t), [rows.length]),
      embeds: new Tensor("float32", joined(embeds.map((prompt) => prompt.embeds.data)), [embeds.length, ...first.prompt.embeds.shape]),
    });
    if (joint) {
      inputs.pooled = new Tensor("float32", joined(rows.map(({ prompt }) => prompt.pooled)), [rows.length, first.prompt.pooled.length]);
      return inputs;
    }
    const length = first.prompt.ids.length, plain = new Float32Array(length).fill(1);
    inputs.prompt = new Tensor("int64", BigInt64Array.from(rows, ({ prompt }) => BigInt(prompts.indexOf(prompt))), [rows.length]);
    inputs.weights = new Tensor("float32", joined(rows.map(({ prompt, edit }) => (prompt.weights ?? plain).map((weight, i) => weight * (edit?.plan.weights[i] ?? 1)))), [rows.length, length]);
    if (model.guidance.name === "embedded") inputs.guidance = new Tensor("float32", Float32Array.from(rows, ({ guidance }) => guidance), [rows.length]);
    return inputs;
  }

  /** RGBA [height, width, 4] of latents [channels, h, w]. @param {NdArray} latents @returns {Promise<NdArray<Uint8ClampedArray<ArrayBuffer>>>} */
  async decode({ shape, data }) {
    const { pixels } = await this.decoder.run({ latents: new this.ort.Tensor("float32", data, [1, ...shape]) });
    const [, height, width] = pixels.dims, image = new Uint8ClampedArray(4 * height * width).fill(255);
    for (let i = 0; i < height * width; i++) for (let c = 0; c < 3; c++) image[4 * i + c] = (pixels.data[3 * i + c] + 1) * 127.5;
    return { shape: [height, width, 4], data: image };
  }

  /** Latents [channels, h, w] of a picture RGBA [height, width, 4]. @param {NdArray<any>} image @param {any} encoder session of the autoencoder's other half @returns {Promise<NdArray>} */
  async latentsOf({ shape: [height, width], data }, encoder) {
    const pixels = new Float32Array(3 * height * width);
    for (let i = 0; i < height * width; i++) for (let c = 0; c < 3; c++) pixels[3 * i + c] = data[4 * i + c];
    const { latents } = await encoder.run({ pixels: new this.ort.Tensor("float32", pixels, [1, height, width, 3]) });
    return { shape: latents.dims.slice(1), data: latents.data };
  }
}

const QUIET = 3; // errors alone: that shapes are computed by the processor is no news

/** A graph that can be computed. @param {Ort} ort @param {Uint8Array} graph @param {"wasm" | "webgpu"} provider @returns {Promise<any>} */
export function session(ort, graph, provider) {
  const { structure, weights, optimized } = widened(graph);
  return ort.InferenceSession.create(structure, { executionProviders: [provider], externalData: [weights], graphOptimizationLevel: optimized ? "disabled" : "all", logSeverityLevel: QUIET });
}

/** By grid, "HxW". @template T @param {Model["layers"]} layers @param {(grid: string) => number[]} sizeOf @param {(grid: string, size: number[]) => T} make @returns {Record<string, T>} */
function entries(layers, sizeOf, make) {
  return Object.fromEntries(Object.keys(layers).map((grid) => [sizeOf(grid).join("x"), make(grid, sizeOf(grid))]));
}

/** @param {Float32Array[]} parts */
function joined(parts) {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) all.set(part, (at += part.length) - part.length);
  return all;
}

/**
 * Token maps [columns, h, w] of row `i` of a layer's sum over heads and layers [rows, positions, tokens].
 * @param {any} sum @param {number} i @param {number} layers @param {number[]} size @param {Prompt} prompt @returns {NdArray}
 */
function meanOfSum(sum, i, layers, [h, w], { columns, roles }) {
  const data = new Float32Array(roles.length * h * w);
  byColumn(data, sum.data, i * h * w * columns.length, h * w, columns, 1 / layers);
  return { shape: [roles.length, h, w], data };
}

/** The same of layers' probabilities [rows, heads, positions, tokens]. @param {any[]} layers @param {number} i @param {number[]} size @param {Prompt} prompt @returns {NdArray} */
function meanOfLayers(layers, i, [h, w], { columns, roles }) {
  const data = new Float32Array(roles.length * h * w);
  for (const { data: all, dims: [, heads] } of layers) {
    for (let head = 0; head < heads; head++) byColumn(data, all, (i * heads + head) * h * w * columns.length, h * w, columns, 1 / (heads * layers.length));
  }
  return { shape: [roles.length, h, w], data };
}

/** round(255·√p) of every head of every layer, by word [layers·heads, columns, h, w]. @param {any[]} layers @param {number} i @param {number[]} size @param {Prompt} prompt @returns {NdArray<Uint8Array>} */
function codesOf(layers, i, [h, w], prompt) {
  const columns = wordColumns(prompt), count = prompt.words.length + 4, heads = layers[0].dims[1], cells = count * h * w;
  const codes = new Uint8Array(layers.length * heads * cells);
  layers.forEach(({ data: all }, layer) => {
    for (let head = 0; head < heads; head++) {
      const sums = new Float32Array(cells), at = (layer * heads + head) * cells;
      byColumn(sums, all, (i * heads + head) * h * w * columns.length, h * w, columns, 1);
      for (let k = 0; k < cells; k++) codes[at + k] = Math.round(255 * Math.sqrt(Math.min(Math.max(sums[k], 0), 1)));
    }
  });
  return { shape: [layers.length * heads, count, h, w], data: codes };
}

/** Add [positions, tokens] from `start` of `all`, times a factor, to maps [columns, positions]. @param {Float32Array} maps @param {Float32Array} all @param {number} start @param {number} positions @param {number[]} columns @param {number} factor */
function byColumn(maps, all, start, positions, columns, factor) {
  for (let p = 0; p < positions; p++) {
    for (let token = 0; token < columns.length; token++) maps[columns[token] * positions + p] += factor * all[start + p * columns.length + token];
  }
}
