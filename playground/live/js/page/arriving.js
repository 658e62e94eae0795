// @ts-check
/**
 * Recipes that arrive in a file: this playground's own pictures.
 *
 * @import { Recipe } from "../engine/protocol.js"
 * @import { About } from "./about.js"
 */
import { texts } from "../files/png.js";
import { RecipeError } from "./recipe.js";

/** The recipe of a PNG; RecipeError with a plain sentence for a file that holds none. @param {About} about @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<Recipe>} */
export async function arrived(about, bytes) {
  const { png_key: own, grid_key: grid } = about.recipes.facts;
  const found = await texts(bytes, [own, grid]).catch(() => {
    throw new RecipeError("This file is not a readable PNG picture.");
  });
  if (grid in found) throw new RecipeError("This PNG is a grid whose pictures have recipes of their own: open one that was saved alone.");
  if (!(own in found)) throw new RecipeError("This PNG carries no recipe: it was not saved by this playground, or another program has removed it.");
  return about.check(about.recipes.fromJson(found[own]));
}
