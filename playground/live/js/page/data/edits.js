// @ts-check
/**
 * What the view of edits shows: page/attention/views/edits, data.py and happened.py.
 *
 * @import { EditPlan, NdArray, Step, Word } from "../../engine/protocol.js"
 * @import { Verdict } from "../../world/verdict.js"
 * @import { About } from "../about.js"
 * @import { RunRecord } from "../record.js"
 * @typedef {{ h: number, w: number, maps: Float32Array[] }} Shares of words
 */
import { pack, raster, rgb, rint } from "../arrays.js";
import { counted } from "../shared.js";
import { pngOf } from "./studio.js";

const FULL = 65535; // shares travel as uint16
const THRESHOLD = 0.4; // of their range, for map and changed area

export const message = (/** @type {string} */ text, error = false) => ({ kind: "message", text, error });
export const stopped = () => ({ ...message("Stopped."), stopped: true });

/** A picture to edit, by its words; `which` tells repeated words apart. @param {string} prompt @param {Word[]} words @param {string} link */
export function ready(prompt, words, link) {
  const texts = words.map(({ text }) => text), which = (/** @type {number} */ i) => texts.slice(0, i).filter((text) => text === texts[i]).length;
  return { kind: "ready", prompt, words: texts.map((text, i) => ({ text, which: which(i) })), link };
}

/** Previews while they are drawn, and the seconds left. @param {Step[]} latest by cell @param {number} left */
export function sampling(latest, left) {
  const { index, count } = latest[1];
  return { kind: "sampling", previews: latest.map(({ previews }) => raster(previews.guided)), text: `Call ${index + 1} of ${count}, about ${left.toFixed(1)} s left`, share: (index + 1) / count };
}

/**
 * The original, the edit and, if there is a third, the edited words alone.
 * @param {RunRecord[]} runs @param {EditPlan["touched"]} touched @param {number} seconds @param {About} about
 */
export async function edited(runs, touched, seconds, about) {
  const how = about.model(runs[0].recipe.model).aggregation, none = { h: 1, w: 1, maps: [] };
  const shares = runs.map((run) => /** @type {Shares} */ (run.wordMaps(how) ?? none)), words = [...touched, touched[1]];
  const sides = await Promise.all(runs.map(async (run, i) => ({
    png: pack(await pngOf(run, about)),
    words: run.prompt.words.map(({ text, known }) => ({ text, known })),
    h: shares[i].h, w: shares[i].w,
    shares: pack(Uint16Array.from(shares[i].maps.flatMap((map) => [...map]), (share) => rint(Math.min(Math.max(share, 0), 1) * FULL))),
    touched: words[i],
    link: about.recipes.toQuery(run.recipe),
  })));
  const [before, after] = runs.map((run) => rgb(run.picture.image));
  const side = touched[0].length ? 0 : 1; // an added word has a map in the edit alone
  return {
    kind: "edited", sides, difference: raster(difference(before, after)), text: `${counted(runs.length, "picture")} in ${seconds.toFixed(1)} s.`,
    verdict: agreement(before, after, shares[side], runs[side].prompt.words, touched[side]),
    happened: { right: null, seen: /** @type {string[]} */ ([]), text: "" }, // not judged yet
  };
}

/** |difference| as a picture, stretched to full brightness. @param {NdArray<any>} before @param {NdArray<any>} after */
function difference(before, after) {
  const gray = grays(before, after), most = gray.reduce((a, b) => Math.max(a, b), 1);
  return { shape: before.shape, data: Uint8Array.from({ length: 3 * gray.length }, (_, i) => rint((255 * gray[Math.floor(i / 3)]) / most)) };
}

/** Mean |difference| over the colours of each pixel. @param {NdArray<any>} before @param {NdArray<any>} after */
function grays({ data: before }, { data: after }) {
  return Float32Array.from({ length: before.length / 3 }, (_, i) => [0, 1, 2].reduce((sum, c) => sum + Math.abs(after[3 * i + c] - before[3 * i + c]), 0) / 3);
}

