// @ts-check
/**
 * The Family lens: three models on one prompt and seed, what is in them, who else there is
 * (page/family/lens.py). Drawing with all three fetches all of them.
 *
 * @import { App } from "../app.js"
 */
import { make, prose } from "../dom.js";
import { mount, shown } from "../views.js";

/** Places and the views in them. */
const SHOWN = [["family", "drawn"], ["inside", "inside"], ["telling", "tradeoff"], ["family-samplers", "tradeoff"], ["systems", "systems"], ["policy", "policy"]];

/** @param {App} app @param {HTMLElement} box */
export async function build(app, box) {
  const texts = app.about.page.family, place = Object.fromEntries(SHOWN.map(([id]) => [id, make("div", { id, class: "block" })]));
  box.append(
    prose(texts.intro), make("p", { class: "quiet", id: "family-start" }, texts.race), place.family, prose(texts.inside), place.inside,
    prose(texts.telling), place.telling, prose(texts.sampling), place["family-samplers"], prose(texts.systems), place.systems,
    prose(texts.policy), place.policy,
  );
  await Promise.all(SHOWN.map(async ([id, view]) => mount(view, place[id], await shown(id))));
}
