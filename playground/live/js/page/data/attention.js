// @ts-check
/**
 * What the Attention lens shows of a run that was recorded head by head: page/attention/data.py.
 *
 * @import { Branch, Heads, NdArray, PromptFacts, Step } from "../../engine/protocol.js"
 * @import { About } from "../about.js"
 * @import { RunRecord } from "../record.js"
 */
import { written } from "../../files/png.js";
import { pack, raster } from "../arrays.js";
import { dataUrl } from "../images.js";
import { short } from "../recipe.js";
import { sizeOf } from "../record.js";
import { counted } from "../shared.js";
import { chips, notes, pngOf } from "./studio.js";

const LARGEST = 10_000_000; // bytes of codes that a page keeps
const TOO_MANY = "These are too many numbers for a page: only the mean over heads is kept.";

export const message = (/** @type {string} */ text, error = false, share = /** @type {number | null} */ (null)) => ({ kind: "message", text, share, error });
export const stopped = () => ({ ...message("Stopped."), stopped: true });

/** Every step, level and head. @param {RunRecord} run @param {number} seconds @param {About} about */
export async function laboratory(run, seconds, about) {
  const { recipe } = run, { shown, size } = recorded(run, about);
  return {
    ...shown,
    png: pack(await pngOf(run, about)),
    name: `latent-playground-${recipe.seed}.png`,
    link: about.recipes.toQuery(recipe),
    text: `“${recipe.prompt || "no words"}”, seed ${recipe.seed}: every head of ${counted(run.steps.length, "step")}, ${(size / 1e6).toFixed(1)} MB, in ${seconds.toFixed(1)} s.`,
    moments: [], stills: [],
  };
}

/** A picture RGBA [height, width, 4] that was read. @param {RunRecord} run @param {NdArray<any>} image @param {number} seconds @param {About} about */
export async function reading(run, image, seconds, about) {
  const { recipe, prompts } = run, { shown } = recorded(run, about);
  return {
    ...shown,
    png: pack(await written(image, null)),
    name: "", link: "",
    summing: { ...shown.summing, ...about.model(recipe.model).summing.reading },
    text:
      `“${recipe.prompt}”, read in ${counted(run.steps.length, "network call")} and ${seconds.toFixed(1)} s. The model saw the picture’s ` +
      `middle square, made ${recipe.width}×${recipe.height} pixels.`,
    moments: run.timesteps.map((t) => `Read at t = ${short(t)}`),
    stills: [{ text: "What the autoencoder keeps of it", image: await dataUrl(run.picture.image) }],
    notes: [...notes(recipe, run.prompt, prompts.uncond, about), ...shown.notes],
  };
}

/** What both show, and its bytes. @param {RunRecord} run @param {About} about */
function recorded(run, about) {
  const { recipe } = run, names = { cond: "with words", uncond: recipe.negative ? "negative words" : "without words" };
  const present = /** @type {Branch[]} */ (["cond", "uncond"]).filter((branch) => run.steps.some((step) => step.heads?.[branch]));
  const found = present.map((branch) => branchOf(names[branch], run.prompts[branch], branch, run.steps));
  const shown = {
    kind: "finished",
    summing: about.summing(recipe, run.timesteps),
    joint: !about.model(recipe.model).crossAttention,
    height: recipe.height, width: recipe.width,
    previews: run.previews.map(raster),
    branches: found.map(({ branch }) => branch),
    notes: found.every(({ whole }) => whole) ? [] : [TOO_MANY],
  };
  return { shown, size: found.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** The rows of the network that were given these words. @param {string} name @param {PromptFacts} prompt @param {Branch} branch @param {Step[]} steps */
function branchOf(name, prompt, branch, steps) {
  const recorded = steps.filter((step) => step.heads?.[branch]), of = recorded.map((step) => /** @type {Record<string, Heads>} */ (step.heads?.[branch]));
  const grids = Object.keys(of[0]).sort((a, b) => sizeOf(b)[0] - sizeOf(a)[0]), all = grids.reduce((sum, grid) => sum + of.length * of[0][grid].codes.data.length, 0);
  const whole = all <= LARGEST, levels = grids.map((grid) => level(grid, of.map((heads) => heads[grid]), whole));
  const bytes = levels.reduce((sum, { size }) => sum + size, 0);
  return { whole, bytes, branch: { name, words: chips(prompt.words), steps: recorded.map(({ index }) => index), levels: levels.map(({ shown }) => shown) } };
}

/** @param {string} grid @param {Heads[]} steps @param {boolean} whole */
function level(grid, steps, whole) {
  const [h, w] = sizeOf(grid), [heads, columns] = steps[0].codes.shape;
  const parts = steps.map(({ codes }) => (whole ? codes.data : meanOverHeads(codes.data, heads)));
  const data = new Uint8Array(parts.length * parts[0].length);
  parts.forEach((part, i) => data.set(part, i * part.length));
  const layers = whole ? steps[0].layers.map(label) : ["all layers"];
  return { size: data.length, shown: { h, w, layers, heads: whole ? heads : 1, columns, codes: pack(data) } };
}

/** p = (code/255)² is averaged, not the code. @param {Uint8Array} codes @param {number} heads */
function meanOverHeads(codes, heads) {
  const n = codes.length / heads;
  return Uint8Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < heads; k++) sum += (codes[k * n + i] / 255) ** 2;
    return Math.round(255 * Math.sqrt(sum / heads));
  });
}

/** up_blocks.2.attentions.1.transformer_blocks.0.attn2 → up 3.2 @param {string} layer */
export function label(layer) {
  const found = /^(down|up)_blocks\.(\d+)\.attentions\.(\d+)\./.exec(layer);
  if (found) return `${found[1]} ${Number(found[2]) + 1}.${Number(found[3]) + 1}`;
  return layer.startsWith("mid_block") ? "middle" : layer;
}
