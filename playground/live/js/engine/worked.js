// @ts-check
/**
 * Cross-attention at one spatial position, worked out with the real numbers: attention/worked.py.
 *
 * @import { WorkedLayer } from "./protocol.js"
 * @typedef {{ dims: number[], data: Float32Array }} Tensor
 */

/** Of each layer what the graph that looks closer is asked for (live/closer.py). */
export const WORKED = ["scores", "value", "projection", "bias", "feature"];

/**
 * One layer at (x, y) in [0, 1) of the picture: per head the score q·k/√d of every column of a token
 * map, its weight, and how far it moves the feature, ‖weight_j·W v_j‖. Tokens of one column add up.
 * @param {string} name @param {Record<string, Tensor>} told scores [1, heads, positions, tokens], value
 *   [1, heads, tokens, d], projection [heads·d, out], bias [out], feature [1, positions, out]
 * @param {[number, number]} grid @param {number} x @param {number} y @param {number[]} columns of the tokens
 * @returns {WorkedLayer}
 */
export function workedOut(name, { scores, value, projection, bias, feature }, [h, w], x, y, columns) {
  const place = /** @type {[number, number]} */ ([Math.floor(y * h), Math.floor(x * w)]), at = place[0] * w + place[1];
  const [, heads, positions, tokens] = scores.dims, [, , , width] = value.dims, out = bias.data.length, count = Math.max(...columns) + 1;
  const found = /** @type {WorkedLayer} */ ({ name, grid: [h, w], place, width, scores: [], weights: [], moves: [], moved: [], total: 0, feature: length(feature.data, at * out, out) });
  const added = Float64Array.from(bias.data);
  for (let head = 0; head < heads; head++) {
    const start = (head * positions + at) * tokens, mine = Array.from(scores.data.subarray(start, start + tokens));
    const high = Math.max(...mine), exponents = mine.map((score) => Math.exp(score - high)), sum = exponents.reduce((a, b) => a + b, 0);
    const effects = new Float64Array(count * out), whole = new Float64Array(out), shares = /** @type {number[]} */ (Array(count).fill(0));
    for (let token = 0; token < tokens; token++) {
      const weight = exponents[token] / sum, column = columns[token];
      shares[column] += weight;
      for (let d = 0; d < width; d++) {
        const factor = weight * value.data[(head * tokens + token) * width + d], row = (head * width + d) * out;
        for (let o = 0; o < out; o++) effects[column * out + o] += factor * projection.data[row + o];
      }
    }
    for (let i = 0; i < effects.length; i++) whole[i % out] += effects[i];
    whole.forEach((v, o) => (added[o] += v));
    found.weights.push(shares);
    found.scores.push(shares.map((share) => Math.log(share) + Math.log(sum) + high));
    found.moves.push(shares.map((_, column) => length(effects, column * out, out)));
    found.moved.push(length(whole, 0, out));
  }
  found.total = length(added, 0, out);
  return found;
}

/** Of a part of numbers. @param {Float32Array | Float64Array} numbers @param {number} start @param {number} count */
const length = (numbers, start, count) => Math.hypot(...numbers.subarray(start, start + count));
