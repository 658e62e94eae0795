// @ts-check
/**
 * The Studio lens: the picture, the word explorer and the pipeline strip (page/studio/lens.py).
 *
 * @import { App } from "../app.js"
 */
import { make } from "../dom.js";
import { surprise } from "../surprise.js";

/** @param {App} app @param {HTMLElement} box */
export async function build(app, box) {
  const places = ["explorer", "pipeline"].map((id) => make("div", { id, class: "block" }));
  box.append(...places, ...surprise(app, "padding"));
  await Promise.all(places.map((place) => app.follow(place.id, place)));
}
