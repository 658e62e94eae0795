// @ts-check
/**
 * A graph's float16 weights, handed to ONNX Runtime apart from the graph as the float32 that it
 * computes with (live/graphs.py: halved).
 *
 * ONNX Runtime would cast them itself: it then holds the graph's bytes, the float16 weights and the
 * float32 ones at once, and WebAssembly never gives memory back. So each large weight becomes
 * external data (https://onnx.ai/onnx/repo-docs/ExternalData.html), which it copies to where it
 * computes with it, one weight after the other.
 *
 * The messages' fields are those of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3),
 * written as in https://protobuf.dev/programming-guides/encoding.
 *
 * @typedef {{ number: number, start: number, at: number, end: number, value: number }} Field
 *   its bytes from `start` to `end`, its content from `at`; `value` is that of a number
 * @typedef {{ start: number, dims: Uint8Array[], raw: Uint8Array }} Half
 */
const MODEL = { producer: 2, graph: 7 }, GRAPH = { node: 1, initializer: 5 }, NODE = { input: 1, output: 2, type: 4 };
const TENSOR = { dims: 1, type: 2, name: 8, raw: 9, external: 13, location: 14 }, ENTRY = { key: 1, value: 2 };
const FLOAT = 1, FLOAT16 = 10, EXTERNAL = 1, SMALL = 2048; // bytes of float16 that stay inside: shapes are inferred from some
const FILE = "weights", OPTIMIZED = "latent-playground";
const text = new TextDecoder(), bytesOf = new TextEncoder();

/**
 * @param {Uint8Array} graph serialized ModelProto
 * @returns {{ structure: Uint8Array, weights: { path: string, data: Uint8Array }, optimized: boolean }}
 *   what a session is made of, and whether all was done for it when it was exported
 */
export function widened(graph) {
  const top = fieldsOf(graph), inside = (/** @type {Field} */ { at, end }) => fieldsOf(graph, at, end);
  const all = top.filter(({ number }) => number === MODEL.graph).flatMap(inside);
  const halves = new Map(all.flatMap((field) => halfOf(graph, field)));
  /** By where its node begins: the stored weight's name, and what it is cast to. */
  const casts = new Map(all.flatMap((field) => castOf(graph, field)).filter(([, [from]]) => halves.has(from)));
  const read = new Set([...casts.values()].map(([from]) => from)), gone = new Set([...halves].filter(([name]) => read.has(name)).map(([, { start }]) => start));
  const weights = new Weights();
  const written = (/** @type {Field} */ { start, end }) => {
    const [from, to] = casts.get(start) ?? [];
    if (from !== undefined && to !== undefined) return message(GRAPH.initializer, weights.told(to, /** @type {Half} */ (halves.get(from))));
    return gone.has(start) ? new Uint8Array() : graph.subarray(start, end);
  };
  const structure = joined(top.map((field) => (field.number === MODEL.graph ? message(MODEL.graph, joined(inside(field).map(written))) : graph.subarray(field.start, field.end))));
  const producer = top.find(({ number }) => number === MODEL.producer);
  return { structure, weights: { path: FILE, data: weights }, optimized: !!producer && said(graph, producer) === OPTIMIZED };
}

/** The file of float32 weights, widened as each of them is read: it is never there as a whole. */
class Weights extends Uint8Array {
  constructor() {
    super();
    /** By where they begin. @type {Map<number, Uint8Array>} */
    this.halves = new Map();
    this.total = 0;
    /** For the weight that is read: it is copied at once. */
    this.numbers = new Float32Array();
  }

  get byteLength() {
    return this.total;
  }

  /** @param {number} [start] @param {number} [end] @returns {Uint8Array<ArrayBuffer>} */
  subarray(start = 0, end = this.total) {
    const half = this.halves.get(start);
    if (!half || end - start !== 2 * half.length) throw new RangeError("No weight stands there.");
    if (this.numbers.length < half.length / 2) this.numbers = new Float32Array(Math.max(...[...this.halves.values()].map(({ length }) => length / 2)));
    return wide(half, this.numbers);
  }

