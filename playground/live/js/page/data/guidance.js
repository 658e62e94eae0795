// @ts-check
/**
 * What the Guidance lens shows of a run: page/guidance/data.py with the look-ahead and the filmstrip.
 *
 * @import { NdArray, Picture, Recipe, Step } from "../../engine/protocol.js"
 * @import { About, Fit } from "../about.js"
 * @import { RunRecord } from "../record.js"
 */
import { bytesOf, pack, raster } from "../arrays.js";
import { pythonFloat, short } from "../recipe.js";
import { counted } from "../shared.js";
import { pngOf } from "./studio.js";

/** The look-ahead of a run; `lately` is what a call took, by its rows, in seconds. @param {RunRecord} run @param {Record<number, number>} lately @param {About} about */
export function lookahead(run, lately, about) {
  const { recipe } = run, model = about.model(recipe.model), [h, w] = run.previews[0].shape;
  return {
    h, w,
    scale: recipe.guidance,
    steps: run.steps.map((step) => moment(run, step)),
    words: words(run),
    text: cost(run.picture, lately, model),
    without: recipe.negative ? "with the negative words" : "without words",
    notes: notes(recipe, model, about),
    single: model.whyNot.lookahead,
  };
}

/** @param {RunRecord} run @param {Step} step */
function moment(run, step) {
  const shown = { scale: step.guidance, guided: raster(step.previews.guided) };
  if (!step.clean.uncond || !step.clean.cond) return { ...shown, both: false };
  const [u, c] = [step.clean.uncond, step.clean.cond].map((clean) => noiseOf(step, clean));
  const difference = minus(c.data, u.data), strength = lengths(difference, u.shape[0]), peak = Math.max(...strength);
  return {
    ...shown, both: true,
    uncond: pack(run.colours(step.clean.uncond).data),
    cond: pack(run.colours(step.clean.cond).data),
    noises: noiseRasters(run.colours(u, false), run.colours(c, false)),
    length: four(norm(difference)),
    share: four(norm(difference) / norm(u.data)),
    angle: four(angle(u.data, c.data)),
    map: pack(bytesOf(strength, peak || 1)),
    peak: four(peak),
  };
}

/** ε̂ of a branch, from its pred_x0 (diffusion/levels.py). @param {Step} step @param {NdArray} clean @returns {NdArray} */
function noiseOf({ latents, level: { signal, noise } }, clean) {
  return { shape: latents.shape, data: latents.data.map((x, i) => (x - signal * clean.data[i]) / noise) };
}

/** ε̂_u, ε̂_c and their difference around mid-gray; `gain`: how much it is amplified. @param {NdArray} uncond @param {NdArray} cond */
function noiseRasters(uncond, cond) {
  const difference = { shape: cond.shape, data: minus(cond.data, uncond.data) };
  const reach = 3 * Math.max(deviation(uncond.data), deviation(cond.data), 1e-9), spread = 3 * deviation(difference.data) || reach;
  const gray = (/** @type {NdArray} */ { shape, data }, /** @type {number} */ full) => raster({ shape, data: bytesOf(data.map((v) => v / full + 1), 2) });
  return { uncond: gray(uncond, reach), cond: gray(cond, reach), difference: gray(difference, spread), gain: four(reach / spread) };
}

/** Degrees between two arrays as vectors; exact also where they nearly agree (Kahan 2006). @param {Float32Array} a @param {Float32Array} b */
export function angle(a, b) {
  const la = norm(a), lb = norm(b);
  let apart = 0, together = 0;
  for (let i = 0; i < a.length; i++) {
    apart += (a[i] / la - b[i] / lb) ** 2;
    together += (a[i] / la + b[i] / lb) ** 2;
  }
  return (360 / Math.PI) * Math.atan2(Math.sqrt(apart), Math.sqrt(together));
}

/** Each word's share of the words' attention in the finest maps, at every step. @param {RunRecord} run */
function words(run) {
  const shares = run.shares(), [finest] = run.grids;
  if (!shares[finest]) return [];
  const { shape: [steps, , h, w], data } = shares[finest], cells = h * w, count = run.prompt.words.length;
  return run.prompt.words.map(({ text }, k) => {
    const maps = new Uint8Array(steps * cells);
    for (let s = 0; s < steps; s++) maps.set(bytesOf(data.subarray((s * count + k) * cells, (s * count + k + 1) * cells), 1), s * cells);
    return { text, h, w, maps: pack(maps) };
  });
}

/** What the branches cost, and what exactly w = 0 or w = 1 would save. @param {Picture} picture @param {Record<number, number>} lately @param {Fit} model */
function cost({ calls, rows, seconds }, lately, model) {
  const done = `This run: ${counted(calls, "network call")} with ${counted(rows, "row")}, ${seconds.network.toFixed(2)} s in the network. `;
  if (!model.guidance.branches) return `${done}Guidance costs this model no second row.`;
  if (rows === calls) return `${done}Guidance at every step would need ${2 * calls} rows.`;
  const saved = rows - calls, one = lately[1], two = lately[2];
  const measured = one && two
    ? `, or ${Math.max(0, saved * (two - one)).toFixed(2)} s: a call of one row took ${(1000 * one).toFixed(0)} ms here lately, of two ${(1000 * two).toFixed(0)} ms`
    : "";
  return `${done}At exactly w = 1 the branch without words is not computed, at w = 0 the one with: ${counted(saved, "row")} less${measured}.`;
}

