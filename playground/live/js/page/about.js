// @ts-check
/**
 * What the page knows of models, samplers and guidance: site.json and page.json together.
 *
 * @import { Recipe, Site, Model } from "../engine/protocol.js"
 */
import { scaleAt } from "../engine/guidance.js";
import { tooMany } from "../engine/schedules.js";
import * as weighting from "../engine/weighting.js";
import { RecipeError, Recipes, short } from "./recipe.js";

/**
 * What of the page fits a model (page/fits.py: Fit).
 * @typedef {Model & {
 *   full: string, called: string, network_called: string, crossAttention: boolean, guidanceHelp: string, wordsHelp: string, fixed: boolean,
 *   general: string[], raced: string[], scales: Record<string, number>, refused: string, unused: string[], whyUnused: string,
 *   whyNot: Record<string, string>,
 *   summing: Record<"own" | "other" | "reading", { text: string, claim: string }>
 * }} Fit
 */

export class About {
  /** @param {Site} site @param {any} page */
  constructor(site, page) {
    this.site = site;
    this.page = page;
    this.recipes = new Recipes(site.recipe);
    /** @type {Record<string, Fit>} */
    this.models = Object.fromEntries(site.models.map((model) => [model.name, { ...model, ...page.models[model.name] }]));
    this.samplers = byName(site.samplers);
    /** Of fields with a table, its records by name. @type {Record<string, Record<string, { name: string, label: string, sentence: string }>>} */
    this.tables = { sampler: this.samplers, guider: byName(site.guiders), guidance_schedule: byName(site.schedules) };
  }

  /** The recipe that a visitor begins with. */
  get usual() {
    return this.recipes.usual();
  }

  /** @param {string} name @returns {Fit} */
  model(name) {
    if (!Object.hasOwn(this.models, name)) {
      throw new RecipeError(
        `This page draws with its built-in models alone (${Object.keys(this.models).join(", ")}); “${name.slice(0, 80)}” needs the playground on a machine of your own.`,
      );
    }
    return this.models[name];
  }

  /** Which picture a result is of (page/fits.py: whose). @param {Recipe} recipe */
  whose({ prompt, seed, model }) {
    return `${prompt ? `“${prompt}”` : "no words"}, seed ${seed}, ${this.model(model).label}`;
  }

  /** The recipe, if this edition can draw it (page/serving.py: check). @param {Recipe} recipe */
  check(recipe) {
    const model = this.model(recipe.model);
    if (recipe.weights) throw new RecipeError(`This recipe was made with other weights of ${model.full} (${recipe.weights}; here they are the built-in ones): it would draw another picture.`);
    if (recipe.lora) throw new RecipeError("A LoRA needs the playground on a machine of your own.");
    if (Math.max(recipe.width, recipe.height) > model.largest) throw new RecipeError(`${model.full} draws at most ${model.largest} pixels a side.`);
    for (const [field, table] of Object.entries(this.tables)) {
      const chosen = /** @type {any} */ (recipe)[field], called = { sampler: "sampler", guider: "guider", guidance_schedule: "guidance schedule" }[field];
      if (!Object.hasOwn(table, chosen)) throw new RecipeError(`There is no ${called} '${chosen}'; there are: ${Object.keys(table).join(", ")}.`);
    }
    const refusal = model.fits[recipe.sampler];
    if (refusal) throw new RecipeError(refusal);
    const many = recipe.sampler === "lcm" && tooMany(model.scheduler_config, recipe.steps);
    if (many) throw new RecipeError(many);
    if (!model.crossAttention && [recipe.prompt, recipe.negative].some(weighted)) throw new RecipeError(weighting.JOINT);
    return recipe;
  }

  /** Network calls (NFE) of a recipe. @param {Recipe} recipe */
  calls({ sampler, steps }) {
    const { calls, extra } = this.samplers[sampler];
    return steps > 1 ? calls * steps + extra : 1;
  }

  /** The most steps of a sampler that make no more than so many calls. @param {string} sampler @param {number} calls */
  stepsWithin(sampler, calls) {
    const one = this.samplers[sampler];
    return Math.max(1, Math.floor((calls - one.extra) / one.calls));
  }

  /** Network rows of these calls. @param {Recipe} recipe */
  rows(recipe) {
    const calls = this.calls(recipe), { branches } = this.model(recipe.model).guidance;
    let rows = 0;
    for (let i = 0; i < calls; i++) rows += branches && ![0, 1].includes(scaleAt(recipe, i, calls)) ? 2 : 1;
    return rows;
  }

  /** What a value of a recipe's field is called. @param {string} field @param {any} value */
  called(field, value) {
    if (Object.hasOwn(this.tables, field)) return this.tables[field][value].label;
    return typeof value === "number" ? short(value) : String(value);
  }

  /** A field's label. @param {string} name */
  label(name) {
    return this.recipes.fields[name].label;
  }

  /** How maps of a recipe's model are summed at these calls (page/studio/data.py: summing). @param {Recipe} recipe @param {number[]} times */
  summing(recipe, times) {
    const { aggregation, side, summing } = this.model(recipe.model), own = recipe.width === side && recipe.height === side;
    return { calls: settled(aggregation.latest, times), weights: aggregation.weights, edges: aggregation.edges, ...summing[own ? "own" : "other"] };
  }
}

/** Which calls count; in a run without calls that late, the last one (attention/summing.py). @param {number} latest @param {number[]} times */
export function settled(latest, times) {
  const late = times.flatMap((t, i) => (t <= latest ? [i] : []));
  return late.length ? late : [times.length - 1];
}

/** Whether words of a prompt have weights; RecipeError for impossible ones. @param {string} text */
function weighted(text) {
  try {
    return !weighting.isPlain(weighting.read(text));
  } catch (error) {
    throw error instanceof weighting.WeightError ? new RecipeError(error.message) : error;
  }
}

/** @template {{ name: string }} T @param {T[]} records @returns {Record<string, T>} */
function byName(records) {
  return Object.fromEntries(records.map((record) => [record.name, record]));
}
