// @ts-check
/**
 * What the Studio shows of a finished run: page/studio/data.py with its two views.
 *
 * @import { Recipe, PromptFacts, NdArray } from "../../engine/protocol.js"
 * @import { About } from "../about.js"
 * @import { RunRecord } from "../record.js"
 */
import { scaleAt } from "../../engine/guidance.js";
import * as weighting from "../../engine/weighting.js";
import { bytesOf, pack, part, raster, rgb, rint, rounded } from "../arrays.js";
import { written } from "../../files/png.js";
import { short } from "../recipe.js";
import { sizeOf } from "../record.js";
import { counted } from "../shared.js";

const FULL = 65535; // shares travel as uint16

/** Only a sentence; the picture stays as it is. @param {string} text @param {boolean} [error] */
export const message = (text, error = false) => ({ kind: "message", text, error });
export const stopped = () => ({ kind: "stopped", text: "Stopped.", stopped: true });

/** One frame while a run is sampled. @param {string} run @param {NdArray<any>} preview @param {Recipe} recipe @param {number} step @param {number} count @param {number} left */
export function sampling(run, preview, recipe, step, count, left) {
  return {
    kind: "sampling", run, preview: raster(preview), height: recipe.height, width: recipe.width,
    step, count, share: step / count, left: rounded(left, 1),
  };
}

/** The picture as a file with its recipe. @param {RunRecord} run @param {About} about */
export async function pngOf(run, about) {
  const { recipes } = about, { recipe, picture } = run;
  return written(picture.image, { name: recipes.facts.png_key, text: recipes.toJson(recipe), ascii: recipes.toAscii(recipe) });
}

/** Both views' data; `verdict` is the oracle's, null where it knows nothing of it. @param {RunRecord} run @param {number} seconds @param {About} about @param {any} verdict */
export async function finished(run, seconds, about, verdict) {
  const { recipe, picture } = run, shares = run.shares(), masses = run.masses();
  const explorer = {
    kind: "finished",
    png: pack(await pngOf(run, about)),
    name: `latent-playground-${recipe.seed}.png`,
    link: about.recipes.toQuery(recipe),
    summing: about.summing(recipe, run.timesteps),
    verdict,
    joint: !about.model(recipe.model).crossAttention,
    height: recipe.height,
    width: recipe.width,
    words: chips(run.prompt.words),
    previews: run.previews.map(raster),
    levels: Object.keys(shares).map((grid) => level(grid, shares[grid], masses[grid])),
    text:
      `Drawn in ${seconds.toFixed(2)} s: ${counted(picture.calls, "network call")}, ${counted(picture.rows, "row")} by ` +
      `${picture.networks.join(" and ")}; ${about.samplers[recipe.sampler].label}, w = ${short(recipe.guidance)}, seed ${recipe.seed}.`,
    notes: notes(recipe, run.prompt, run.prompts.uncond, about),
  };
  return { explorer, pipeline: strip(run, about) };
}

/**
 * What the page shows of the oracle's verdict (page/studio/judging.py).
 * @param {{ asked: string, seen: string, missing: string[], extra: string[], right: boolean, reason?: string }} found
 * @param {PromptFacts} prompt @param {string} accuracy
 */
export function verdict(found, prompt, accuracy) {
  if (found.reason) return { accuracy, right: null, parts: [], reason: `Not judged: ${found.reason}` };
  const unknown = new Set(prompt.words.filter((word) => !word.known).map((word) => word.text));
  const parts = [["Asked", found.asked], ["Seen", found.seen], ["Missing", found.missing.join(", ") || "nothing"]];
  if (found.extra.length) parts.push(["Not asked for", found.extra.join(", ")]);
  if (unknown.size) parts.push(["Not judged", [...unknown].join(", ")]);
  return { accuracy, right: found.right, parts, reason: "" };
}

/** What a view knows of a prompt's words. @param {PromptFacts["words"]} words */
export function chips(words) {
  return words.map(({ text, known, content }) => ({ text, known, content }));
}

/** @param {string} grid @param {NdArray} shares @param {number[][]} masses */
function level(grid, shares, masses) {
  const [h, w] = sizeOf(grid), codes = Uint16Array.from(shares.data, (share) => rint(share * FULL));
  return { h, w, steps: shares.shape[0], shares: pack(codes), masses: masses.map((row) => row.map((mass) => rounded(mass, 4))) };
}

/** What the visitor should know about this picture. @param {Recipe} recipe @param {PromptFacts} prompt @param {PromptFacts} negative @param {About} about */
export function notes(recipe, prompt, negative, about) {
  const model = about.model(recipe.model), two = model.guidance.branches, found = /** @type {string[]} */ ([]);
  const usual = about.recipes.fields, instead = two && negative.roles.includes("content");
  if (!prompt.roles.includes("content")) {
    if (!instead || recipe.guidance === 1) found.push("No words: this is the unconditional picture.");
    else if (recipe.guidance > 1) found.push("No words, but negative ones: the picture moves away from them.");
    else if (recipe.guidance > 0) found.push("No words, but negative ones: at w below 1 the picture moves towards them.");
  }
  found.push(...readOrNot(recipe, instead ? "the negative words are drawn" : "no words are read", instead, model));
  if (two && [0, 1].includes(recipe.guidance) && recipe.guider !== "cfg") found.push("At exactly w = 0 and w = 1 the guider has no effect.");
  if (model.unused.some((name) => /** @type {any} */ (recipe)[name] !== usual[name].default)) found.push(model.whyUnused);
  for (const [said, where] of /** @type {[PromptFacts, string][]} */ ([[prompt, ""], [negative, ", in the negative words"]])) {
    const unknown = new Set(said.words.filter((word) => !word.known).map((word) => word.text));
    if (unknown.size) found.push(`The model has never seen${where}: ${[...unknown].join(", ")}.`);
    if (said.cut.length) found.push(`Too long${where}: the model did not read “${said.cut.join(" ")}”.`);
  }
  const weighted = weightedParts(recipe.prompt).map(([part, by]) => `“${part.trim()}” × ${short(by)}`);
  if (weighted.length) found.push(`Attention to words is multiplied: ${weighted.join(", ")}.`);
  if (two && recipe.negative && recipe.guidance === 1) found.push("At w = 1 the negative words have no effect.");
  if (recipe.eta && !about.samplers[recipe.sampler].uses_eta) found.push("η has an effect with DDIM only.");
  if (recipe.height !== model.side || recipe.width !== model.side) found.push(`The model was trained at ${model.side}×${model.side} pixels only.`);
  return found;
}

