// @ts-check
/**
 * Recipes from pictures of AUTOMATIC1111's web UI and programs that write the same text, as
 * playground/a1111.py reads them; its tables and patterns come from there.
 *
 * @import { Recipe } from "../engine/protocol.js"
 * @import { Recipes } from "../page/recipe.js"
 * @typedef {{
 *   key: string, graph: string, longest: number, most: number, width: number, negative: string,
 *   setting: string, known: string[], samplers: Record<string, string>, marks: Record<string, string>
 * }} Facts
 */
import { PYTHON_SPACE, python } from "../engine/patterns.js";
import { RecipeError } from "../page/recipe.js";

const AROUND = new RegExp(`^[${PYTHON_SPACE}]+|[${PYTHON_SPACE}]+$`, "gu");
const LINES = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/u;

/** A recipe of what was understood, and a sentence for everything that was not. @typedef {{ recipe: Recipe, notes: string[], model: string, hash: string }} Imported */

/** What such a text says; RecipeError for a text that has no settings. @param {string} text @param {Facts} facts @param {Recipes} recipes @returns {Imported} */
export function read(text, facts, recipes) {
  if ([...text].length > facts.longest) throw new RecipeError(`This text of parameters has more than ${facts.longest.toLocaleString("en")} characters.`);
  const lines = strip(text).split(LINES), said = settings(lines.pop() ?? "", facts);
  if (!said.has("Steps")) throw new RecipeError("This text of parameters has no line with steps, sampler and seed.");
  const whole = lines.join("\n"), at = whole.indexOf(facts.negative), notes = /** @type {string[]} */ ([]);
  const words = { prompt: at < 0 ? whole : whole.slice(0, at), negative: at < 0 ? "" : whole.slice(at + facts.negative.length) };
  let made = recipes.of({ prompt: "", negative: "" });
  for (const [name, value] of Object.entries(words)) {
    const { high, label } = recipes.fields[name], [kept, cut] = shortened(strip(value), high);
    made = having(recipes, made, notes, { [name]: kept });
    if (cut) notes.push(`${label}: the end was cut off, from “${cut}”.`);
    for (const [note, mark] of Object.entries(facts.marks)) if (python(mark).test(kept)) notes.push(note);
  }
  made = set(recipes, made, notes, said, facts);
  return { recipe: made, notes: bounded(notes, facts), model: said.get("Model") ?? "", hash: said.get("Model hash") ?? "" };
}

/** @param {string} line @param {Facts} facts @returns {Map<string, string>} */
function settings(line, { setting }) {
  return new Map([...line.matchAll(python(setting))].map(([, name, value]) => [strip(name), strip(value)]));
}

/** The recipe with the settings that it knows; of the others, and of wrong ones, a note each. @param {Recipes} recipes @param {Recipe} made @param {string[]} notes @param {Map<string, string>} said @param {Facts} facts */
function set(recipes, made, notes, said, facts) {
  made = having(recipes, made, notes, { sampler: samplerOf(recipes, notes, said, facts) });
  for (const [name, field] of [["Steps", "steps"], ["CFG scale", "guidance"], ["Seed", "seed"]]) {
    const value = said.get(name);
    if (value === undefined) continue;
    if (/^-?\d{1,20}(\.\d{1,20})?$/.test(value)) made = having(recipes, made, notes, { [field]: Number(value) });
    else notes.push(`${name}: ${value}`);
  }
  const size = said.get("Size"), [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(size ?? "") ?? [];
  if (width) made = having(recipes, made, notes, { width: Number(width), height: Number(height) });
  else if (size !== undefined) notes.push(`Size: ${size}`);
  for (const [name, value] of said) if (!facts.known.includes(name)) notes.push(`${name}: ${value}`);
  return made;
}

/** Older programs say the schedule in the sampler's name, newer ones by itself. @param {Recipes} recipes @param {string[]} notes @param {Map<string, string>} said @param {Facts} facts */
function samplerOf(recipes, notes, said, { samplers }) {
  const name = said.get("Sampler") ?? "", told = said.get("Schedule type") ?? "", schedule = ["", "automatic"].includes(told.toLowerCase()) ? "" : told;
  const both = strip(`${name} ${schedule}`).toLowerCase(), bare = both.replace(/\s(karras|exponential|sgm uniform)$/, "");
  if (Object.hasOwn(samplers, both)) return samplers[both];
  if (Object.hasOwn(samplers, bare)) {
    notes.push(`Schedule type: ${both.slice(bare.length).trim()}`);
    return samplers[bare];
  }
  notes.push(`Sampler: ${name || "not said"}`);
  return recipes.usual().sampler;
}

/** The recipe with these fields; if one is not allowed, a note why and the recipe as it was. @param {Recipes} recipes @param {Recipe} made @param {string[]} notes @param {Record<string, any>} fields */
function having(recipes, made, notes, fields) {
  try {
    return recipes.of({ ...made, ...fields });
  } catch (error) {
    if (!(error instanceof RecipeError)) throw error;
    notes.push(error.message);
    return made;
  }
}

/** As many whole words as are allowed, and how the rest begins. @param {string} text @param {number} longest */
function shortened(text, longest) {
  const letters = [...text], whole = letters.slice(0, longest);
  if (letters.length <= longest) return [text, ""];
  const end = Math.max(whole.lastIndexOf(" "), whole.lastIndexOf(","), 0) || longest;
  const rest = letters.slice(end).join("").replace(/^[ ,]+|[ ,]+$/g, "");
  return [letters.slice(0, end).join("").replace(/[ ,]+$/, ""), [...rest].slice(0, 40).join("")];
}

/** Printable, each of a bounded length, and not too many. @param {string[]} notes @param {Facts} facts */
function bounded(notes, { most, width }) {
  const short = notes.map((note) => [...note.replace(/(?! )[\p{C}\p{Z}]/gu, " ")]).map((note) => (note.length <= width ? note : [...note.slice(0, width - 1), "…"]).join(""));
  return short.length > most ? [...short.slice(0, most), `… and ${short.length - most} more.`] : short;
}

/** @param {string} text */
const strip = (text) => text.replace(AROUND, "");
