// @ts-check
/**
 * What needs no page: tables are fetched, and the engine's worker, its runtime and, where it is kept,
 * the model of this visit are made ready, while the modules of the page arrive.
 *
 * @import { Site } from "../engine/protocol.js"
 */
import { kept, optionsOf } from "./choosing.js";
import { Models, missing, saving } from "./opening.js";

const ROOT = new URL("../../", import.meta.url);
const REMEMBERED = "latent-playground"; // of page/remembering/browser/memory.js

/** @param {string} name */
async function json(name) {
  const answer = await fetch(new URL(name, ROOT));
  if (!answer.ok) throw new Error(`${name} could not be fetched (${answer.status}).`);
  return answer.json();
}

/** What was typed last: in this tab, else in any (page/remembering/browser/memory.js). */
const typed = () => [sessionStorage, localStorage].map((kept) => JSON.parse(kept.getItem(REMEMBERED) ?? "{}").typed).find(Boolean);

/** Which model this visit will draw with, as far as can be seen now: that of its link, or of what was typed last. @param {Site} site */
function likely({ recipe }) {
  try {
    const usual = recipe.fields.find(({ name }) => name === "model")?.default, link = new URLSearchParams(location.search).get("r"), text = (/** @type {string} */ code) => atob(code.replace(/-/g, "+").replace(/_/g, "/"));
    return String((link ? JSON.parse(text(link)) : typed())?.model ?? usual);
  } catch {
    return ""; // a damaged link, or a private window
  }
}

export const models = new Models(new URL("site.json", ROOT));
/** site.json and page.json. @type {Promise<[Site, any]>} */
export const tables = Promise.all([json("site.json"), json("page.json")]);

if (!missing() && !saving()) {
  models.warm();
  tables.then(([site]) => {
    models.options = optionsOf(kept(), site.runtime.version);
    return models.begin(likely(site));
  }).catch(() => {}); // it is said when the model is opened
}
