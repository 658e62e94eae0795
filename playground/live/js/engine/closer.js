// @ts-check
/**
 * The U-Net's graph that looks closer (live/closer.py): it edits attention, and tells what a position
 * reads. It is fetched when somebody asks for either.
 *
 * @import { Level, Model, NdArray, WorkedLayer } from "./protocol.js"
 * @import { Network, Prompt, Row, Ort } from "./network.js"
 * @import { Plan } from "./editing.js"
 * @typedef {{ source: number, plan: Plan, inject: boolean }} Edited
 *   a row reads the attention of row `source` of its call, unless it keeps its own
 */
import { NEW } from "./editing.js";
import { WORKED, workedOut } from "./worked.js";

/** The whole graph: its own file, then the weights of the network's. @param {Uint8Array} structure @param {Uint8Array} network @param {number} weights where they begin */
export function whole(structure, network, weights) {
  const graph = new Uint8Array(structure.length + network.length - weights);
  graph.set(structure);
  graph.set(network.subarray(weights), structure.length);
  return graph;
}

/** What the graph is told of edits besides the network's inputs. @param {Ort} ort @param {Row[]} rows */
export function editsOf({ Tensor }, rows) {
  const tokens = rows[0].prompt.ids.length, plain = [...Array(tokens).keys()], shape = [rows.length, tokens];
  const taken = rows.flatMap(({ edit }) => edit?.plan.sourceOf.map((token) => Math.max(token, 0)) ?? plain);
  const own = rows.flatMap(({ edit }) => (edit?.inject ? edit.plan.sourceOf.map((token) => Number(token === NEW)) : plain.map(() => 1)));
  return {
    source: new Tensor("int64", BigInt64Array.from(rows, ({ edit }, i) => BigInt(edit?.source ?? i)), [rows.length]),
    taken: new Tensor("int64", BigInt64Array.from(taken, BigInt), shape),
    own: new Tensor("float32", Float32Array.from(own), shape),
  };
}

/** Every layer's numbers at (x, y) of what the network saw. @param {Network} network @param {Prompt} prompt @param {NdArray} latents @param {number} t @param {number} x @param {number} y @param {number} w which networks are told that take it @returns {Promise<WorkedLayer[]>} */
export async function workOut(network, prompt, { shape, data }, t, x, y, w) {
  const level = { signal: NaN, noise: NaN, t }; // the network is told the timestep alone
  const rows = [{ latents: data, shape, level, prompt, guidance: w, maps: false, heads: false, edit: null }], { ort, model, closer } = network, { order } = /** @type {NonNullable<Model["closer"]>} */ (model.closer);
  const said = await closer.run({ ...network.inputs(rows), ...editsOf(ort, rows) }, order.flatMap((layer) => WORKED.map((what) => `${layer} ${what}`)));
  return order.map((layer) => {
    const told = /** @type {any} */ (Object.fromEntries(WORKED.map((what) => [what, said[`${layer} ${what}`]])));
    const [grid] = Object.keys(model.layers).filter((name) => model.layers[name].includes(layer)), [, h, w] = shape, by = model.grids[grid];
    return workedOut(layer.replace(/\.attn2$/, ""), told, [h / by, w / by], x, y, prompt.columns);
  });
}
