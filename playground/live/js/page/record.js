// @ts-check
/**
 * What a finished run is (engine/record.py: RunRecord): its prompts, its steps, its picture.
 *
 * @import { Aggregation, Event, Maps, NdArray, Picture, PromptFacts, Step, Word } from "../engine/protocol.js"
 */
import { settled } from "./about.js";
import { part } from "./arrays.js";
import { product } from "./shared.js";

const MASSES = ["start", "content", "end", "padding"]; // what attention can go to, in this order

export class RunRecord {
  /**
   * @param {{ cond: PromptFacts, uncond: PromptFacts }} prompts
   * @param {Step[]} steps @param {Picture} picture @param {number[][]} previewMap [channels + 1][3]
   */
  constructor(prompts, steps, picture, previewMap) {
    this.prompts = prompts;
    this.steps = steps;
    this.picture = picture;
    this.previewMap = previewMap;
  }

  get recipe() {
    return this.picture.recipe;
  }

  get prompt() {
    return this.prompts.cond;
  }

  get timesteps() {
    return this.steps.map((step) => step.level.t);
  }

  /** The guided pred_x0 of every call, RGB [h, w, 3]. */
  get previews() {
    return this.steps.map((step) => step.previews.guided);
  }

  /** Whether there are words whose attention was recorded at every call. */
  get hasMaps() {
    return this.prompt.words.length > 0 && this.steps.every((step) => step.maps);
  }

  /** Grids of the maps, the finest first. */
  get grids() {
    const first = this.steps.find((step) => step.maps)?.maps ?? {};
    return Object.keys(first).sort((a, b) => sizeOf(b)[0] - sizeOf(a)[0] || sizeOf(b)[1] - sizeOf(a)[1]);
  }

  /** Per grid each word's share of the words' attention, [steps, words, h, w]; nothing if not every call was recorded. */
  shares() {
    if (!this.hasMaps) return {};
    const all = this.grids.map((grid) => [grid, stacked(this.recorded().map((maps) => sharesOf(maps[grid], this.prompt.words)))]);
    return /** @type {Record<string, NdArray>} */ (Object.fromEntries(all));
  }

  /** Per grid [steps][4]: the mean attention on start, content, end tokens and padding. @returns {Record<string, number[][]>} */
  masses() {
    if (!this.hasMaps) return {};
    return Object.fromEntries(this.grids.map((grid) => [grid, this.recorded().map((maps) => massesOf(maps[grid], this.prompt.roles))]));
  }

  /** Each word's share [words][h·w] on the finest grid, summed over calls and grids; null without maps or words. @param {Aggregation} how */
  wordMaps(how) {
    const { words } = this.prompt, recorded = this.steps.filter((step) => step.maps);
    if (!recorded.length || !words.length) return null;
    const calls = settled(how.latest, recorded.map((step) => step.level.t)).map((i) => /** @type {Maps} */ (recorded[i].maps));
    const parts = this.grids.map((grid) => {
      const [h, w] = sizeOf(grid), mean = sharesOf(meanOf(calls.map((maps) => maps[grid])), words);
      return { h, w, maps: words.map((_, k) => part(mean, k).data) };
    });
    return product(parts, how.weights);
  }

  /** RGB [h, w, 3] of latents before clipping; `constant` is whether the map's constant is added. @param {NdArray} latents @param {boolean} [constant] */
  colours({ shape: [channels, h, w], data }, constant = true) {
    const out = new Float32Array(h * w * 3), last = this.previewMap[channels];
    for (let i = 0; i < h * w; i++) for (let c = 0; c < 3; c++) {
      let sum = constant ? last[c] : 0;
      for (let k = 0; k < channels; k++) sum += data[k * h * w + i] * this.previewMap[k][c];
      out[3 * i + c] = sum;
    }
    return { shape: [h, w, 3], data: out };
  }

  recorded() {
    return this.steps.flatMap((step) => (step.maps ? [step.maps] : []));
  }
}

/**
 * The events of a run; a finished cell's record in the place of its picture.
 * @param {import("../engine/session.js").Session} session @param {AsyncIterable<Event>} events
 * @returns {AsyncGenerator<Event | RunRecord, void>}
 */
export async function* records(session, events) {
  /** @type {Map<number, Step[]>} */
  const steps = new Map();
  for await (const event of events) {
    if (event.kind === "step") steps.set(event.cell, [...(steps.get(event.cell) ?? []), event]);
    if (event.kind !== "picture") yield event;
    else {
      const { prompt, negative, model } = event.recipe, its = session.beside(model);
      const [cond, uncond] = await Promise.all([its.describe(prompt), its.describe(negative)]);
      yield new RunRecord({ cond, uncond }, steps.get(event.cell) ?? [], event, its.facts.preview_map);
      steps.delete(event.cell);
    }
  }
}

/** @param {string} grid "16x16" */
export function sizeOf(grid) {
  return grid.split("x").map(Number);
}

/** Each word's share of the words' attention [words, h, w] (attention/heatmaps.py: shares). @param {NdArray} map @param {Word[]} words */
function sharesOf({ shape: [, h, w], data }, words) {
  const cells = h * w, out = new Float32Array(words.length * cells);
  for (let i = 0; i < cells; i++) {
    let total = 0;
    const sums = words.map(({ columns }) => columns.reduce((sum, column) => sum + data[column * cells + i], 0));
    for (const sum of sums) total += sum;
    sums.forEach((sum, k) => (out[k * cells + i] = Math.max(sum, 0) / Math.max(total, 1e-12)));
  }
  return { shape: [words.length, h, w], data: out };
}

/** @param {NdArray} map @param {string[]} roles @returns {number[]} */
function massesOf({ shape: [columns, h, w], data }, roles) {
  const sums = MASSES.map(() => 0);
  for (let column = 0; column < columns; column++) {
    const role = MASSES.indexOf(roles[column]);
    for (let i = column * h * w; role >= 0 && i < (column + 1) * h * w; i++) sums[role] += data[i];
  }
  return sums.map((sum) => sum / (h * w));
}

/** @param {NdArray[]} maps */
function meanOf(maps) {
  const data = new Float32Array(maps[0].data.length);
  for (let i = 0; i < data.length; i++) data[i] = maps.reduce((sum, map) => sum + map.data[i], 0) / maps.length;
  return { shape: maps[0].shape, data };
}

/** @param {NdArray[]} arrays */
function stacked(arrays) {
  const data = new Float32Array(arrays.length * arrays[0].data.length);
  arrays.forEach((array, i) => data.set(array.data, i * array.data.length));
  return { shape: [arrays.length, ...arrays[0].shape], data };
}