  /** A weight as TensorProto. @param {string} name @param {Half} half */
  told(name, { dims, raw }) {
    const head = [...dims, number(TENSOR.type, FLOAT), message(TENSOR.name, bytesOf.encode(name))];
    if (raw.length < SMALL) return joined([...head, message(TENSOR.raw, wide(raw))]);
    const start = this.total, length = 2 * raw.length, facts = { location: FILE, offset: start, length };
    this.halves.set(start, raw);
    this.total += length;
    const entries = Object.entries(facts).map(([key, value]) => message(TENSOR.external, joined([message(ENTRY.key, bytesOf.encode(key)), message(ENTRY.value, bytesOf.encode(String(value)))])));
    return joined([...head, ...entries, number(TENSOR.location, EXTERNAL)]);
  }
}

// ---- messages -----------------------------------------------------------------------------------
/** @param {Uint8Array} bytes @param {number} [at] @param {number} [end] @returns {Field[]} */
function fieldsOf(bytes, at = 0, end = bytes.length) {
  const fields = [];
  const varint = () => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < end) {
    const start = at, tag = varint(), wire = tag % 8;
    let value = wire === 0 || wire === 2 ? varint() : wire === 1 ? 8 : 4;
    const content = wire === 0 ? start : at;
    if (wire !== 0) at += value;
    fields.push({ number: Math.floor(tag / 8), start, at: content, end: at, value });
  }
  return fields;
}

/** @param {Uint8Array} bytes @param {Field} field */
const said = (bytes, { at, end }) => text.decode(bytes.subarray(at, end));

/** A stored weight by its name, if the field is one. @param {Uint8Array} bytes @param {Field} field @returns {[string, Half][]} */
function halfOf(bytes, { number, start, at, end }) {
  if (number !== GRAPH.initializer) return [];
  const fields = fieldsOf(bytes, at, end), one = (/** @type {number} */ wanted) => fields.find((field) => field.number === wanted);
  const [type, name, raw] = [one(TENSOR.type), one(TENSOR.name), one(TENSOR.raw)];
  if (type?.value !== FLOAT16 || !name || !raw) return [];
  const dims = fields.filter((field) => field.number === TENSOR.dims).map((field) => bytes.subarray(field.start, field.end));
  return [[said(bytes, name), { start, dims, raw: bytes.subarray(raw.at, raw.end) }]];
}

/** What a node that casts reads and makes, by where it begins. @param {Uint8Array} bytes @param {Field} field @returns {[number, [string, string]][]} */
function castOf(bytes, { number, start, at, end }) {
  if (number !== GRAPH.node) return [];
  const fields = fieldsOf(bytes, at, end), one = (/** @type {number} */ wanted) => fields.find((field) => field.number === wanted);
  const [type, input, output] = [one(NODE.type), one(NODE.input), one(NODE.output)];
  return type && input && output && said(bytes, type) === "Cast" ? [[start, [said(bytes, input), said(bytes, output)]]] : [];
}

/** @param {number} value @returns {number[]} */
const varint = (value) => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]);

/** @param {number} field @param {number} value */
const number = (field, value) => Uint8Array.from([...varint(8 * field), ...varint(value)]);

/** @param {number} field @param {Uint8Array} content */
const message = (field, content) => joined([Uint8Array.from([...varint(8 * field + 2), ...varint(content.length)]), content]);

/** @param {Uint8Array[]} parts */
function joined(parts) {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) all.set(part, (at += part.length) - part.length);
  return all;
}

// ---- numbers ------------------------------------------------------------------------------------
/** Every float16 number by its bits (IEEE 754-2019, binary16). */
const NUMBERS = Float32Array.from({ length: 65536 }, (_, bits) => {
  const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
});

/** float32 numbers of float16 ones, both as little-endian bytes. @param {Uint8Array} raw @param {Float32Array<ArrayBuffer>} [numbers] where they are put */
function wide(raw, numbers = new Float32Array(raw.length / 2)) {
  for (let i = 0; i < raw.length; i += 2) numbers[i / 2] = NUMBERS[raw[i] | (raw[i + 1] << 8)];
  return new Uint8Array(numbers.buffer, 0, 2 * raw.length);
}
