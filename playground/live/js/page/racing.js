// @ts-check
/**
 * Races: lanes drawn together from the same noise (page/samplers/racing.py). Finished pictures are
 * kept for the next race or grid.
 *
 * @import { Recipe } from "../engine/protocol.js"
 * @import { Session } from "../engine/session.js"
 * @import { App } from "./app.js"
 * @import { Lane } from "./data/race.js"
 * @import { Kept } from "./kept.js"
 * @import { Work } from "./section.js"
 * @import { Drawn } from "./together.js"
 */
import * as data from "./data/race.js";
import { sentence } from "./pricing.js";
import { RunRecord } from "./record.js";
import { Together, follow } from "./together.js";

/**
 * All recipes at one moment, with the pictures that are `kept` of them: those from `before`, by their links,
 * are not drawn again; of the others `cell` is how far one is.
 * @typedef {{ state: Together, kept: Kept, before: Set<string>, cell: (recipe: Recipe) => Drawn | undefined }} Moment
 */

/** Recipes of any models, drawn together; nothing more once something newer is asked. @param {App} app @param {Work} work @param {Recipe[]} recipes @returns {AsyncGenerator<Moment, void>} */
export async function* drawn(app, work, recipes) {
  const { about, kept } = app, link = (/** @type {Recipe} */ recipe) => about.recipes.toQuery(recipe);
  const before = new Set(recipes.map(link).filter((known) => kept.get(known))), fresh = recipes.filter((recipe) => !before.has(link(recipe)));
  const state = new Together(about, fresh), moment = { state, kept, before, cell: (/** @type {Recipe} */ recipe) => state.cells[fresh.indexOf(recipe)] };
  if (!fresh.length) return yield moment;
  const sessions = /** @type {Session[]} */ ([]);
  for (const model of data.byModel(fresh).keys()) sessions.push(await work.session(model));
  if (!work.newest()) return;
  if (app.kept !== kept) return yield* drawn(app, work, recipes); // other weights were chosen while the models came
  state.started = performance.now(); // the models are here
  for await (const _ of follow(sessions[0], work.submit(sessions[0], fresh), state)) {
    for (const { end } of state.cells) if (end instanceof RunRecord && !kept.get(link(end.recipe))) kept.put(link(end.recipe), await data.keptOf(end, about));
    if (!work.newest()) return;
    yield moment;
  }
}

export class Races {
  /** @param {App} app @param {(value: any) => void} show */
  constructor(app, show) {
    this.app = app;
    this.show = show;
    this.number = 0;
  }

  /** @param {Work} work @param {Lane[]} lanes @param {string} unit */
  async race(work, lanes, unit) {
    const { about } = this.app, name = String(++this.number), recipes = lanes.map(({ recipe }) => recipe), several = data.byModel(recipes).size > 1;
    work.say(`Getting ready … ${await sentence(this.app, recipes, "lane")}`);
    for await (const { state, kept, before, cell } of drawn(this.app, work, recipes)) {
      const shown = lanes.map((lane) => {
        const link = about.recipes.toQuery(lane.recipe);
        return data.shownLane(about, lane, unit, several, cell(lane.recipe), kept.get(link), before.has(link));
      });
      this.show({ kind: "race", run: name, unit, lanes: shown, text: data.said(lanes.length, state, before.size), share: state.share });
    }
  }

  /** Cancel one lane; the others go on. @param {string} link */
  drop(link) {
    const recipe = this.app.about.recipes.fromQuery(link);
    void this.app.models.ready.get(recipe.model)?.drop("race", recipe);
  }
}
