// @ts-check
/**
 * Races: lanes drawn together from the same noise (page/samplers/racing.py). Finished pictures are
 * kept for the next race.
 *
 * @import { App } from "./app.js"
 * @import { Finished, Lane } from "./data/race.js"
 * @import { Work } from "./section.js"
 * @import { Session } from "../engine/session.js"
 */
import * as data from "./data/race.js";
import { RunRecord } from "./record.js";
import { Together, follow } from "./together.js";

const MOST = 512; // kept pictures

export class Races {
  /** @param {App} app @param {(value: any) => void} show */
  constructor(app, show) {
    this.app = app;
    this.show = show;
    this.number = 0;
    /** By the recipe's link. @type {Map<string, Finished>} */
    this.kept = new Map();
    /** The session of each model that has raced. @type {Map<string, Session>} */
    this.racing = new Map();
  }

  /** @param {Work} work @param {Lane[]} lanes @param {string} unit */
  async race(work, lanes, unit) {
    const { about } = this.app, name = String(++this.number), link = (/** @type {Lane} */ lane) => about.recipes.toQuery(lane.recipe);
    const before = new Set(lanes.map(link).filter((known) => this.kept.has(known)));
    const fresh = lanes.filter((lane) => !before.has(link(lane))), several = data.byModel(lanes.map(({ recipe }) => recipe)).size > 1;
    work.say(`Getting ready … ${data.estimate(about, lanes, before.size, null)}`);
    const state = new Together(about, fresh.map(({ recipe }) => recipe));
    const moment = async () => {
      for (const { end } of state.cells) {
        if (end instanceof RunRecord && !this.kept.has(about.recipes.toQuery(end.recipe))) this.keep(about.recipes.toQuery(end.recipe), await data.keptOf(end, about));
      }
      if (!work.newest()) return;
      const shown = lanes.map((lane) => data.shownLane(about, lane, unit, several, state.cells[fresh.indexOf(lane)], this.kept.get(link(lane)), before.has(link(lane))));
      this.show({ kind: "race", run: name, unit, lanes: shown, text: data.said(lanes.length, state, before.size), share: state.share });
    };
    if (!fresh.length) return moment();
    for (const model of data.byModel(state.cells.map(({ recipe }) => recipe)).keys()) this.racing.set(model, await work.session(model));
    if (!work.newest()) return;
    state.started = performance.now(); // the models are here
    const recipes = state.cells.map(({ recipe }) => recipe), session = /** @type {Session} */ (this.racing.get(recipes[0].model));
    for await (const _ of follow(session, work.submit(session, recipes), state)) {
      await moment();
      if (!work.newest()) return;
    }
  }

  /** Cancel one lane; the others go on. @param {string} link */
  drop(link) {
    const recipe = this.app.about.recipes.fromQuery(link);
    void this.racing.get(recipe.model)?.drop("race", recipe);
  }

  /** @param {string} link @param {Finished} picture */
  keep(link, picture) {
    this.kept.set(link, picture);
    const oldest = this.kept.keys().next().value;
    if (this.kept.size > MOST && oldest !== undefined) this.kept.delete(oldest);
  }
}
