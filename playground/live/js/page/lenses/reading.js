// @ts-check
/**
 * Your own picture: a file that is there already, read by the network with the visitor's words
 * (page/attention/reading.py).
 *
 * @import { App } from "../app.js"
 * @import { Work } from "../section.js"
 */
import * as data from "../data/attention.js";
import { labelled, make } from "../dom.js";
import { opened } from "../pictures.js";
import { RecipeError } from "../recipe.js";
import { RunRecord, records } from "../record.js";
import { Section } from "../section.js";
import { mount, shown } from "../views.js";

const OURS = "own-picture.png"; // a scene that was rendered like those of the training

/** @param {App} app @returns {Promise<HTMLElement[]>} */
export async function build(app) {
  const texts = app.about.page.attention, place = make("div", { id: "reading", class: "block" });
  const view = await mount("attention", place, await shown("reading"));
  const words = make("input", { type: "text", id: "own-words", value: texts.words });
  const picture = chooser(), section = new Section(app, "reading", "Read my picture", view.show, { message: data.message, stopped: data.stopped });
  section.work = (work) => read(app, work, picture.file(), words.value, view.show);
  words.onkeydown = (event) => void (event.key === "Enter" && section.start());
  const beside = make("div", { class: "beside" }, labelled("What is in it", words, "Only these words compete for its pixels."), section.buttons);
  return [make("div", { class: "pair" }, picture.element, beside), place];
}

/** A picture to look at, and ways to give another one: choose, drop, paste. */
function chooser() {
  let given = /** @type {File | null} */ (null);
  const image = make("img", { src: OURS, alt: "Your picture" }), input = make("input", { type: "file", accept: "image/png,image/jpeg,image/webp", id: "own-file", class: "hidden-file" });
  const take = (/** @type {FileList | undefined} */ files) => {
    if (!files?.length) return;
    given = files[0];
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(given);
  };
  input.onchange = () => take(input.files ?? undefined);
  const element = make("div", { id: "own-picture", tabIndex: -1 }, image, input, make("label", { for: input.id, class: "button small" }, "Choose a picture, or drop or paste one here"));
  element.ondragover = (event) => event.preventDefault();
  element.ondrop = (event) => {
    event.preventDefault();
    take(event.dataTransfer?.files);
  };
  element.onpaste = (event) => take(event.clipboardData?.files);
  /** The file that was chosen, or ours. @returns {Promise<Blob>} */
  const file = async () => given ?? (await fetch(OURS)).blob();
  return { element, file };
}

/** Read a picture with the recipe's model. @param {App} app @param {Work} work @param {Promise<Blob>} picture @param {string} words @param {(value: any) => void} show */
async function read({ about, panel }, work, picture, words, show) {
  const recipe = recipeOf(about, panel.model, words), session = await work.session(panel.model);
  work.say("Encoding your picture …");
  if (!(await session.describe(words)).words.length) throw new RecipeError("Type what is in the picture: without words there is nothing to find.");
  const image = await opened(await picture, recipe.width, about.page.attention.limits), started = performance.now();
  const latents = await session.encode(image, ({ done, total }) => work.say(`Fetching the encoder: ${mega(done)} of ${mega(total)} MB. It is kept for the next time.`));
  if (!work.newest()) return;
  const run = work.submit(session, [{ recipe, given: { latents, levels: session.facts.reading } }], { record: true, heads: true });
  for await (const event of records(session, run)) {
    if (!work.newest()) return;
    if (event instanceof RunRecord) show(await data.reading(event, image, (performance.now() - started) / 1000, about));
    else if (event.kind === "failure") throw new RecipeError(`This picture could not be read: ${event.reason}`);
    else if (event.kind === "step") work.say(`Call ${event.index + 1} of ${event.count}`, (event.index + 1) / event.count);
  }
}

/** One conditional row a call; a network that takes w as an input is given a usual one (engine/reading.py). @param {App["about"]} about @param {string} name @param {string} words */
function recipeOf(about, name, words) {
  const model = about.model(name), usual = about.recipes.forModel(model), guidance = model.guidance.name === "embedded" ? usual.guidance : 1;
  return about.recipes.of({ ...usual, prompt: words, guidance, seed: 0, width: model.side, height: model.side });
}

const mega = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(1);
