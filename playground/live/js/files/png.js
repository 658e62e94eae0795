// @ts-check
/**
 * PNG files that carry text, as playground/pngtext.py writes and reads them.
 *
 * @import { NdArray } from "../engine/protocol.js"
 */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const LONGEST = 2 ** 20; // bytes of text that are read
const MOST_CHUNKS = 100_000;

/** The checksum of a chunk's type and body (PNG specification, annex D). */
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** @param {Uint8Array} bytes */
function checksum(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = TABLE[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/**
 * A picture as a file. Each text is said twice, as in Python: programs that drop iTXt keep tEXt.
 * @param {NdArray<any>} image RGBA [height, width, 4], opaque
 * @param {{ name: string, text: string, ascii: string } | null} said
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function written({ shape: [height, width], data }, said) {
  const rows = new Uint8Array(height * (1 + 3 * width)); // each begins with its filter: none
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let c = 0; c < 3; c++) {
    rows[y * (1 + 3 * width) + 1 + 3 * x + c] = data[4 * (y * width + x) + c];
  }
  const header = new Uint8Array(13), view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2], 8); // bits a channel, RGB
  const texts = said ? [chunk("iTXt", [...ascii(said.name), 0, 0, 0, 0, 0], utf8(said.text)), chunk("tEXt", [...ascii(said.name), 0], ascii(said.ascii))] : [];
  const body = await through(rows, new CompressionStream("deflate"));
  return joined([Uint8Array.from(SIGNATURE), chunk("IHDR", [], header), ...texts, chunk("IDAT", [], body), chunk("IEND", [], [])]);
}

/**
 * The texts in a PNG that have one of the names, by name; of two with one name the first counts.
 * Throws if the file is no PNG, is cut off, or one of these texts is damaged.
 * @param {Uint8Array<ArrayBuffer>} bytes @param {string[]} names
 * @returns {Promise<Record<string, string>>}
 */
export async function texts(bytes, names) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) throw new Error("it does not begin as a PNG does");
  /** @type {Record<string, string>} */
  const found = {};
  for (let at = 8, count = 0; count < MOST_CHUNKS; count++) {
    const length = view.getUint32(at), kind = latin(bytes.subarray(at + 4, at + 8)), end = at + 8 + length;
    const body = bytes.subarray(at + 8, end), name = kind in READ ? latin(body.subarray(0, 80)).split("\0")[0] : "";
    const wanted = names.includes(name) && !(name in found);
    if (wanted || kind === "IEND") {
      if (length > LONGEST) throw new Error("a text is too long");
      if (view.getUint32(end) !== checksum(bytes.subarray(at + 4, end))) throw new Error("a chunk is damaged");
      if (kind === "IEND") return found;
      found[name] = await READ[kind](body.subarray(name.length + 1));
    }
    at = end + 4;
  }
  throw new Error("there are too many chunks");
}

/** What a text chunk says after its name and a 0. @type {Record<string, (body: Uint8Array<ArrayBuffer>) => string | Promise<string>>} */
const READ = {
  tEXt: latin,
  zTXt: async (body) => latin(await inflated(body.subarray(1))),
  iTXt: async (body) => {
    const first = body.indexOf(0, 2), second = body.indexOf(0, first + 1), text = body.subarray(second + 1);
    if (first < 0 || second < 0) throw new Error("a text is damaged");
    return new TextDecoder("utf-8", { fatal: true }).decode(body[0] ? await inflated(text) : text);
  },
};

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function inflated(bytes) {
  return through(bytes, new DecompressionStream("deflate"), LONGEST);
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {CompressionStream | DecompressionStream} stream @param {number} [most] */
async function through(bytes, stream, most = Infinity) {
  const parts = [], reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    if ((length += part.value.length) > most) throw new Error("a text is too long");
  }
  return joined(parts);
}

/** @param {string} kind @param {Iterable<number>} lead @param {ArrayLike<number>} rest */
function chunk(kind, lead, rest) {
  const begin = [...ascii(kind), ...lead], out = new Uint8Array(4 + begin.length + rest.length + 4), view = new DataView(out.buffer);
  view.setUint32(0, begin.length - 4 + rest.length);
  out.set(begin, 4);
  out.set(rest, 4 + begin.length);
  view.setUint32(out.length - 4, checksum(out.subarray(4, out.length - 4)));
  return out;
}

/** @param {Uint8Array[]} parts */
function joined(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** @param {string} text */
const ascii = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));
/** @param {string} text */
const utf8 = (text) => new TextEncoder().encode(text);
/** @param {Uint8Array} bytes */
function latin(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
