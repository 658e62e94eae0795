// @ts-check
/**
 * Pictures that are kept for the next race or grid (page/kept.py).
 *
 * @import { NdArray } from "../engine/protocol.js"
 */

/** What is kept of a finished run. @typedef {{ png: string, previews: NdArray<any>[], seconds: number }} Finished */

const MOST = 512; // pictures

/** By their recipes' links; the oldest are forgotten. */
export class Kept {
  constructor() {
    /** @type {Map<string, Finished>} */
    this.pictures = new Map();
  }

  /** @param {string} link */
  get(link) {
    return this.pictures.get(link);
  }

  /** @param {string} link @param {Finished} picture */
  put(link, picture) {
    this.pictures.set(link, picture);
    const oldest = this.pictures.keys().next().value;
    if (this.pictures.size > MOST && oldest !== undefined) this.pictures.delete(oldest);
  }
}
