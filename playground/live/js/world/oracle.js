// @ts-check
/**
 * The oracle: reads a picture back into a scene, and judges it by its prompt (world/measures.py).
 *
 * @import { Ort } from "../engine/network.js"
 * @import { NdArray } from "../engine/protocol.js"
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
    const { items, place } = this.grammar.read(prompt), { reasons, side } = this.words;
    if (!items.length && place === null) return { reason: reasons.words };
    if (image.shape[0] !== side || image.shape[1] !== side) return { reason: reasons.size };
    return verdict(this.grammar, prompt, await this.read(image));
  }

  /** The scene in a picture. @param {NdArray<Uint8ClampedArray>} image @returns {Promise<Scene>} */
  async read({ shape: [h, w], data }) {
    const pixels = new Uint8Array(3 * h * w);
    for (let i = 0; i < h * w; i++) for (let c = 0; c < 3; c++) pixels[3 * i + c] = data[4 * i + c];
    const said = await this.session.run({ images: new this.ort.Tensor("uint8", pixels, [1, h, w, 3]) });
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
