// @ts-check
/**
 * The Guidance lens: look ahead at any w, sweep finished pictures (page/guidance/lens.py).
 *
 * @import { App } from "../app.js"
 */
import * as data from "../data/guidance.js";
import { button, byId, elsewhere, labelled, make, prose } from "../dom.js";
import { Section, reason } from "../section.js";
import { surprise } from "../surprise.js";
import { follower, swept } from "../sweeping.js";
import { mount, shown } from "../views.js";
import * as grid from "./grid.js";
import * as own from "./own.js";

const MEASURED = { "tradeoff-curves": "curves", tradeoff: "tradeoff", "variants-curves": "curves", variants: "tradeoff", toy: "toy" }; // by element, its view

/** @param {App} app @param {HTMLElement} box */
export async function build(app, box) {
  const { about } = app, texts = about.page.guidance, why = reason("lookahead");
  const places = Object.fromEntries(["lookahead", "filmstrip", ...Object.keys(MEASURED)].map((id) => [id, make("div", { id, class: "block" })]));
  const axis = make("select", { id: "sweep-axis" }, ...Object.keys(texts.axes).map((name) => make("option", { value: name }, about.label(name))));
  const values = make("input", { type: "text", id: "sweep-values", value: texts.axes.guidance });
  axis.onchange = () => (values.value = texts.axes[axis.value]);
  const strip = await app.follow("filmstrip", places.filmstrip);
  const sweep = new Section(app, "sweep", "Draw the sweep", strip.show, data);
  sweep.work = (work) => swept(app, work, axis.value, values.value, strip.show);
  values.onkeydown = (event) => void (event.key === "Enter" && sweep.start());
  const following = follower(app, strip.show), typing = button("Follow the recipe at once", following.follow, { id: "live-strip", class: "live-too over-w", hidden: true, tabIndex: -1 });
  for (const stop of [sweep.buttons.children[1], byId("stop")]) stop.addEventListener("click", following.stop);
  const more = make("details", { class: "block" }, make("summary", {}, texts.variants), places["variants-curves"], places.variants);
  const source = make("details", { class: "block" }, make("summary", {}, texts.step), make("pre", { tabIndex: 0 }, make("code", {}, texts.source)));
  box.append(
    prose(texts.intro), why.element, places.lookahead, ...surprise(app, "without words"), prose(texts.sweep),
    make("div", { class: "pair" }, labelled("Sweep", axis), labelled(`Values, at most ${texts.most}`, values, texts.help)),
    sweep.buttons, typing, places.filmstrip, ...(await grid.build(app, box)), prose(texts.measured), places["tradeoff-curves"], places.tradeoff, elsewhere(about, "figures"), ...surprise(app, "saturation"), more, ...(await own.build(app, box)), prose(texts.elsewhere), elsewhere(about, "toy"), places.toy, source,
  );
  await app.follow("lookahead", places.lookahead);
  await Promise.all(Object.entries(MEASURED).map(async ([id, view]) => mount(view, places[id], await shown(id))));
  app.onModel((model) => why.fit(model));
}
