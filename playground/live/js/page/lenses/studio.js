// @ts-check
/**
 * The Studio lens: the picture, the word explorer and the pipeline strip (page/studio/lens.py).
 *
 * @import { App } from "../app.js"
 * @import { Finished } from "../drawing.js"
 */
import * as data from "../data/studio.js";
import { make } from "../dom.js";
import { mount, shown } from "../views.js";

/** @param {App} app @param {HTMLElement} box */
export async function build(app, box) {
  const places = ["explorer", "pipeline"].map((id) => make("div", { id, class: "block" }));
  box.append(...places);
  const [explorer, pipeline] = await Promise.all(places.map(async (place) => mount(place.id, place, await shown(place.id))));
  Object.assign(app.views, { explorer, pipeline });
  return {
    first: true,
    /** @param {Finished} found @param {boolean} typed */
    async follow({ run, seconds }, typed) {
      const verdict = typed ? null : await judged(app, run); // while one types it is not asked
      const frame = await data.finished(run, seconds, app.about, verdict);
      if (app.drawing.last?.run !== run) return; // something newer was drawn meanwhile
      explorer.show(frame.explorer);
      if (!typed) pipeline.show(frame.pipeline);
    },
  };
}

/** What the oracle sees; nothing where it cannot be asked. @param {App} app @param {Finished["run"]} run */
async function judged(app, { recipe, picture, prompt }) {
  try {
    const verdict = await app.models.engine?.ask({ ask: "judge", recipe, image: picture.image });
    return verdict && data.verdict(verdict, prompt, app.about.page.accuracy);
  } catch {
    return null;
  }
}
