// @ts-check
/**
 * What drawing several recipes will cost, in one sentence, told before it begins (page/pricing.py).
 *
 * @import { Price, Recipe } from "../engine/protocol.js"
 * @import { App } from "./app.js"
 */
import { byModel } from "./data/race.js";
import { counted } from "./shared.js";

const SOON = 300; // ms after the last change before a price is said

/** With seconds if any call has been measured; what is kept from before costs nothing. @param {App} app @param {Recipe[]} recipes @param {string} noun what one of them is called */
export async function sentence({ about, kept, models }, recipes, noun) {
  const fresh = recipes.filter((recipe) => !kept.get(about.recipes.toQuery(recipe))), said = counted(recipes.length, noun);
  if (!fresh.length) return `${said}, all of them kept from before: nothing is computed.`;
  const before = fresh.length < recipes.length ? `, ${recipes.length - fresh.length} of them kept` : "";
  const text = `${said}${before}: ${counted(sum(fresh.map((recipe) => about.calls(recipe))), "network call")}`;
  const parts = [...byModel(fresh)].map(([model, places]) => ({ session: models.ready.get(model), drawn: places.map((place) => fresh[place]) }));
  if (parts.some(({ session }) => !session)) return `${text}.`;
  return `${text}${told(/** @type {Price[]} */ (await Promise.all(parts.map(({ session, drawn }) => session?.price(drawn)))))}`;
}

/** @param {Price[]} prices of each model's recipes */
function told(prices) {
  const launches = sum(prices.map((price) => price.launches)), rows = sum(prices.map((price) => price.rows));
  const made = `, made together in ${launches.toLocaleString("en")} of about ${(rows / launches).toFixed(0)} rows`;
  if (prices.some(({ seconds }) => seconds === null)) return `${made}.`;
  const seconds = sum(prices.map((price) => price.seconds ?? 0)), total = seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0);
  return `${made}: ${launches.toLocaleString("en")} × ${Number((seconds / launches).toPrecision(2))} s, as measured, ≈ ${total} s.`;
}

/**
 * Say a price now, and again when something of the lens or of the recipe has changed; out of sight, once
 * the lens is opened.
 * @param {App} app @param {HTMLElement} box of the lens @param {() => Promise<string>} cost RecipeError says why there is none
 * @param {(text: string) => void} say
 */
export function follow(app, box, cost, say) {
  let soon = 0, stale = false;
  const told = () => {
    stale = !box.offsetParent;
    if (!stale) void cost().catch((error) => app.sentence(error)).then(say);
  };
  const price = () => {
    clearTimeout(soon);
    soon = setTimeout(told, SOON);
  };
  box.addEventListener("change", price);
  document.addEventListener("playground:typed", price); // a value that a script sets fires no change
  document.addEventListener("playground:lens", () => void (stale && told()));
  app.onModel(price);
}

/** @param {number[]} numbers */
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