/** @param {Recipe} recipe @param {Fit} model @param {About} about */
function notes(recipe, model, about) {
  if (!model.guidance.branches) return [];
  const found = model.whyNot["plain sum"] ? [model.whyNot["plain sum"]] : [];
  if (recipe.guider !== "cfg" || recipe.rescale) {
    const how = `${about.called("guider", recipe.guider)} guidance${recipe.rescale ? ` with rescale φ = ${short(recipe.rescale)}` : ""}`;
    found.push(`This run used ${how}; the slider shows plain guidance.`);
  }
  if (recipe.negative) found.push(`U and ε_u are with the negative words here: “${recipe.negative}”.`);
  return found;
}

// ---- the filmstrip ------------------------------------------------------------------------------
export const message = (/** @type {string} */ text, error = false) => ({ kind: "message", text, error });
export const stopped = () => ({ kind: "stopped", text: "Stopped. What was finished stays; the rest are previews." });

/** Where on the slider a value lies, and what it is called (page/guidance/axis.py). @param {About} about @param {string} axis @param {any} value @returns {[number, string]} */
export function place(about, axis, value) {
  if (axis in about.tables) return [Object.keys(about.tables[axis]).indexOf(value), about.called(axis, value)];
  return [value, (axis === "guidance" ? "w = " : "") + about.called(axis, value)];
}

/** A picture that is being drawn. @param {[number, string]} at @param {Step} step */
export const sampling = ([at, label], { previews, index, count }) => ({ at, label, finished: false, preview: raster(previews.guided), step: index + 1, count });
/** @param {[number, string]} at @param {string} reason */
export const failed = ([at, label], reason) => ({ at, label, finished: false, reason });

/** The picture as part of a strip along `axis`, with its words' maps. @param {RunRecord} run @param {string} axis @param {About} about */
export async function finishedFrame(run, axis, about) {
  const { recipe, picture, prompt } = run, { aggregation } = about.model(recipe.model), maps = run.wordMaps(aggregation);
  const [at, label] = place(about, axis, /** @type {any} */ (recipe)[axis]), [h, w] = (run.grids[0] ?? "0x0").split("x").map(Number);
  const shared = picture.shared ? `, ${picture.shared} of them shared` : "";
  return {
    at, label, finished: true, height: recipe.height, width: recipe.width,
    png: pack(await pngOf(run, about)),
    words: maps ? prompt.words.map(({ text }, k) => ({ text, h, w, map: pack(bytesOf(maps.maps[k], 1)) })) : [],
    text: `${counted(picture.calls, "network call")}, ${counted(picture.rows, "row")}${shared}, by ${picture.networks.join(" and ")}.`,
    link: about.recipes.toQuery(recipe),
  };
}

/** A strip whose pictures differ from `recipe` along `axis` alone. @param {About} about @param {Recipe} recipe @param {string} axis @param {any[]} frames @param {{ text?: string, share?: number, run?: string }} [progress] */
export function stripOf(about, recipe, axis, frames, { text, share, run } = {}) {
  const rest = Object.entries(about.recipes.toDict(recipe)).filter(([name]) => name !== axis);
  const others = rest.filter(([name]) => !["v", "prompt", "seed"].includes(name)).map(([name, value]) => `${about.label(name)} ${called(about, name, value)}`);
  const label = [recipe.prompt || "no words", `seed ${recipe.seed}`, ...others].join(", ");
  const key = `${axis}{${rest.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `"${name}": ${about.recipes.ascii(name, value)}`).join(", ")}}`; // as json.dumps writes it
  return { kind: "strip", key, axis: about.label(axis), label, frames, text: text ?? null, share: share ?? null, run: run ?? null };
}

/** @param {About} about @param {string} name @param {any} value */
const called = (about, name, value) => (name in about.tables ? about.called(name, value) : about.recipes.fields[name].kind === "float" ? pythonFloat(value) : String(value));

// ---- arithmetic ---------------------------------------------------------------------------------
/** @param {Float32Array} a @param {Float32Array} b */
const minus = (a, b) => a.map((v, i) => v - b[i]);
/** @param {Float32Array} values */
const norm = (values) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));

/** @param {Float32Array} values */
function deviation(values) {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
}

/** Length over the channels at every position. @param {Float32Array} values [channels, positions] @param {number} channels */
function lengths(values, channels) {
  const n = values.length / channels;
  return Float32Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += values[c * n + i] ** 2;
    return Math.sqrt(sum);
  });
}

/** Four digits. @param {number} value */
const four = (value) => Number(value.toPrecision(4));
