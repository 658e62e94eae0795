// @ts-check
/**
 * The path from noise to a picture, how straight it is, and the plane that shows it
 * (diffusion/paths.py and errors.py). Places are latents as flat arrays.
 *
 * @import { Level } from "../../engine/protocol.js"
 */

/** @typedef {Float32Array | Float64Array} Latents */
/** Where the latents of a level are, and when: `scale` multiplies x, `time` falls to the end. @typedef {{ label: string, scale: (at: Level) => number, time: (at: Level) => number }} Frame */
/** Before every call and at the end. @typedef {{ places: Float64Array[], times: number[] }} Path */
/** The two directions in which a path moves most; `share` of its variance that they hold. @typedef {{ share: number, place: (latents: Latents) => [number, number] }} Plane */

/** In the order of Python's FRAMES; their labels are in page.json. @type {Omit<Frame, "label">[]} */
export const FRAMES = [
  { scale: () => 1, time: ({ t }) => t },
  { scale: ({ signal, noise }) => 1 / (signal + noise), time: ({ signal, noise }) => noise / (signal + noise) },
];

/** Of a run: the latents of its calls at their levels, and those at which it ends. @param {Omit<Frame, "label">} frame @param {Latents[]} latents @param {Level[]} levels @returns {Path} */
export function path({ scale, time }, latents, levels) {
  return { places: latents.map((x, i) => Float64Array.from(x, (v) => scale(levels[i]) * v)), times: levels.map(time) };
}

/** How far a path is from a straight one at even speed: 0 if it is one. @param {Path} path */
export function bend({ places, times }) {
  const way = minus(places[0], places[places.length - 1]), whole = times[0] - times[times.length - 1];
  let sum = 0;
  for (let i = 1; i < places.length; i++) {
    const width = (times[i - 1] - times[i]) / whole, step = minus(places[i - 1], places[i]);
    sum += width * squares(way.map((v, k) => v - step[k] / width));
  }
  return sum / squares(way);
}

/** The largest distance from a place to the straight line between start and end, as a share of that line's length. @param {Path} path */
export function furthest({ places }) {
  const end = places[places.length - 1], way = minus(places[0], end), length = squares(way);
  const aside = places.map((place) => {
    const away = minus(place, end), along = dot(away, way) / length;
    return squares(away.map((v, k) => v - along * way[k]));
  });
  return Math.sqrt(Math.max(...aside) / length);
}

/** Principal components of a path's points. @param {Latents[]} points @returns {Plane} */
export function plane(points) {
  const middle = new Float64Array(points[0].length);
  for (const point of points) for (let k = 0; k < middle.length; k++) middle[k] += point[k] / points.length;
  const centred = points.map((point) => minus(point, middle)), gram = centred.map((one) => centred.map((other) => dot(one, other)));
  const { values, vectors } = eigen(gram), order = values.map((_, i) => i).sort((a, b) => values[b] - values[a]).slice(0, 2);
  const axes = order.map((i) => {
    const axis = new Float64Array(middle.length), length = Math.sqrt(Math.max(values[i], 1e-30));
    centred.forEach((point, row) => point.forEach((v, k) => (axis[k] += (v * vectors[row][i]) / length)));
    return axis;
  });
  const total = values.reduce((a, b) => a + b, 0), held = order.reduce((sum, i) => sum + values[i], 0);
  return { share: held / total, place: (latents) => /** @type {[number, number]} */ (axes.map((axis) => dot(minus(latents, middle), axis))) };
}

/** Of a symmetric matrix, by Jacobi's rotations (Golub & Van Loan, Matrix Computations, 8.5): vectors are columns. @param {number[][]} matrix */
function eigen(matrix) {
  const n = matrix.length, a = matrix.map((row) => [...row]), vectors = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  const size = a.reduce((sum, row, i) => sum + row[i] ** 2, 0);
  for (let sweep = 0; sweep < 30; sweep++) {
    let rest = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) {
      rest += a[p][q] ** 2;
      if (Math.abs(a[p][q]) < 1e-300) continue;
      const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]), t = (Math.sign(theta) || 1) / (Math.abs(theta) + Math.hypot(theta, 1)), c = 1 / Math.hypot(t, 1), s = t * c;
      for (const rows of [a, vectors]) for (const row of rows) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
      [a[p], a[q]] = [a[p].map((v, k) => c * v - s * a[q][k]), a[p].map((v, k) => s * v + c * a[q][k])];
    }
    if (rest <= 1e-24 * size) break;
  }
  return { values: a.map((row, i) => row[i]), vectors };
}

/** @param {Latents} a @param {Latents} b */
const minus = (a, b) => Float64Array.from(a, (v, k) => v - b[k]);
/** @param {Latents} a @param {Latents} b */
function dot(a, b) {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}
/** @param {Latents} a */
const squares = (a) => dot(a, a);
