// @ts-check
/**
 * Where words, timestep and w enter each network: from its configuration and a run's shapes
 * (page/family/inside.py).
 *
 * @import { About } from "../about.js"
 * @import { Drawn } from "./family.js"
 */
import { counted } from "../shared.js";

const NONE = "not here";
const MORE = "Networks for inpainting put a mask and a picture beside them.";

/** The view's data: a diagram for each run, networks of one kind side by side, and what the ways are. @param {About} about @param {Drawn[]} state */
export function ofRuns(about, state) {
  const kinds = ["unet", "joint"], unlike = kinds.flatMap((kind) => state.filter(({ model }) => model.kind === kind));
  return { diagrams: unlike.map(diagram), ways: about.page.family.ways };
}

/** @param {Drawn} run */
function diagram({ label, model, latents, words }) {
  return (model.kind === "joint" ? joint : unet)(label, model.network, latents, words);
}

/** A U-Net's diagram. @param {string} label @param {Record<string, any>} config as diffusers stores it @param {number[]} latents @param {number[]} words shapes */
export function unet(label, config, latents, words) {
  const { block_out_channels: widths, layers_per_block: count } = config, depth = widths.length, [channels, height, width] = latents, [tokens] = words;
  const levels = Array.from({ length: depth }, (_, i) => i), up = [...levels].reverse(), middle = depth - 1;
  const blocks = [...levels.map((i) => ["down", i]), ["middle", middle], ...up.map((i) => ["up", i])].map(([part, i]) => box(String(part), [widths[i], height >> Number(i), width >> Number(i)]));
  const kinds = [...config.down_block_types, config.mid_block_type, ...config.up_block_types], layers = [...levels.map(() => count), 1, ...levels.map(() => count + 1)];
  const reads = layers.map((n, i) => (kinds[i].includes("CrossAttn") ? n : 0)), every = blocks.map((_, i) => i), clock = 4 * widths[0];
  const inputs = [box("latents x", latents), box("timestep t", [clock]), box("words", words)], residual = 2 * depth * count + depth + 2;
  const arrows = [arrow("latents", 0, [0]), arrow("norm", 1, every), arrow("cross", 2, every.filter((i) => reads[i]))];
  const scales = config.resnet_time_scale_shift === "scale_shift" ? ", which also scales them." : ": a shift, no scale.";
  let norm = `t as a vector of ${clock} numbers is added to the features of ${counted(residual, "residual block")}${scales}`;
  if (config.time_cond_proj_dim) {
    inputs.push(box("w", [config.time_cond_proj_dim]));
    arrows.push(arrow("norm", 3, every));
    norm += ` w, as ${config.time_cond_proj_dim} numbers, joins t before that.`;
  }
  const heads = config.num_attention_heads || config.attention_head_dim, sides = levels.map((i) => `${height >> i}×${width >> i}`), total = reads.reduce((a, b) => a + b, 0);
  const positions = `${sides.slice(0, -1).join(", ")} and ${sides[middle]}`;
  const uses = [
    use("concatenation", concatenated(config, channels)), use("norm", norm),
    use("cross", `${counted(total, "layer")} of ${heads} heads: queries from ${positions} positions, keys and values from ${tokens} tokens.`), use("joint", NONE),
  ];
  return { label, kind: "U-Net", inputs, blocks, arrows, uses };
}

/** A transformer with joint attention. @param {string} label @param {Record<string, any>} config @param {number[]} latents @param {number[]} words shapes */
export function joint(label, config, latents, words) {
  const { patch_size: patch, num_layers: layers, num_attention_heads: heads } = config, [channels, height, width] = latents, [tokens] = words;
  const inner = heads * config.attention_head_dim, places = Math.floor(height / patch) * Math.floor(width / patch), every = Array.from({ length: layers }, (_, i) => i + 1);
  const blocks = [box(`patches of ${patch}×${patch}`, [places, inner]), ...every.map((i) => box(`block ${i}`, [places + tokens, inner])), box("patches to latents", latents)];
  const inputs = [box("latents x", latents), box("t, pooled words", [inner]), box("words", words)];
  const arrows = [arrow("latents", 0, [0]), arrow("norm", 1, [...every, layers + 1]), arrow("joint", 2, every)];
  const norm =
    `t and the pooled words (${config.pooled_projection_dim} numbers) make one vector of ${inner}; in each of ${layers} blocks it shifts, scales and gates image and ` +
    `text by 6 × ${inner} numbers each (2 × for text that is only read, in the last).`;
  const whole = `${counted(layers, "layer")} of ${heads} heads: ${places} image tokens and ${tokens} text tokens are one sequence of ${places + tokens}, ${inner} numbers each.`;
  return { label, kind: "MM-DiT", inputs, blocks, arrows, uses: [use("concatenation", concatenated(config, channels)), use("norm", norm), use("cross", NONE), use("joint", whole)] };
}

/** What of the input's channels are no latents. @param {Record<string, any>} config @param {number} channels */
function concatenated(config, channels) {
  const more = config.in_channels - channels;
  return more ? `${counted(more, "channel")} beside ${channels} of latents.` : `${NONE}: all ${channels} input channels are latents. ${MORE}`;
}

/** @param {string} label @param {number[]} shape */
const box = (label, shape) => ({ label, shape: `[${shape.join(", ")}]` });
/** @param {string} way @param {number} start @param {number[]} ends */
const arrow = (way, start, ends) => ({ way, start, ends });
/** @param {string} way @param {string} text */
const use = (way, text) => ({ way, text });