/** How well the changed area and the words' map overlap. @param {NdArray<any>} before @param {NdArray<any>} after @param {Shares} shares @param {Word[]} words @param {number[]} touched */
function agreement(before, after, { h, w, maps }, words, touched) {
  const change = pooled(grays(before, after), before.shape, h, w), by = meanOf(change).toFixed(1);
  if (!change.some(Boolean)) return "The two pictures are equal: this edit did nothing.";
  if (!touched.length) return `What was added is no word, so it has no map. Mean change ${by} of 255.`;
  const mask = above(change), mine = iou(Float32Array.from(change, (_, i) => touched.reduce((sum, k) => sum + maps[k][i], 0)), mask);
  const others = maps.filter((_, k) => !touched.includes(k)).map((map) => iou(map, mask));
  const said = others.length ? ` (other words’ maps: ${Math.min(...others).toFixed(2)} to ${Math.max(...others).toFixed(2)})` : "";
  return (
    `A map shows where attention went; only the edit shows what it does. The changed area and the map of “${touched.map((k) => words[k].text).join(" ")}” ` +
    `overlap with IoU ${mine.toFixed(2)}${said}; both are cut at 0.4 of their range. Mean change ${by} of 255.`
  );
}

/** Means over the cells of a grid [h, w]. @param {Float32Array} values @param {number[]} shape @param {number} h @param {number} w */
function pooled(values, [height, width], h, w) {
  const ends = (/** @type {number} */ i, /** @type {number} */ n, /** @type {number} */ size) => [Math.floor((i * size) / n), Math.ceil(((i + 1) * size) / n)];
  return Float32Array.from({ length: h * w }, (_, cell) => {
    const [top, bottom] = ends(Math.floor(cell / w), h, height), [left, right] = ends(cell % w, w, width);
    let sum = 0;
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += values[y * width + x];
    return sum / ((bottom - top) * (right - left));
  });
}

/** Where a map is above the threshold of its range. @param {Float32Array} map */
function above(map) {
  const low = map.reduce((a, b) => Math.min(a, b)), high = map.reduce((a, b) => Math.max(a, b));
  return Array.from(map, (v) => (v - low) / Math.max(high - low, 1e-12) >= THRESHOLD);
}

/** Intersection over union. @param {Float32Array} map @param {boolean[]} mask */
function iou(map, mask) {
  const found = above(map), union = mask.filter((there, i) => there || found[i]).length;
  return union ? mask.filter((there, i) => there && found[i]).length / union : 0;
}

/**
 * What the oracle says of the original, the edit and, if it is there, the same words alone.
 * @param {RunRecord[]} runs @param {(Verdict & { reason?: string })[]} found of each picture, asked by the edit's words @param {string} why it is not judged
 */
export function judged(runs, found, why) {
  const reason = why || found[0].reason;
  if (reason) return { right: null, seen: [], text: `Not judged: ${reason}` };
  const seen = found.map((one) => one.seen || "nothing that it knows");
  if (runs.length === 2) {
    return { right: null, seen, text: seen[0] === seen[1] ? `The oracle sees the same in both: ${seen[0]}.` : `The oracle sees ${seen[0]}, then ${seen[1]}.` };
  }
  const [, edit, alone] = found, missing = (/** @type {Verdict} */ one) => one.missing.join(" and ");
  const said = edit.right ? "The edit happened: the oracle sees all that its words ask for." : `The edit did not happen: the oracle misses ${missing(edit)}.`;
  const without = edit.right
    ? alone.right ? "It sees it without the original’s attention, too" : `Without the original’s attention it would miss ${missing(alone)}`
    : alone.right ? "Without the original’s attention the same words show it" : `Nor without the original’s attention, where it misses ${missing(alone)}`;
  const [one, other] = runs.slice(1).map((run) => meanOf(grays(rgb(runs[0].picture.image), rgb(run.picture.image))).toFixed(1));
  return { right: edit.right, seen, text: `${said} ${without}. From the original the edit differs by ${one} of 255 on average, the same words alone by ${other}.` };
}

/** @param {Float32Array} values */
const meanOf = (values) => values.reduce((a, b) => a + b, 0) / values.length;
