// @ts-check
/**
 * The lecture's self-check: five questions, whose answers are measured (page/lecture/check.py).
 *
 * @import { NdArray, Recipe } from "../../engine/protocol.js"
 * @import { About } from "../about.js"
 * @import { RunRecord } from "../record.js"
 */
import { rgb } from "../arrays.js";
import { RecipeError } from "../recipe.js";
import { counted, percent } from "../shared.js";

/** Which of a question's options is right, from 0 on, and what was measured. @typedef {{ right: number, said: string }} Answer */

export const WORDLESS = "The questions are about words: type some first.";
export const message = (/** @type {string} */ text, error = false, share = /** @type {number | null} */ (null)) => ({ kind: "message", text, share, error });
export const stopped = () => ({ ...message("Stopped. Your answers stay."), stopped: true });

/** The visitor's words, seed and size, drawn by the model that the lecture is about. @param {About} about @param {Recipe} recipe @returns {Recipe} */
export function recipeOf(about, recipe) {
  const { kept, steps: [steps] } = about.page.lecture, usual = about.recipes.forModel(about.model(about.usual.model));
  if (!recipe.prompt.trim()) throw new RecipeError(WORDLESS);
  const fields = Object.fromEntries(kept.map((/** @type {keyof Recipe} */ name) => [name, recipe[name]]));
  return { ...usual, ...fields, sampler: "ddim", steps };
}

/**
 * @param {About} about @param {RunRecord} long @param {RunRecord} short runs of more and of fewer steps
 * @param {NdArray<any>} halfway RGB: the long one stopped after as many steps as the short one has
 * @returns {Answer[]}
 */
export function answers(about, long, short, halfway) {
  return about.page.lecture.asked.map((/** @type {keyof MEASURED} */ name) => MEASURED[name](about, long, short, halfway));
}

/** @type {Record<string, (about: About, long: RunRecord, short: RunRecord, halfway: NdArray<any>) => Answer>} */
const MEASURED = {
  calls(about, { recipe }) {
    const [ten, fifteen] = [["heun", 10], ["ddim", 15]].map(([sampler, steps]) => about.calls(/** @type {Recipe} */ ({ ...recipe, sampler, steps })));
    const said = `${about.samplers.heun.label} with 10 steps: ${counted(ten, "network call")}; ${about.samplers.ddim.label} with 15: ${fifteen}.`;
    return { right: ten > fifteen ? 0 : ten < fifteen ? 1 : 2, said };
  },
  rows(about, { recipe }) {
    const [guided, plain] = [5, 1].map((guidance) => about.rows({ ...recipe, guidance }));
    return { right: plain === guided ? 0 : 2 * plain === guided ? 1 : 2, said: `At w = 5 ${counted(guided, "row")}, at w = 1 ${plain}.` };
  },
  latents(about, { picture }) {
    const [height, width] = picture.image.shape, numbers = 3 * height * width, latents = picture.latents.data.length, times = numbers / latents;
    const said = `${numbers.toLocaleString("en")} numbers of the picture are ${latents.toLocaleString("en")} in the latents: ${times.toFixed(0)} times.`;
    return { right: first([1, 12, 48].map((n) => -Math.abs(times - n))), said };
  },
  attention(about, long) {
    const masses = long.masses()[long.grids[0]], mean = [0, 1, 2, 3].map((role) => masses.reduce((sum, row) => sum + row[role], 0) / masses.length);
    const [start, content, , padding] = mean;
    return { right: first([content, start, padding]), said: `Words ${percent(content)}, start token ${percent(start)}, padding ${percent(padding)}.` };
  },
  stopped(about, long, short, halfway) {
    const [many, few] = about.page.lecture.steps, end = rgb(long.picture.image), [stopped, run] = [halfway, rgb(short.picture.image)].map((image) => rmse(image, end));
    const said = `RMSE to the finished picture: stopped after ${few} of ${many} steps ${stopped.toFixed(0)} of 255, a run of ${few} steps ${run.toFixed(0)}.`;
    return { right: stopped < run ? 0 : 1, said };
  },
};

/** Where the largest is. @param {number[]} values */
const first = (values) => values.indexOf(Math.max(...values));

/** @param {NdArray<any>} one @param {NdArray<any>} other */
function rmse({ data: one }, { data: other }) {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += (one[i] - other[i]) ** 2;
  return Math.sqrt(sum / one.length);
}
