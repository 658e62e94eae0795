// @ts-check
/**
 * A recipe's own error against network calls, and the paths of its samplers: page/samplers/errors.py
 * with measured.py and views/trajectories. First come the exact solutions, then every sampler at every
 * number of calls; a sampler is compared with the solution that begins where it begins.
 *
 * @import { Event, Exact, NdArray, Picture, Recipe, Task } from "../../engine/protocol.js"
 * @import { Session } from "../../engine/session.js"
 * @import { About } from "../about.js"
 */
import { rgb, rounded, part } from "../arrays.js";
import { dataUrl, stack } from "../images.js";
import { short } from "../recipe.js";
import { plane } from "./paths.js";

/** @typedef {{ calls: number, steps: number, latents: number, psnr: number, picture: number, spread: number, image: string }} Point */
/** A sampler with so many calls. @typedef {{ name: string, budget: number, steps: number, endsClean: boolean }} Cell */
/** Where exact samplers end: latents, and their picture RGBA. @typedef {{ latents: NdArray, image: NdArray<any> }} End */

const RIVALS = ["ddim", "dpmpp_2m"]; // who is ahead depends on guidance and calls: the text says where

export const message = (/** @type {string} */ text, error = false, /** @type {number | null} */ share = null) => ({ kind: "message", text, share, error });
export const stopped = () => ({ ...message("Stopped. What was measured stays."), stopped: true });

export class Measured {
  /** @param {About} about @param {Session} session @param {Recipe} recipe @param {Cell[]} cells @param {Record<string, number>} scales of the samplers' starting noise */
  constructor(about, session, recipe, cells, scales) {
    this.about = about;
    this.session = session;
    this.recipe = recipe;
    this.cells = cells;
    this.scales = scales;
    this.solved = [...new Set(cells.map(({ name }) => scales[name]))];
    this.exact = this.solved.map((scale) => /** @type {Task} */ ({ recipe, exact: scale }));
    this.tasks = cells.map(({ name, steps }) => /** @type {Task} */ ({ recipe: { ...recipe, sampler: name, steps } }));
    this.calls = 0;
    this.begun = performance.now();
    this.total = about.page.samplers.errors.exact * this.exact.length + cells.reduce((sum, { budget }) => sum + budget, 0);
    /** By the scale of the starting noise. @type {Map<number, { exact: Exact, clean: End, least: End }>} */
    this.solutions = new Map();
    /** By cell, latents before every call, and the last. @type {Map<number, Float32Array[]>} */
    this.paths = new Map();
    /** By cell; null if it failed. @type {Map<number, Point | null>} */
    this.points = new Map();
  }

  get share() {
    return Math.min(this.calls / this.total, 0.99);
  }

  /** @param {string} what */
  left(what) {
    const seconds = ((performance.now() - this.begun) / 1000 / Math.max(this.share, 0.01)) * (1 - this.share);
    return `${what}: ${this.calls} of about ${this.total} network calls, ${seconds.toFixed(0)} s left.`;
  }

  /** @param {Event} event of the exact solutions */
  async takeExact(event) {
    if (event.kind === "failure") throw new Error(`The reference could not be solved: ${event.reason}`);
    if (event.kind === "step") this.calls += 1;
    if (event.kind !== "picture" || !event.exact) return;
    const { path } = event.exact, least = part(path, path.shape[0] - 1);
    this.solutions.set(this.solved[event.cell], {
      exact: event.exact, clean: { latents: event.latents, image: event.image }, least: { latents: least, image: part(await this.session.decode(stack([least])), 0) },
    });
  }

  /** @param {Event} event of the samplers */
  async take(event) {
    if (event.kind === "failure") this.points.set(event.cell, null);
    if (event.kind !== "step" && event.kind !== "picture") return;
    this.calls += event.kind === "step" ? 1 : 0;
    const path = this.paths.get(event.cell) ?? [];
    this.paths.set(event.cell, [...path, event.latents.data]);
    if (event.kind === "picture") this.points.set(event.cell, await this.point(event));
  }

  /** @param {Picture} picture @returns {Promise<Point>} */
  async point({ cell, calls, latents, image }) {
    const { name, steps, endsClean } = this.cells[cell], solution = this.solutions.get(this.scales[name]);
    if (!solution) throw new Error("The reference is not there.");
    const end = endsClean ? solution.clean : solution.least, error = rmse(rgb(image).data, rgb(end.image).data);
    return { calls, steps, latents: rmse(latents.data, end.latents.data), psnr: 20 * Math.log10(255 / Math.max(error, 0.5)), picture: error, spread: 0, image: await dataUrl(image) };
  }

  get bound() {
    return Math.max(...[...this.solutions.values()].map(({ exact }) => exact.bound));
  }

