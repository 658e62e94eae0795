// @ts-check
/**
 * Recipes as playground/recipe.py has them: the same bounds, sentences, links and JSON.
 *
 * @import { Recipe, Site, Field } from "../engine/protocol.js"
 */
import { base64url, unbase64url } from "./arrays.js";

/** What is wrong with a recipe, in one sentence that a visitor understands. */
export class RecipeError extends Error {}

const LONGEST = 2 ** 20; // characters of a link or a text that are read (pngtext.py: LONGEST)

/** All recipes of one edition, by what Python wrote of the fields (site.json). */
export class Recipes {
  /** @param {Site["recipe"]} facts */
  constructor(facts) {
    this.facts = facts;
    /** @type {Record<string, Field>} */
    this.fields = Object.fromEntries(facts.fields.map((field) => [field.name, field]));
  }

  /** The defaults. @returns {Recipe} */
  usual() {
    return this.of({});
  }

  /** What a model is made for. @param {{ name: string, defaults: Partial<Recipe> }} model */
  forModel({ name, defaults }) {
    return this.of({ ...defaults, model: name });
  }

  /** A recipe of these values and the defaults, checked. @param {Record<string, any>} values @returns {Recipe} */
  of(values) {
    const all = this.facts.fields.map((field) => [field.name, checked(field, values[field.name] ?? field.default)]);
    const recipe = Object.fromEntries(all);
    if (recipe.guidance_start > recipe.guidance_stop) throw new RecipeError("Guidance must start before it stops.");
    return recipe;
  }

  /** The version and what differs from the defaults; words and seed are always said. @param {Recipe} recipe */
  toDict(recipe) {
    const values = /** @type {Record<string, any>} */ (recipe);
    const changed = this.facts.fields.filter(({ name, default: usual }) => values[name] !== usual);
    return {
      v: this.facts.version, prompt: recipe.prompt, seed: recipe.seed,
      ...Object.fromEntries(changed.map(({ name }) => [name, values[name]])),
    };
  }

  /** As Python's json writes it without spaces. @param {Recipe} recipe */
  toJson(recipe) {
    return this.written(recipe, (name, value) => (this.fields[name]?.kind === "float" ? pythonFloat(value) : JSON.stringify(value)));
  }

  /** The same with every character that is not ASCII escaped. @param {Recipe} recipe */
  toAscii(recipe) {
    return this.written(recipe, (name, value) => this.ascii(name, value));
  }

  /** One value as JSON in ASCII. @param {string} name of the field @param {any} value */
  ascii(name, value) {
    if (this.fields[name]?.kind === "float") return pythonFloat(value);
    return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  }

  /** @param {Recipe} recipe @param {(name: string, value: any) => string} text */
  written(recipe, text) {
    return `{${Object.entries(this.toDict(recipe)).map(([name, value]) => `"${name}":${text(name, value)}`).join()}}`;
  }

  /** URL-safe text for `?r=`. @param {Recipe} recipe */
  toQuery(recipe) {
    return base64url(new TextEncoder().encode(this.toJson(recipe)));
  }

  /** @param {string} text @returns {Recipe} */
  fromQuery(text) {
    let json;
    try {
      if (text.length > 2 * LONGEST) throw new Error("too long");
      json = new TextDecoder("utf-8", { fatal: true }).decode(unbase64url(text));
    } catch {
      throw new RecipeError("This link is damaged: its recipe cannot be read.");
    }
    return this.fromJson(json);
  }

  /** @param {string} text @returns {Recipe} */
  fromJson(text) {
    let data;
    try {
      if (text.length > LONGEST) throw new Error("too long");
      data = JSON.parse(text);
    } catch {
      throw new RecipeError("This recipe is damaged: it is not valid JSON.");
    }
    return this.fromDict(data);
  }

  /** @param {any} data @returns {Recipe} */
  fromDict(data) {
    if (typeof data !== "object" || data === null || Array.isArray(data)) throw new RecipeError("A recipe must be a set of named values.");
    const { v: version, ...values } = data, known = Object.hasOwn(this.facts.former, String(version)) && typeof version === "number";
    if (!known) {
      const small = Number.isInteger(version) && version >= 0 && version < 1000;
      throw new RecipeError(`This recipe has ${small ? `version ${version}` : "no version that I know"}; I read 1 to ${this.facts.version}.`);
    }
    const unknown = Object.keys(values).filter((name) => !Object.hasOwn(this.fields, name)).map((name) => `'${[...name].slice(0, 40).join("")}'`);
    if (unknown.length) {
      const more = unknown.length > 3 ? ", …" : "";
      throw new RecipeError(`Unknown in a recipe: ${unknown.slice(0, 3).join(", ")}${more}. Known are: ${Object.keys(this.fields).join(", ")}.`);
    }
    const missing = Object.keys(values).find((name) => values[name] === null);
    if (missing) checked(this.fields[missing], null);
    return this.of({ ...this.facts.former[version], ...values });
  }

  /** Whether two recipes draw the same picture. @param {Recipe} one @param {Recipe} other */
  same(one, other) {
    return this.toJson(one) === this.toJson(other);
  }
}

/** A float as Python writes it: 5.0, 0.05, 1e-05. @param {number} value */
export function pythonFloat(value) {
  if (Number.isInteger(value)) return `${value}.0`;
  if (Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}

/** A number as Python's format "g" writes it: six digits, without trailing zeros. @param {number} value */
export function short(value) {
  return String(Number(value.toPrecision(6)));
}

/** The value, if it has the field's kind and keeps its bounds. @param {Field} field @param {any} value */
function checked(field, value) {
  return field.kind === "str" ? checkedText(field, value) : checkedNumber(field, value);
}

/** @param {Field} field @param {any} value */
function checkedText({ label, low, high }, value) {
  if (typeof value !== "string") throw new RecipeError(`${label} must be text.`);
  const length = [...value].length;
  if (length < low || length > high) throw new RecipeError(`${label}: ${length} characters, but ${low} to ${high} are allowed.`);
  if (/\p{Surrogate}/u.test(value)) throw new RecipeError(`${label} contains half a character.`);
  return value;
}

/** @param {Field} field @param {any} value */
function checkedNumber({ label, kind, low, high, step }, value) {
  if (typeof value !== "number" || Number.isNaN(value)) throw new RecipeError(`${label} must be a number.`);
  if (value < low || value > high) throw new RecipeError(`${label} must be between ${short(low)} and ${high.toLocaleString("en")}.`);
  if (kind === "float") return value + 0; // 0 for −0
  if (!Number.isInteger(value) || value % (step ?? 1)) {
    throw new RecipeError(`${label} must be a ${step === 1 ? "whole number" : `multiple of ${step}`}.`);
  }
  return value + 0;
}
