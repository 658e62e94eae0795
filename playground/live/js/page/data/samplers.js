// @ts-check
/**
 * What the sections below the race show: page/samplers/counting.py, lecture.py and noising.py.
 *
 * @import { Level, Model, NdArray, Picture, Step } from "../../engine/protocol.js"
 */
import { flow, preserving } from "../../engine/levels.js";
import { pack, raster, rint, rounded } from "../arrays.js";

const COLUMNS = 10;
export const EVERY = 37; // timesteps between decoded pictures: 0, 37, …, 999

/** @param {string} text @param {boolean} [error] @param {number | null} [share] */
export const message = (text, error = false, share = null) => ({ kind: "message", text, share, error });
export const stopped = () => ({ ...message("Stopped."), stopped: true });

/** At most COLUMNS numbers of steps from 1 to `steps`, evenly spread. @param {number} steps */
export function numbers(steps) {
  const count = Math.min(COLUMNS, steps);
  const all = Array.from({ length: count }, (_, i) => rint(1 + (i * (steps - 1)) / Math.max(count - 1, 1)));
  return [...new Set(all)].sort((a, b) => a - b);
}

/**
 * After k of n steps of the longest run: the latents as they are, and pred_x0 of the call before.
 * @param {number[]} counts @param {Step[]} steps @param {Picture} picture of the longest run
 */
export function halfway(counts, steps, picture) {
  return counts.map((n) => {
    const following = Math.ceil((n * steps.length) / counts[counts.length - 1]), last = following === steps.length;
    return { state: last ? picture.latents : steps[following].latents, clean: steps[following - 1].clean.guided };
  });
}

/** @param {{ steps: number, stopped: string, clean: string, full: string }[]} columns pictures as data URLs @param {string} text */
export const counted = (columns, text) => ({ kind: "finished", columns, text });

/** A long run that is being drawn, or has ended with a picture (data URL). @param {string} label @param {number} done @param {number} count @param {number} seconds @param {NdArray<any> | null} preview @param {string | null} [image] */
export const lane = (label, done, count, seconds, preview, image = null) => ({
  label, done, count, seconds: rounded(seconds, 2), preview: preview && raster(preview), image,
});
/** @param {any[]} lanes @param {string} text @param {number | null} [share] */
export const lanes = (lanes, text, share = null) => ({ kind: "lanes", lanes, text, share });

/** The levels of all training timesteps (diffusion/forward.py: training_levels). @param {Model} model @returns {Level[]} */
export function trainingLevels(model) {
  if (model.alphas_cumprod.length) return model.alphas_cumprod.map((bar, t) => preserving(bar, t));
  const count = model.scheduler_config.num_train_timesteps ?? 1000;
  return Array.from({ length: count }, (_, i) => flow((i + 1) / count, ((i + 1) / count) * 1000));
}

/** signal·x0 + noise·ε. @param {Level} level @param {NdArray} latents @param {NdArray} noise @returns {NdArray} */
export function mixed(level, latents, noise) {
  return { shape: latents.shape, data: latents.data.map((x, i) => level.signal * x + level.noise * noise.data[i]) };
}

/** A picture noised to any timestep. @param {NdArray} latents @param {NdArray} noise @param {number[][]} map @param {Level[]} levels @param {{ t: number, image: string }[]} decoded @param {string} text */
export function noised(latents, noise, map, levels, decoded, text) {
  const [c, h, w] = latents.shape, of = (/** @type {keyof Level} */ name) => pack(Float32Array.from(levels, (level) => level[name])), last = levels[levels.length - 1];
  return {
    kind: "finished", c, h, w,
    latents: pack(latents.data), noise: pack(noise.data), map: map.map((row) => row.map((v) => rounded(v, 5))),
    times: of("t"), signals: of("signal"), noises: of("noise"), decoded, flow: last.signal + last.noise === 1, text,
  };
}
