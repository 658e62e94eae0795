// @ts-check
/**
 * The oracle: reads a picture back into a scene, and judges it by its prompt (world/measures.py).
 *
 * @import { Ort } from "../engine/network.js"
 * @import { Measures, NdArray } from "../engine/protocol.js"
 * @import { Item, Scene, Words } from "./asked.js"
 * @import { Verdict } from "./verdict.js"
 */
import { Grammar } from "./asked.js";
import { verdict } from "./verdict.js";

export class Oracle {
  /** @param {Ort} ort @param {any} session of its graph @param {Words} words */
  constructor(ort, session, words) {
    this.ort = ort;
    this.session = session;
    this.words = words;
    this.grammar = new Grammar(words);
  }

  /** The verdict on a picture RGBA [height, width, 4], or the reason why there is none. @param {string} prompt @param {NdArray<Uint8ClampedArray>} image @returns {Promise<Verdict | { reason: string }>} */
  async judge(prompt, image) {
    const reason = this.whyNot(prompt, image.shape);
    return reason ? { reason } : verdict(this.grammar, prompt, await this.read(image));
  }

  /** Why pictures of this size cannot be judged by this prompt; empty if they can. @param {string} prompt @param {number[]} shape */
  whyNot(prompt, [height, width]) {
    const { items, place } = this.grammar.read(prompt), { reasons, side } = this.words;
    if (!items.length && place === null) return reasons.words;
    return height === side && width === side ? "" : reasons.size;
  }

  /** All measures of pictures RGBA of one prompt: shares of them, and the mean distance of their features. @param {string} prompt @param {NdArray<Uint8ClampedArray>[]} images @returns {Promise<Measures>} */
  async measure(prompt, images) {
    const wanted = this.grammar.read(prompt), features = /** @type {Float32Array[]} */ ([]);
    let lenient = 0, strict = 0;
    for (const image of images) {
      const said = await this.ask(image), wrong = this.grammar.faults(wanted, this.scene(said));
      strict += wrong.size ? 0 : 1;
      lenient += wrong.size && (wrong.size > 1 || !wrong.has("extra")) ? 0 : 1;
      features.push(Float32Array.from(said.features.data));
    }
    return { lenient: lenient / images.length, strict: strict / images.length, diversity: diversity(features), saturation: mean(images.map(saturation)) };
  }

  /** The scene in a picture. @param {NdArray<Uint8ClampedArray>} image @returns {Promise<Scene>} */
  async read(image) {
    return this.scene(await this.ask(image));
  }

  /** What the network says of a picture. @param {NdArray<Uint8ClampedArray>} image @returns {Promise<any>} */
  ask({ shape: [h, w], data }) {
    const pixels = new Uint8Array(3 * h * w);
    for (let i = 0; i < h * w; i++) for (let c = 0; c < 3; c++) pixels[3 * i + c] = data[4 * i + c];
    return this.session.run({ images: new this.ort.Tensor("uint8", pixels, [1, h, w, 3]) });
  }

  /** @param {any} said @returns {Scene} */
  scene(said) {
    const items = /** @type {Item[]} */ ([]), cells = said.center.dims[2];
    said.center.data.forEach((/** @type {bigint} */ there, /** @type {number} */ cell) => {
      if (there) items.push(this.item(said, cell, cells));
    });
    return { place: this.words.read.place[Number(said.place.data[0])], items };
  }

  /** @param {any} said @param {number} cell @param {number} cells a row @returns {Item} */
  item(said, cell, cells) {
    const { read, shapes, wearers, grid } = this.words, at = (/** @type {string} */ name) => Number(said[name].data[cell]);
    const noun = read.noun[at("noun")];
    return {
      noun, center: [(cell % cells) * grid, Math.floor(cell / cells) * grid], size: at("size"),
      color: shapes.includes(noun) ? read.color[at("color")] : null, worn: wearers.includes(noun) ? read.worn[at("worn")] : null,
    };
  }
}

/** Mean distance between all pairs. @param {Float32Array[]} features */
function diversity(features) {
  return mean(features.flatMap((one, i) => features.slice(i + 1).map((other) => Math.sqrt(one.reduce((sum, v, k) => sum + (v - other[k]) ** 2, 0)))));
}

/** Mean over pixels of the distance between the strongest and the weakest channel, 0 … 1. @param {NdArray<Uint8ClampedArray>} image RGBA */
function saturation({ data }) {
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]);
  return sum / (data.length / 4) / 255;
}

/** @param {number[]} numbers */
const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
