// @ts-check
/**
 * One recipe drawn with each of the built-in models, one after the other, so that each is timed alone
 * (page/family/drawing.py). Models that are not here yet are fetched.
 *
 * @import { App } from "./app.js"
 * @import { Work } from "./section.js"
 */
import { allKept } from "../files/fetching.js";
import * as data from "./data/family.js";
import { line } from "./dom.js";
import { RunRecord, records } from "./record.js";

const FRAME = 200; // ms between frames

/** What must be fetched before, in a line that follows what is open. @param {App} app */
export function price(app) {
  const said = line({ class: "quiet" });
  const say = async () => {
    const { about, models } = app, { files: entries } = about.site, { weights } = models.options, all = Object.values(about.models);
    const filesOf = (/** @type {import("./about.js").Fit} */ { files, rounded }) => Object.values({ ...files, network: weights === "int8" ? rounded : files.network });
    const [here, missing] = [true, false].map((open) => new Set(all.filter(({ name }) => models.ready.has(name) === open).flatMap(filesOf)));
    const files = [...missing].filter((name) => !here.has(name)).map((name) => entries[name]);
    const kept = await Promise.all(files.map((file) => allKept([file])));
    const bytes = files.reduce((sum, file, at) => sum + (kept[at] ? 0 : file.bytes), 0);
    said.say(bytes ? `Models that this browser does not have yet are fetched first, once: at most ${(bytes / 1e6).toFixed(0)} MB.` : "");
  };
  app.onModel(() => void say());
  return { element: said.element, say };
}

/** Shows frames while they draw, then all there is to see, and returns the runs; null if something newer is asked. @param {App} app @param {Work} work @param {(value: any) => void} show */
export async function draw({ about, panel }, work, show) {
  const state = data.members(about, panel.recipe());
  work.say("Getting ready …");
  for (const one of state) {
    const session = await work.session(one.recipe.model), { sampler, steps, prompt } = one.recipe;
    if (!work.newest()) return null;
    const [{ end }, { embeds }] = await Promise.all([session.levels(sampler, steps), session.describe(prompt)]);
    Object.assign(one, { end, words: embeds.shape });
    let last = 0;
    for await (const event of records(session, work.submit(session, [one.recipe]))) {
      if (!work.newest()) return null;
      if (event instanceof RunRecord) Object.assign(one, { run: event, latents: event.picture.latents.shape });
      else if (event.kind === "failure") throw new Error(`${one.label} failed: ${event.reason}`);
      else if (event.kind === "step") {
        one.steps.push(event);
        if (performance.now() - last < FRAME) continue;
        last = performance.now();
        show(await data.sampling(about, state, `${one.label}: network call ${one.steps.length} of ${event.count}.`));
      }
    }
    if (!one.run || !work.newest()) return null;
  }
  show(await data.finished(about, state));
  return state;
}
