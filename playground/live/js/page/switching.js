// @ts-check
/**
 * A recipe for another model, and a line on what changed with it: page/switching.py.
 *
 * @import { Recipe } from "../engine/protocol.js"
 * @import { About, Fit } from "./about.js"
 */

/** Fields that belong together, each group kept or replaced as a whole. */
const GROUPS = /** @type {(keyof Recipe)[][]} */ ([["width", "height"], ["sampler", "steps"], ["guidance"]]);

/** The recipe, so far for the model `before`, for the model `name`; and what changed. @param {About} about @param {Recipe} recipe @param {string} before @param {string} name @returns {[Recipe, string]} */
export function switched(about, recipe, before, name) {
  const model = about.model(name), usual = about.recipes.forModel(model), then = about.recipes.forModel(about.model(before));
  let made = { ...recipe, model: name, weights: "", lora: "" };
  for (const group of GROUPS) {
    const alike = group.every((field) => then[field] === usual[field]);
    if (!(alike && can(model, made, group))) made = { ...made, ...picked(usual, group) };
  }
  made = about.recipes.of({ ...made, ...Object.fromEntries(model.unused.map((field) => [field, about.recipes.fields[field].default])) });
  return [made, told(about, recipe, made)];
}

/** The recipe as its model can draw it, and a sentence for everything that it cannot do. @param {About} about @param {Recipe} recipe @returns {[Recipe, string[]]} */
export function fitted(about, recipe) {
  const model = about.model(recipe.model), usual = about.recipes.forModel(model), notes = /** @type {string[]} */ ([]);
  for (const group of GROUPS) {
    if (can(model, recipe, group)) continue;
    const made = { ...recipe, ...picked(usual, group) };
    notes.push(`As ${model.full} cannot do it: ${told(about, recipe, made)}`);
    recipe = made;
  }
  return [recipe, notes];
}

/** Whether the model can draw with these fields. @param {Fit} model @param {Recipe} recipe @param {(keyof Recipe)[]} group */
function can(model, recipe, group) {
  const sides = [recipe.width, recipe.height];
  if (group.includes("width")) return Math.max(...sides) <= model.largest && sides.every((side) => side % model.multiple === 0);
  if (group.includes("sampler")) return model.fits[recipe.sampler] === null;
  return !(model.fixed && recipe.guidance !== 1) && (model.guidance.branches || recipe.guidance >= 1);
}

/** What differs between two recipes, in a line. @param {About} about @param {Recipe} before @param {Recipe} after */
export function told(about, before, after) {
  const said = (/** @type {keyof Recipe} */ name, /** @type {Recipe} */ recipe) => {
    const { kind } = about.recipes.fields[name];
    return kind === "float" || name in about.tables ? about.called(name, recipe[name]) : String(recipe[name]) || "none";
  };
  const names = /** @type {(keyof Recipe)[]} */ (Object.keys(about.recipes.fields)).filter((name) => !["model", "weights", "width", "height"].includes(name));
  const parts = names.filter((name) => before[name] !== after[name]).map((name) => `${about.label(name)} ${said(name, after)} instead of ${said(name, before)}`);
  const [now, then] = [after, before].map(({ width, height }) => `${width}×${height}`);
  if (now !== then) parts.unshift(`${now} pixels instead of ${then}`);
  return parts.length ? `${parts.join(", ")}.` : "The recipe stays as it was.";
}

/** @param {Recipe} recipe @param {(keyof Recipe)[]} names */
function picked(recipe, names) {
  return Object.fromEntries(names.map((name) => [name, recipe[name]]));
}
