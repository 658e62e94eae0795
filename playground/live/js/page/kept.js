// @ts-check
/**
 * Pictures that are kept for the next race or grid (page/kept.py).
 *
 * @import { NdArray } from "../engine/protocol.js"
 */

/** What is kept of a finished run. @typedef {{ png: string, previews: NdArray<any>[], seconds: number }} Finished */

const MOST = 512; // pictures

/** By their recipes' links; those that were neither asked for nor finished for longest are forgotten. */
export class Kept {
  constructor() {
    /** @type {Map<string, Finished>} */
    this.pictures = new Map();
  }

  /** @param {string} link */
  get(link) {
    const found = this.pictures.get(link);
    if (found) this.put(link, found); // a map keeps the order in which its entries were set
    return found;
  }

  /** @param {string} link @param {Finished} picture */
  put(link, picture) {
    this.pictures.delete(link);
    this.pictures.set(link, picture);
    const oldest = this.pictures.keys().next().value;
    if (this.pictures.size > MOST && oldest !== undefined) this.pictures.delete(oldest);
  }
}
