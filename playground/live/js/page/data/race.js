// @ts-check
/**
 * Which lanes a race has and what its view shows of them: page/samplers/race_plan.py, racing.py and
 * views/race.
 *
 * @import { Recipe } from "../../engine/protocol.js"
 * @import { About } from "../about.js"
 * @import { Finished } from "../kept.js"
 * @import { Drawn, Together } from "../together.js"
 */
import { pack, raster, rounded } from "../arrays.js";
import * as listed from "../listed.js";
import { RecipeError, short } from "../recipe.js";
import { RunRecord } from "../record.js";
import { counted } from "../shared.js";
import { switched } from "../switching.js";
import { pngOf } from "./studio.js";

/** A recipe, and the count of steps or network calls that was asked of it. @typedef {{ recipe: Recipe, count: number }} Lane */

export const message = (/** @type {string} */ text, error = false) => ({ kind: "message", text, error });
export const stopped = () => ({ kind: "stopped", text: "Stopped. Finished pictures are kept for the next race; the others are previews." });

/**
 * Every sampler with every count and every w. Other models race along with those of the samplers that
 * fit them, or, if none does, with their own.
 * @param {About} about @param {Recipe} recipe
 * @param {{ names: string[], unit: string, counts: string, guidances: string, models: string[] }} asked
 */
export function plan(about, recipe, { names, unit, counts, guidances, models }) {
  const numbers = listed.numbers(counts, true).map((n) => countOf(about, n, unit));
  if (!numbers.length) throw new RecipeError(`How many ${about.page.samplers.units[unit]}? The list is empty.`);
  const written = listed.numbers(guidances), scales = written.length ? written : [recipe.guidance];
  const racers = /** @type {[Recipe, string][]} */ ([
    ...names.map((name) => [recipe, name]), ...(names.length ? models : []).flatMap((model) => ofModel(about, recipe, model, names)),
  ]);
  const lanes = scales.flatMap((w) => numbers.flatMap((count) => racers.map(([racer, name]) => ({ recipe: about.recipes.of({ ...at(about, racer, name, count, unit), guidance: w }), count }))));
  return check(about, lanes);
}

/** The recipe for another model, with each of the samplers that it races with. @param {About} about @param {Recipe} recipe @param {string} model @param {string[]} names @returns {[Recipe, string][]} */
function ofModel(about, recipe, model, names) {
  const fit = about.model(model), [other] = switched(about, recipe, recipe.model, model);
  const fitting = Object.keys(about.samplers).filter((name) => fit.fits[name] === null && names.includes(name));
  const usual = about.recipes.forModel(fit).sampler;
  return (fitting.length ? fitting : [usual]).map((name) => [other, name]);
}

/** The recipe with this sampler and as many steps as `count` of the unit allow. @param {About} about @param {Recipe} recipe @param {string} name @param {number} count @param {string} unit */
function at(about, recipe, name, count, unit) {
  return { ...recipe, sampler: name, steps: unit === "steps" ? count : about.stepsWithin(name, count) };
}

/**
 * The lanes of a draft, and its starred ones once more with `count`: what the view asks for.
 * @param {About} about @param {{ unit: string, count: string, lanes: { link: string, count: number, starred: boolean, finished: boolean }[] }} asked
 */
export function finishing(about, { unit, count: typed, lanes }) {
  const count = countOf(about, listed.number(String(typed)), unit);
  const draft = lanes.map((lane) => ({ recipe: about.recipes.fromQuery(lane.link), count: lane.count }));
  const starred = draft.filter((_, i) => lanes[i].starred);
  if (!starred.length) throw new RecipeError("No lane is starred: press ☆ on those that should be finished.");
  const full = starred.map(({ recipe }) => ({ recipe: about.recipes.of(at(about, recipe, recipe.sampler, count, unit)), count }));
  return check(about, [...draft.filter((_, i) => lanes[i].finished), ...full]);
}

