// @ts-check
/**
 * What the Family lens shows of its models' runs: pictures, figures, and their paths in one plane
 * (page/family/members.py and data.py).
 *
 * @import { Level, Picture, Recipe, Step } from "../../engine/protocol.js"
 * @import { About, Fit } from "../about.js"
 * @import { RunRecord } from "../record.js"
 */
import { pack, raster, rounded } from "../arrays.js";
import { RecipeError, short } from "../recipe.js";
import { counted, percent } from "../shared.js";
import { FRAMES, bend, furthest, path, plane } from "./paths.js";
import { pngOf } from "./studio.js";

/**
 * A model's run: its steps and then, once it has ended, its record, the level of its end and the shapes of
 * latents and words.
 * @typedef {{ label: string, model: Fit, recipe: Recipe, steps: Step[], run: RunRecord | null, end: Level | null, latents: number[], words: number[] }} Drawn
 */

const JUMPS = "it jumps"; // where a number would say how straight a path is

export const message = (/** @type {string} */ text, error = false, /** @type {number | null} */ share = null) => ({ kind: "message", text, share, error });
export const stopped = () => ({ ...message("Stopped."), stopped: true });

/** The recipe for each model, with its own sampler and steps; RecipeError if one cannot draw it. @param {About} about @param {Recipe} recipe @returns {Drawn[]} */
export function members(about, recipe) {
  const kept = Object.fromEntries(about.page.family.kept.map((/** @type {keyof Recipe} */ name) => [name, recipe[name]]));
  return Object.values(about.models).map((model) => {
    const made = about.recipes.of({ ...about.recipes.forModel(model), ...kept });
    if (made.width % model.multiple || made.height % model.multiple) throw new RecipeError(`The ${model.called} draws sides that are multiples of ${model.multiple}.`);
    return { label: model.called, model, recipe: about.check(made), steps: [], run: null, end: null, latents: [], words: [] };
  });
}

/** How much of all network calls is done. @param {About} about @param {Drawn[]} state */
export function share(about, state) {
  return state.reduce((sum, { steps }) => sum + steps.length, 0) / state.reduce((sum, { recipe }) => sum + about.calls(recipe), 0);
}

/** The runs so far, with a sentence. @param {About} about @param {Drawn[]} state @param {string} text */
export async function sampling(about, state, text) {
  return { kind: "models", models: await models(about, state), text, share: share(about, state), rows: [], notes: [], planes: [] };
}

/** @param {About} about @param {Drawn[]} state */
function models(about, state) {
  return Promise.all(state.map(async ({ label, recipe, steps, run }) => {
    const previews = steps.map((step) => raster(step.previews.guided)), known = { label, size: [recipe.height, recipe.width], link: about.recipes.toQuery(recipe) };
    return run ? { ...known, previews, png: pack(await pngOf(run, about)) } : { ...known, previews: previews.slice(-1), png: null };
  }));
}

/** All there is to see of finished runs. @param {About} about @param {Drawn[]} state */
export async function finished(about, state) {
  const [{ recipe }] = state, spent = state.reduce((sum, one) => sum + seconds(picture(one)), 0), words = recipe.prompt ? `“${recipe.prompt}”` : "No words";
  const text = `${words}, seed ${recipe.seed}, w = ${short(recipe.guidance)}: three pictures in ${spent.toFixed(1)} s, one after the other. ${noise(state)}`;
  return {
    kind: "models", models: await models(about, state), text, share: null, rows: figures(about, state), notes: notes(about, recipe),
    planes: FRAMES.map((frame, i) => ({ label: about.page.family.frames[i], ...shownPlane(about, state, frame) })),
  };
}

/** What is the same in the beginning, and what is not. @param {Drawn[]} state */
function noise(state) {
  const [first, flow] = state.map(({ steps }) => steps[0].level);
  return (
    "The same noise means the same numbers ε of the seed, which are the latents x of each model’s first call; σ differs, because the U-Net and the student take x for " +
    `${first.signal.toFixed(2)}·x0 + ${first.noise.toFixed(3)}·ε (noise divided by signal: ${(first.noise / first.signal).toFixed(1)}), the flow transformer for ${short(flow.signal)}·x0 + ${short(flow.noise)}·ε.`
  );
}

/** The table's rows: a label, what it means, and a text for each model. @param {About} about @param {Drawn[]} state */
export function figures(about, state) {
  const values = /** @type {((one: Drawn) => string)[]} */ ([
    ({ recipe }) => `${about.samplers[recipe.sampler].label}, ${counted(recipe.steps, "step")}`, (one) => String(picture(one).calls), (one) => rows(picture(one)),
    (one) => `${seconds(picture(one)).toFixed(2)} by ${picture(one).networks.join(" and ")}`, ({ model }) => `${(model.parameters / 1e6).toFixed(1)} million`,
    ({ model, recipe }) => about.page.family.scores[model.name].own[short(recipe.guidance)] ?? about.page.family.scores[model.name].otherwise,
    ...FRAMES.map((frame) => (/** @type {Drawn} */ one) => (jumps(about, one) ? JUMPS : bent(pathOf(one, frame)))),
  ]);
  return about.page.family.rows.map((/** @type {[string, string]} */ [label, help], /** @type {number} */ i) => ({ label, help, values: state.map(values[i]) }));
}

/** @param {Picture} picture */
const rows = ({ rows: all, calls }) => `${all} (${short(all / calls)} a call)`;
/** @param {Picture} picture */
const seconds = (picture) => Object.values(picture.seconds).reduce((a, b) => a + b, 0);
/** @param {import("./paths.js").Path} path */
const bent = (path) => `${bend(path).toFixed(2)}; ${percent(furthest(path))}`;
/** @param {Drawn} one */
const picture = ({ run }) => /** @type {RunRecord} */ (run).picture;
/** Whether every call points at the end of the path: nothing is followed step by step. @param {About} about @param {Drawn} one */
const jumps = (about, { recipe }) => about.samplers[recipe.sampler].distilled;

/** The latents of every call and the picture's own. @param {Drawn} one @param {typeof FRAMES[number]} frame */
function pathOf(one, frame) {
  const levels = [...one.steps.map(({ level }) => level), /** @type {Level} */ (one.end)];
  return path(frame, [...one.steps.map(({ latents }) => latents.data), picture(one).latents.data], levels);
}

/** What the numbers do not say by themselves. @param {About} about @param {Recipe} recipe */
function notes({ page: { family } }, { negative, guidance }) {
  const { bends, negative: unread, unshown } = family.notes;
  return [bends, ...(negative ? [unread] : []), ...(guidance >= 1 && guidance <= 10 ? [] : [unshown])];
}

/** All paths in the plane in which they move most; one that jumps goes straight to each call's pred_x0, and gets fresh noise there. @param {About} about @param {Drawn[]} state @param {typeof FRAMES[number]} frame */
function shownPlane(about, state, frame) {
  const ways = state.map((one) => pathOf(one, frame).places), found = plane(ways.flat());
  const placed = (/** @type {import("./paths.js").Latents[]} */ latents) => latents.map((x) => found.place(x).map((v) => rounded(v, 4)));
  const lines = state.map((one, i) => {
    const line = { label: one.label, places: placed(ways[i]) };
    if (!jumps(about, one)) return line;
    return { ...line, jumps: placed([...one.steps.slice(0, -1).map(({ clean }) => clean.guided.data), picture(one).latents.data]) };
  });
  return { lines, share: rounded(found.share, 4) };
}
