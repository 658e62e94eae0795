// @ts-check
/**
 * What the view of a worked position shows: page/attention/views/worked and runs.py.
 *
 * @import { PromptFacts, WorkedLayer } from "../../engine/protocol.js"
 */
import { rounded } from "../arrays.js";
import { label } from "./attention.js";

const LOWEST = -99; // replaces the score −∞ of a weight that became 0

export const message = (/** @type {string} */ text, error = false) => ({ kind: "message", text, error });
export const stopped = () => message("Stopped.");

/** @param {PromptFacts} prompt @param {number} step from 0 @param {WorkedLayer[]} layers */
export function worked(prompt, step, layers) {
  const plain = (/** @type {number[][]} */ rows, /** @type {number} */ digits) => rows.map((row) => row.map((v) => (v === -Infinity ? LOWEST : rounded(v, digits))));
  return {
    kind: "worked",
    tokens: columns(prompt),
    content: prompt.roles.filter((role) => role === "content").length,
    step,
    layers: layers.map((layer) => ({
      label: label(layer.name),
      h: layer.grid[0], w: layer.grid[1], row: layer.place[0], column: layer.place[1],
      width: layer.width,
      scores: plain(layer.scores, 3), weights: plain(layer.weights, 5), moves: plain(layer.moves, 4), moved: plain([layer.moved], 4)[0],
      total: rounded(layer.total, 4), feature: rounded(layer.feature, 4),
    })),
  };
}

/** What the columns of a prompt's token maps are called. @param {PromptFacts} prompt */
const columns = ({ roles, names }) => roles.map((role, i) => (role === "padding" ? "all padding" : role === "content" ? names[i] : role));
