// @ts-check
/**
 * Which fields of a recipe may be an axis of a grid, and what a typed list means along it
 * (page/grid/axes.py).
 *
 * @import { Recipe } from "../../engine/protocol.js"
 * @import { About } from "../about.js"
 */
import * as listed from "../listed.js";
import { RecipeError, short } from "../recipe.js";

/** What a recipe's field becomes in one row or column, and what that is called. @typedef {{ label: string, change: Partial<Recipe> }} Value */
/** A field of the recipe, the values that are typed for it at first, and how they are read. @typedef {{ field: keyof Recipe, label: string, offered: string, reads: "numbers" | "choices" | "models" | "replaced" }} Axis */

const NAMED = /** @type {Record<string, string>} */ ({ guidance: "w = ", rescale: "φ = ", eta: "η = " });

/** The axes by their fields. @param {About} about @returns {Record<string, Axis>} */
export function axesOf(about) {
  return Object.fromEntries(about.page.grid.axes.map((/** @type {Axis} */ axis) => [axis.field, axis]));
}

/** The rows or columns; RecipeError, in words that fit the page, for what makes none. @param {About} about @param {Recipe} recipe @param {string} field @param {string} text */
export function values(about, recipe, field, text) {
  const axis = axesOf(about)[field], found = READ[axis.reads](about, recipe, axis.field, text);
  if (!found.length) throw new RecipeError(`${axis.label}: the list is empty; try ${axis.offered || "some words"}.`);
  const changes = found.map(({ change }) => JSON.stringify(change)), twice = changes.findIndex((change, i) => changes.indexOf(change) !== i);
  if (twice >= 0) throw new RecipeError(`${axis.label}: the list has ${found[twice].label} twice.`);
  return found;
}

/** @typedef {(about: About, recipe: Recipe, field: keyof Recipe, text: string) => Value[]} Reads */
/** @type {Record<Axis["reads"], Reads>} */
const READ = { numbers, choices, models, replaced };

/** @type {Reads} */
function numbers(about, _, field, text) {
  const whole = about.recipes.fields[field].kind === "int", found = listed.numbers(text, whole);
  if (whole && !found.every(Number.isInteger)) throw new RecipeError(`${about.label(field)}: whole numbers only.`);
  return found.map((value) => ({ label: named(about, field, whole ? String(value) : short(value)), change: { [field]: value } }));
}

/** seed 7, w = 5, 15 steps, Guidance from 0.2. @param {About} about @param {string} field @param {string} value */
function named(about, field, value) {
  if (field === "steps") return `${value} step${value === "1" ? "" : "s"}`;
  return (NAMED[field] ?? `${about.label(field).toLowerCase()} `) + value;
}

/** @type {Reads} */
function choices(about, _, field, text) {
  const table = about.tables[field];
  return listed.names(text).map((name) => {
    if (!Object.hasOwn(table, name)) throw new RecipeError(`“${name.slice(0, 20)}” is not one of: ${Object.keys(table).join(", ")}.`);
    return { label: table[name].label, change: { [field]: name } };
  });
}

/** @type {Reads} */
function models(about, _, field, text) {
  return listed.names(text).map((name) => ({ label: about.model(name).called, change: { [field]: name } }));
}

/** The first entry is looked for in the recipe's words, each one takes its place. @type {Reads} */
function replaced(_, recipe, field, text) {
  const parts = text.split(/[;\n]/.test(text) ? /[;\n]/ : ",").map((part) => part.trim()).filter(Boolean), words = String(recipe[field]);
  if (!parts.length) return [];
  const escaped = parts[0].replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), looked = new RegExp(`(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])`, "gu");
  if (!words.match(looked)) {
    throw new RecipeError(`“${parts[0].slice(0, 40)}” is not in the words, so nothing can take its place: the list begins with what is replaced.`);
  }
  return parts.map((part) => ({ label: part, change: { [field]: words.replace(looked, () => part) } }));
}