/** The lanes, each recipe once, if they make a race. @param {About} about @param {Lane[]} lanes */
function check(about, lanes) {
  const { most, calls: limit } = about.page.samplers, first = new Map();
  for (const lane of lanes) {
    const link = about.recipes.toQuery(lane.recipe);
    if (!first.has(link)) first.set(link, lane);
  }
  const found = /** @type {Lane[]} */ ([...first.values()]);
  if (found.length < 2) throw new RecipeError("A race needs at least two lanes: add a sampler, a count or a w.");
  if (found.length > most) throw new RecipeError(`${found.length} lanes are too many: a race has at most ${most}.`);
  for (const { recipe } of found) about.check(recipe);
  const calls = found.reduce((sum, { recipe }) => sum + about.calls(recipe), 0);
  if (calls > limit) {
    throw new RecipeError(`These ${found.length} lanes make ${calls.toLocaleString("en")} network calls; a race has at most ${limit.toLocaleString("en")}: take fewer lanes or smaller counts.`);
  }
  return found;
}

/** @param {About} about @param {number} number @param {string} unit */
function countOf(about, number, unit) {
  const highest = about.recipes.fields.steps.high;
  if (number < 1 || number > highest) throw new RecipeError(`A lane has 1 to ${highest} ${about.page.samplers.units[unit]}, not ${short(number)}.`);
  if (!Number.isInteger(number)) throw new RecipeError(`“${short(number)}” in the list is not a whole number.`);
  return number;
}

/** The places of each model's recipes. @param {Recipe[]} recipes */
export function byModel(recipes) {
  const found = /** @type {Map<string, number[]>} */ (new Map());
  recipes.forEach(({ model }, place) => found.set(model, [...(found.get(model) ?? []), place]));
  return found;
}

/** What is known of a lane before it starts. @param {About} about @param {Lane} lane @param {string} unit @param {boolean} several models race */
function facts(about, { recipe, count }, unit, several) {
  const calls = about.calls(recipe), sampler = about.samplers[recipe.sampler], { called } = about.model(recipe.model);
  return {
    link: about.recipes.toQuery(recipe), sampler: several ? `${called}: ${sampler.label}` : sampler.label, count,
    guidance: recipe.guidance, steps: recipe.steps, calls, rows: about.rows(recipe),
    stochastic: sampler.stochastic || (sampler.uses_eta && recipe.eta > 0),
    note: unit === "calls" && calls !== count ? `cannot make exactly ${count}` : "", size: [recipe.height, recipe.width],
  };
}

/** A lane as the view shows it: kept from before, waiting, sampling, ended or finished. @param {About} about @param {Lane} lane @param {string} unit @param {boolean} several @param {Drawn | undefined} drawn @param {Finished | undefined} kept @param {boolean} before */
export function shownLane(about, lane, unit, several, drawn, kept, before) {
  const known = facts(about, lane, unit, several), last = drawn?.steps.at(-1), call = drawn?.steps.length ?? 0;
  if (kept) {
    return { ...known, state: "finished", png: kept.png, previews: kept.previews.map(raster), call: known.calls, seconds: rounded(kept.seconds, 3), kept: before };
  }
  const previews = last ? [raster(last.previews.guided)] : [], end = drawn?.end;
  if (end && !(end instanceof RunRecord)) {
    return { ...known, state: "ended", reason: end.kind === "dropped" ? "cancelled" : `failed: ${end.reason}`, previews, call };
  }
  return last ? { ...known, state: "sampling", previews, call } : { ...known, state: "waiting" };
}

/** What is kept of a finished lane. @param {RunRecord} run @param {About} about @returns {Promise<Finished>} */
export async function keptOf(run, about) {
  const seconds = Object.values(run.picture.seconds).reduce((a, b) => a + b, 0);
  return { png: pack(await pngOf(run, about)), previews: run.previews, seconds };
}

/** @param {number} lanes @param {Together} state @param {number} kept */
export function said(lanes, state, kept) {
  const before = kept ? `, ${kept} of them kept from before` : "";
  if (state.share < 1) return `${lanes} lanes from one noise${before}, about ${state.left.toFixed(0)} s left.`;
  const sum = (/** @type {"rows" | "shared"} */ name) => state.pictures.reduce((total, picture) => total + picture[name], 0);
  const text = `${lanes} lanes in ${state.spent.toFixed(1)} s${before}.`, rows = sum("rows"), shared = sum("shared");
  if (!rows) return text;
  return `${text} ${rows - shared} network rows computed${shared ? `; ${shared} more were equal to another lane’s.` : "."}`;
}