  /** What the chart shows so far; only a sentence while there is no point. @param {string} text @param {number | null} share */
  async chart(text, share) {
    const lines = /** @type {Map<string, Point[]>} */ (new Map());
    this.cells.forEach(({ name }, cell) => {
      const point = this.points.get(cell);
      if (point && !this.about.samplers[name].stochastic) lines.set(name, [...(lines.get(name) ?? []), point]);
    });
    if (!lines.size) return message(text, false, share);
    const group = {
      label: `w = ${short(this.recipe.guidance)}`, bound: this.bound, series: series(this.about, lines, this.bound), text: crossing(this.about, lines, this.bound),
      image: await dataUrl(/** @type {{ clean: End }} */ (this.solutions.get(this.solved[0])).clean.image),
    };
    return { kind: "chart", groups: [group], text, share };
  }

  summary() {
    const { prompt, seed, guidance } = this.recipe, spent = (performance.now() - this.begun) / 1000, lost = [...this.points.values()].filter((point) => !point).length;
    return (
      `${prompt || "no words"}, seed ${seed}, w = ${short(guidance)}, η = 0. ${this.calls} network calls in ${spent.toFixed(0)} s. The reference took ${this.about.page.samplers.errors.steps} ` +
      `Runge-Kutta steps; half as many end ${this.bound.toPrecision(1)} away from it.${lost ? ` ${lost} runs failed.` : ""}`
    );
  }

  /** The finished paths, in the plane of the first reference. */
  plane() {
    const { path } = /** @type {{ exact: Exact }} */ (this.solutions.get(this.solved[0])).exact, exact = Array.from({ length: path.shape[0] }, (_, i) => part(path, i).data), found = plane(exact);
    const placed = (/** @type {Float32Array[]} */ latents) => latents.map((x) => found.place(x).map((v) => rounded(v, 3)));
    const budgets = /** @type {Map<number, any[]>} */ (new Map());
    this.cells.forEach(({ name, budget }, cell) => {
      if (!this.points.get(cell)) return;
      const { label, stochastic } = this.about.samplers[name];
      budgets.set(budget, [...(budgets.get(budget) ?? []), { label, places: placed(this.paths.get(cell) ?? []), stochastic }]);
    });
    const sorted = [...budgets].sort(([a], [b]) => a - b).map(([calls, ways]) => ({ calls, ways }));
    return { budgets: sorted, exact: placed(exact), share: rounded(found.share, 4) };
  }
}

/** A line per sampler; its slope is fitted where the reference is known well enough. @param {About} about @param {Map<string, Point[]>} lines @param {number} bound */
export function series(about, lines, bound) {
  return [...lines].map(([name, points]) => {
    const sorted = [...points].sort((a, b) => a.calls - b.calls), known = sorted.filter(({ latents }) => latents > 2 * bound);
    return { label: about.samplers[name].label, order: about.samplers[name].order, slope: known.length > 1 ? slope(known) : null, points: sorted };
  });
}

/** Minus the slope of log error against log calls. @param {Point[]} points */
function slope(points) {
  const x = points.map(({ calls }) => Math.log(calls)), y = points.map(({ latents }) => Math.log(latents)), mean = (/** @type {number[]} */ v) => v.reduce((a, b) => a + b, 0) / v.length;
  const [mx, my] = [mean(x), mean(y)];
  return -x.reduce((sum, v, i) => sum + (v - mx) * (y[i] - my), 0) / x.reduce((sum, v) => sum + (v - mx) ** 2, 0);
}

/** Where the first order sampler is ahead of the second order one by more than the reference's bound, in a sentence. @param {About} about @param {Map<string, Point[]>} lines @param {number} bound */
export function crossing(about, lines, bound) {
  const [first, second] = RIVALS.map((name) => lines.get(name)), [slow, fast] = RIVALS.map((name) => about.samplers[name].label);
  if (!first || !second) return "";
  const ahead = first.flatMap((one) => {
    const other = second.find(({ calls }) => calls === one.calls);
    return other && other.latents - one.latents > bound ? [`${one.calls} (${Number(one.latents.toPrecision(3))} against ${Number(other.latents.toPrecision(3))})`] : [];
  });
  if (!ahead.length) return `${slow} is clearly ahead of ${fast} at no number of calls that was measured.`;
  return `${slow}, of first order, is ahead of ${fast}, of second order, at calls: ${ahead.join(", ")}.`;
}

/** Root of the mean square. @param {ArrayLike<number>} found @param {ArrayLike<number>} exact */
function rmse(found, exact) {
  let sum = 0;
  for (let i = 0; i < found.length; i++) sum += (found[i] - exact[i]) ** 2;
  return Math.sqrt(sum / found.length);
}