/**
 * In which steps the words are read, if that is not every one, and what is drawn `instead`, which is `said` where it is words.
 * @param {Recipe} recipe @param {string} instead @param {boolean} said @param {ReturnType<About["model"]>} model
 */
function readOrNot(recipe, instead, said, model) {
  const { steps: count, guidance, guidance_start: start, guidance_stop: stop } = recipe, all = [...Array(count).keys()];
  const scales = all.map((i) => scaleAt(recipe, i, count));
  if (!scales.some(Boolean)) {
    const reason = model.whyNot["without words"] || "At w = 0 the words are not read, so there is no attention to show.";
    return said ? [reason, `At w = 0 ${instead}.`] : [reason];
  }
  if (!model.guidance.branches || guidance === 1 || (start === 0 && stop === 1)) return [];
  const inside = all.filter((i) => start <= (i + 0.5) / count && (i + 0.5) / count <= stop).map((i) => i + 1);
  if (!inside.length) return [`Guidance from ${short(start)} until ${short(stop)} holds none of the ${counted(count, "step")}: w = 1 in all.`];
  const w = recipe.guidance_schedule === "constant" ? `w = ${short(guidance)}` : `w between 1 and ${short(guidance)}`;
  const which = inside.length === 1 ? `step ${inside[0]}` : `steps ${inside[0]} to ${inside[inside.length - 1]}`;
  const text = `${w} in ${which} of ${count}; elsewhere w = 1.`;
  return [scales.includes(0) ? `${text} Where w = 0, ${instead}.` : text];
}

/** What of a prompt is weighted, and by how much: runs of one weight other than 1 (weighting.py: parts). @param {string} prompt */
function weightedParts(prompt) {
  const { text, weights } = weighting.read(prompt), found = /** @type {[string, number][]} */ ([]);
  [...text].forEach((letter, i) => {
    if (weights[i] === 1) return;
    if (i && weights[i - 1] === weights[i]) found[found.length - 1][0] += letter;
    else found.push([letter, weights[i]]);
  });
  return found;
}

/** Which rows the network computed. @param {RunRecord} run */
function branches({ picture, recipe }) {
  if (picture.rows === picture.calls) return "one row a call";
  const both = recipe.negative ? "with the negative words and with the words" : "with and without words";
  return `${both} ${picture.rows === 2 * picture.calls ? "each time" : "while guided"}`;
}

/** How the picture was made, stage by stage. @param {RunRecord} run @param {About} about */
function strip(run, about) {
  const { prompt, picture, steps, recipe } = run, { seconds, latents } = picture, [height, width] = picture.image.shape;
  const network = about.model(recipe.model).network_called, shape = latents.shape.join("×"), numbers = 3 * height * width;
  const stages = [
    stage("Words", `${prompt.names.length} of ${prompt.ids.length} tokens`, { tokens: prompt.names.map((name, i) => [name, prompt.ids[i]]) }),
    stage("Text embedding", `[${prompt.embeds.shape.join(", ")}]`, { seconds: seconds.words, rasters: [gray(prompt.embeds)] }),
    stage(`Noise, seed ${recipe.seed}`, shape, { rasters: channels(steps[0].latents) }),
    stage(`${network === network.toLowerCase() ? network[0].toUpperCase() + network.slice(1) : network} × ${picture.calls}`, `${picture.rows} rows`, { seconds: seconds.network, text: branches(run) }),
    stage("Latent", shape, { rasters: channels(latents) }),
    stage("Decoder", [height, width, 3].join("×"), { seconds: seconds.decoder, rasters: [raster(rgb(picture.image))] }),
  ];
  const summary =
    `${numbers.toLocaleString("en")} numbers of a picture are ${latents.data.length.toLocaleString("en")} in the latent: ` +
    `${(numbers / latents.data.length).toFixed(0)}× fewer for the ${network} to work on.`;
  return { stages, summary };
}

/** @param {string} title @param {string} shape @param {Record<string, any>} more */
const stage = (title, shape, more) => ({ title, shape, text: "", seconds: null, tokens: [], rasters: [], ...more });

/** Numbers [h, w] as a picture: their mean is mid-gray, two standard deviations reach the ends. @param {NdArray} values */
function gray({ shape: [h, w], data }) {
  const n = data.length, mean = data.reduce((sum, v) => sum + v, 0) / n;
  const spread = 4 * Math.sqrt(data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n) || 1;
  const level = bytesOf(data.map((v) => (v - mean) / spread + 0.5), 1), out = new Uint8Array(3 * n);
  level.forEach((v, i) => out.fill(v, 3 * i, 3 * i + 3));
  return raster({ shape: [h, w, 3], data: out });
}

/** The channels of latents [channels, h, w], each as a gray picture. @param {NdArray} latents */
const channels = (latents) => [...Array(latents.shape[0]).keys()].map((i) => gray(part(latents, i)));
