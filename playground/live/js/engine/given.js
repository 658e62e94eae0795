// @ts-check
/**
 * Latents that are there already, with noise at known levels: nothing is solved
 * (diffusion/solvers.py: Noised).
 *
 * @import { GivenLatents } from "./protocol.js"
 * @import { Solving } from "./solvers.js"
 */

export class Given {
  /** @param {GivenLatents} given */
  constructor({ latents, levels }) {
    this.levels = levels;
    this.clean = Float64Array.from(latents.data);
  }

  /** @param {Float32Array} noise @returns {Solving} */
  *solve(noise) {
    for (const at of this.levels) yield { x: this.clean.map((v, i) => at.signal * v + at.noise * noise[i]), at };
    return this.clean;
  }
}
