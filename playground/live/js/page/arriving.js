// @ts-check
/**
 * Recipes that arrive in a file: this playground's own, and other programs' settings (page/arriving.py).
 *
 * @import { Recipe } from "../engine/protocol.js"
 * @import { About } from "./about.js"
 * @import { Imported } from "../files/a1111.js"
 */
import { read } from "../files/a1111.js";
import { texts } from "../files/png.js";
import { RecipeError } from "./recipe.js";
import { fitted } from "./switching.js";

/**
 * The recipe of a PNG, and a line on what was not understood; other programs' pictures are drawn with
 * this model. RecipeError with a plain sentence for a file that holds neither.
 * @param {About} about @param {Uint8Array<ArrayBuffer>} bytes @param {string} model @returns {Promise<[Recipe, string]>}
 */
export async function arrived(about, bytes, model) {
  const { facts: { png_key: own, grid_key: grid } } = about.recipes, others = about.page.others;
  const found = await texts(bytes, [own, grid, others.key, others.graph]).catch(() => {
    throw new RecipeError("This file is not a readable PNG picture.");
  });
  try {
    if (grid in found) throw new RecipeError("This PNG is a grid whose pictures have recipes of their own: open one that was saved alone.");
    if (!(own in found)) throw new RecipeError("This PNG carries no recipe: it was not saved by this playground, or another program has removed it.");
    return [about.check(about.recipes.fromJson(found[own])), ""];
  } catch (error) {
    if (others.key in found) return imported(about, read(found[others.key], others, about.recipes), model);
    if (others.graph in found) throw new RecipeError("This PNG holds a graph of ComfyUI, which is not read: type its words and settings.");
    throw error;
  }
}

/** @param {About} about @param {Imported} found @param {string} model @returns {[Recipe, string]} */
function imported(about, found, model) {
  const [recipe, impossible] = fitted(about, { ...found.recipe, model }), named = found.model || found.hash, { full } = about.model(model);
  const drawn = named ? `It was drawn by ${[...named].slice(0, 80).join("")}; this is ${full}.` : `Which model drew it is not said; this is ${full}.`;
  const not = found.notes.length ? [`Not understood: ${found.notes.map((note) => note.replace(/\.+$/, "")).join("; ")}.`] : [];
  return [about.check(recipe), ["Settings of another program.", drawn, ...impossible, ...not].join(" ")];
}
