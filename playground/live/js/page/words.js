// @ts-check
/**
 * The words that a model knows, under the prompt: listed, completed, and marked where they are not
 * known (page/words/). Every model of this edition has one token a word.
 *
 * @import { App } from "./app.js"
 */
import { byId } from "./dom.js";
import { mount, shown } from "./views.js";

/** @param {App} app */
export async function build(app) {
  const words = await shown("words"), of = (/** @type {{ name: string, wordsHelp: string }} */ { name, wordsHelp }) => words && { ...words, model: name, help: wordsHelp };
  const { surprises } = app.about.page.panel;
  const view = await mount("words", byId("words"), null, {
    surprise: ({ held_out: far }) => {
      const known = surprises[Number(!!far)];
      app.panel.say(known[Math.floor(Math.random() * known.length)]);
    },
  });
  app.onModel((model) => view.show(of(model)));
}
