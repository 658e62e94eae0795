// @ts-check
/**
 * The Family lens: three models on one prompt and seed, what is in them, who else there is
 * (page/family/lens.py). What stands here at first is an example.
 *
 * @import { App } from "../app.js"
 */
import * as data from "../data/family.js";
import * as inside from "../data/inside.js";
import { elsewhere, make, prose } from "../dom.js";
import { draw, price } from "../family.js";
import { Section } from "../section.js";
import { mount, shown } from "../views.js";

/** Places and the views in them. */
const SHOWN = [["family", "drawn"], ["inside", "inside"], ["telling", "tradeoff"], ["family-samplers", "tradeoff"], ["systems", "systems"], ["policy", "policy"]];

/** @param {App} app @param {HTMLElement} box */
export async function build(app, box) {
  const texts = app.about.page.family, place = Object.fromEntries(SHOWN.map(([id]) => [id, make("div", { id, class: "block" })]));
  const views = Object.fromEntries(await Promise.all(SHOWN.map(async ([id, view]) => [id, await mount(view, place[id], await shown(id))])));
  const section = new Section(app, "family", "Draw with all three", views.family.show, data);
  const cost = price(app);
  section.work = async (work) => {
    const state = await draw(app, work, views.family.show).finally(cost.say);
    if (state) views.inside.show(inside.ofRuns(app.about, state));
  };
  box.append(
    prose(texts.intro), section.buttons, cost.element, place.family, prose(texts.inside), place.inside,
    prose(texts.telling), place.telling, prose(texts.sampling), place["family-samplers"], prose(texts.systems), place.systems,
    prose(texts.policy), elsewhere(app.about, "policy"), place.policy,
  );
}
