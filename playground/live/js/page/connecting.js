// @ts-check
/**
 * The events between the recipe's widgets and the scripts of page/remembering/browser/, which keep
 * what was typed and drawn, say what the picture is, and begin a visit (page/remembering/connecting.py).
 *
 * @import { Recipe } from "../engine/protocol.js"
 * @import { App } from "./app.js"
 */
import { ask, button, byId, make, tell } from "./dom.js";
import { RecipeError } from "./recipe.js";
import remember from "./remembering.js";

const LONGEST = 10_000; // characters of a field that are shown as they were typed

/** Begin; ends when it is known what stands on the page first. @param {App} app */
export async function connect(app) {
  const { panel } = app, hidden = { hidden: true, tabIndex: -1 };
  byId("recipe").append(
    button("Fill the recipe", () => fill(app), { id: "remember-fill", ...hidden }),
    button("Show what is kept", () => show(app), { id: "remember-show", ...hidden }),
  );
  for (const area of [byId("recipe"), byId("recipe-rest")]) {
    area.addEventListener("input", () => panel.told("typed"));
    area.addEventListener("change", ({ target }) => void (target instanceof HTMLSelectElement && panel.told("settled")));
  }
  await remember(...panel.values(), app.frames.explorer ?? null);
}

/** Every view that follows a run shows a kept one. @param {App} app */
function show(app) {
  const kept = ask("frames") ?? [];
  app.show(Object.fromEntries(app.followed.map((name, i) => [name, kept[i]]).filter(([, frame]) => frame)));
}

/** Fill the recipe with what a link says, or with what was typed before. @param {App} app */
function fill(app) {
  let note = "";
  try {
    const [recipe, typed] = wanted(app, ask("wanted"));
    app.fill(recipe, typed);
  } catch (error) {
    note = noteOf(app.sentence(error));
  }
  tell("filled", [note]);
}

/** As HTML, as the served page says what is wrong. @param {string} sentence */
export function noteOf(sentence) {
  return make("p", { class: "error" }, sentence).outerHTML;
}

/** The recipe that the browser asks for, and what was typed that is no recipe's. @param {App} app @param {string} text @returns {[Recipe, Record<string, any>]} */
function wanted({ about, panel }, text) {
  const said = JSON.parse(text), { recipes } = about;
  if ("link" in said) return [about.check(recipes.fromQuery(said.link)), {}];
  const fields = Object.fromEntries(panel.names.filter((name) => name in said.fields).map((name) => [name, said.fields[name]]));
  let valid = /** @type {Record<string, any>} */ ({});
  for (const name of Object.keys(fields)) {
    try {
      recipes.of({ ...valid, [name]: fields[name] });
      valid[name] = fields[name];
    } catch (error) {
      if (!(error instanceof RecipeError)) throw error; // else it is shown as it was typed
    }
  }
  const recipe = recipes.of(valid);
  about.model(recipe.model); // which there must be; what else drawing will refuse is shown as it was typed
  return [recipe, Object.fromEntries(Object.entries(fields).filter(([name, value]) => plain(recipes.fields[name].kind, value)))];
}

/** Whether a widget can show it as it was typed. @param {string} kind @param {any} value */
function plain(kind, value) {
  if (kind === "str") return typeof value === "string" && value.length <= LONGEST;
  return value === null || typeof value === "number";
}
