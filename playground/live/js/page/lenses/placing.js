// @ts-check
/**
 * One position of a picture, worked out (page/attention/runs.py: place).
 *
 * @import { App } from "../app.js"
 * @import { Step } from "../../engine/protocol.js"
 * @import { Work } from "../section.js"
 */
import * as data from "../data/worked.js";
import { RecipeError } from "../recipe.js";
import { Section } from "../section.js";
import * as weighting from "../../engine/weighting.js";

const OUTSIDE = "This position is outside the picture: x and y must lie between 0 and 1.";
const UNREAD = "At w = 0 the words are not read, so there is nothing to work out.";
const WEIGHTED = "Weights in a prompt multiply attention after the softmax that is worked out here.";
const ONCE_MORE = "Drawing this picture once more, because its numbers are not stored …";

/** What the visitor looked at last: its steps by the picture's link. @typedef {{ link: string, steps: Step[] }} Look */

export class Placing {
  /** @param {App} app @param {(value: any) => void} show of the view that shows it */
  constructor(app, show) {
    this.app = app;
    this.show = show;
    /** @type {Look | null} */
    this.held = null;
    this.section = new Section(app, "place", "", show, data);
  }

  /** A look that has just ended: its middle at the last call. @param {Look} look */
  begin(look) {
    this.held = look;
    return this.place({ link: look.link, step: look.steps.length - 1, x: 0.5, y: 0.5 });
  }

  /** The computation at a position. @param {{ link: string, step: number, x: number, y: number }} asked */
  place(asked) {
    return this.section.begin((work) => this.work(work, asked));
  }

  /** @param {Work} work @param {{ link: string, step: number, x: number, y: number }} asked @param {string} [saying] while it is drawn again */
  async work(work, { link, step, x, y }, saying = ONCE_MORE) {
    const { about } = this.app, recipe = about.check(about.recipes.fromQuery(link)), why = whyNot(this.app, recipe);
    if (why) throw new RecipeError(why);
    if (!(x >= 0 && x < 1 && y >= 0 && y < 1)) throw new RecipeError(OUTSIDE);
    const session = await work.session(recipe.model);
    const { steps } = this.held?.link === link ? this.held : await this.again(work, link, saying);
    if (!work.newest() || !steps.length) return;
    if (!steps[step]) throw new RecipeError(`There is no such step: this picture has ${steps.length}.`);
    if (steps[step].guidance === 0 && about.model(recipe.model).guidance.branches) throw new RecipeError(UNREAD);
    const { latents, level: { t }, guidance } = steps[step], layers = await session.workOut(recipe.prompt, latents, t, x, y, guidance, (progress) => work.say(this.app.models.sentence(progress))), prompt = await session.describe(recipe.prompt);
    if (work.newest()) this.show(data.worked(prompt, step, layers));
  }

  /** The look, drawn again. @param {Work} work @param {string} link @param {string} saying @returns {Promise<Look>} */
  async again(work, link, saying) {
    const recipe = this.app.about.recipes.fromQuery(link), session = await work.session(recipe.model), steps = /** @type {Step[]} */ ([]);
    work.say(saying);
    for await (const event of work.submit(session, [recipe])) {
      if (event.kind === "failure") throw new RecipeError(`This picture failed: ${event.reason}`);
      if (event.kind === "step") steps.push(event);
    }
    if (!work.newest()) return { link, steps: [] };
    return (this.held = { link, steps });
  }
}

/** The middle of the recipe's picture at its last call. @param {App} app @param {Work} work @param {(value: any) => void} show */
export function middle(app, work, show) {
  const recipe = app.about.check(app.panel.recipe()), asked = { link: app.about.recipes.toQuery(recipe), step: app.about.calls(recipe) - 1, x: 0.5, y: 0.5 };
  return new Placing(app, show).work(work, asked, "Drawing your recipe's picture …");
}

/** Why a position of this recipe's picture is not worked out; empty if it is. @param {App} app @param {import("../../engine/protocol.js").Recipe} recipe */
export function whyNot({ about }, { model, prompt }) {
  return about.model(model).whyNot.worked || (weighting.isPlain(weighting.read(prompt)) ? "" : WEIGHTED);
}
