// @ts-check
/**
 * Samplers as solvers, between levels x = signal·x0 + noise·ε: one table for every edition.
 *
 * A solver is a generator. It yields the latents of its next network call and the call's level, and
 * is sent what the network makes of them, pred_x0 and ε̂; it returns the end. `levels` has one entry
 * a step, then the level of the end. The same steps serve a network, points in the plane whose ε̂ is
 * known, variance-preserving models and rectified flow.
 *
 * @import { Level } from "./protocol.js"
 * @typedef {Float64Array} Points
 * @typedef {{ clean: ArrayLike<number>, noise: ArrayLike<number> }} Said
 * @typedef {Generator<{ x: Points, at: Level }, Points, Said>} Solving
 * @typedef {{ z: () => ArrayLike<number>, eta?: number, curve?: Curve, after?: (x: Points) => void, scaling?: number }} Tools
 *   fresh noise; DDIM's η; the ODE (PRESERVING by default); told of the points after every step;
 *   LCM's timestep scaling
 */

/**
 * A schedule as an ODE in σ: dy/dσ = slope, where y = x / unit(level). Its `unit` is 1 where x itself
 * is followed.
 * @typedef {{ sigma: (at: Level) => number, unit: (at: Level) => number, slope: (said: Said, i: number) => number }} Curve
 */

/** dy/dσ = ε̂ in y = x/signal, σ = noise/signal (Song et al. 2021, arXiv 2010.02502, eq. 14). @type {Curve} */
export const PRESERVING = { sigma: (at) => at.noise / at.signal, unit: (at) => at.signal, slope: ({ noise }, i) => noise[i] };
/** dx/dσ = ε̂ − pred_x0 (Liu et al. 2022, arXiv 2209.03003, eq. 1). @type {Curve} */
export const STRAIGHT = { sigma: (at) => at.noise, unit: () => 1, slope: ({ clean, noise }, i) => noise[i] - clean[i] };

const lambda = (/** @type {Level} */ at) => Math.log(at.signal / at.noise);

/** Step by step to the last level. @param {Level[]} levels @param {Points} x @param {Tools} tools @param {(from: Level, to: Level, x: Points, i: number) => Solving} step @returns {Solving} */
function* walk(levels, x, tools, step) {
  for (let i = 0; i + 1 < levels.length; i++) {
    x = yield* step(levels[i], levels[i + 1], x, i);
    tools.after?.(x);
  }
  return x;
}

/** signal·x0 + noise·ε of a level. @param {Level} to @param {Said} said @param {Points} like */
function mixed(to, { clean, noise }, like) {
  return like.map((_, k) => to.signal * clean[k] + to.noise * noise[k]);
}

/** DPM-Solver++'s first-order step with another pred_x0 (Lu et al. 2022, arXiv 2211.01095, eq. 9). @param {Level} from @param {Level} to @param {Points} x @param {(k: number) => number} clean */
function towards(from, to, x, clean) {
  const keep = to.noise / from.noise, pull = -to.signal * Math.expm1(lambda(from) - lambda(to));
  return x.map((v, k) => keep * v + pull * clean(k));
}

/** @type {Record<string, (levels: Level[], x: Points, tools: Tools) => Solving>} */
export const SOLVERS = {
  // A part of the noise is drawn anew: η = 0 is DDIM and Euler, η = 1 ancestral sampling and DDPM
  // (Song et al. 2021, eq. 12 and 16, written in σ).
  *ddim(levels, x, tools) {
    const { z, eta = 0 } = tools;
    return yield* walk(levels, x, tools, function* (from, to, x) {
      const said = yield { x, at: from };
      if (!eta) return mixed(to, said, x);
      const ratio = (to.noise * from.signal) / (to.signal * from.noise), up = eta * to.noise * Math.sqrt(Math.max(1 - ratio * ratio, 0));
      const kept = mixed({ ...to, noise: Math.sqrt(to.noise ** 2 - up * up) }, said, x), fresh = z();
      return kept.map((v, k) => v + up * fresh[k]);
    });
  },

  ancestral: (levels, x, tools) => SOLVERS.ddim(levels, x, { ...tools, eta: 1 }),

  // Karras et al. 2022, arXiv 2206.00364, algorithm 1; the step to no noise has nothing to correct with.
  *heun(levels, x, tools) {
    const { sigma, unit, slope } = tools.curve ?? PRESERVING;
    return yield* walk(levels, x, tools, function* (from, to, x) {
      const width = sigma(to) - sigma(from);
      const along = (/** @type {(k: number) => number} */ by) => x.map((v, k) => unit(to) * (v / unit(from) + width * by(k)));
      const first = yield { x, at: from };
      if (!to.noise) return along((k) => slope(first, k));
      const second = yield { x: along((k) => slope(first, k)), at: to };
      return along((k) => (slope(first, k) + slope(second, k)) / 2);
    });
  },

  // Lu et al. 2022, algorithm 2.
  *dpmpp_2m(levels, x, tools) {
    /** @type {ArrayLike<number> | null} */
    let before = null;
    let width = 0;
    return yield* walk(levels, x, tools, function* (from, to, x) {
      const { clean } = yield { x, at: from }, old = before;
      if (!to.noise) return x.map((_, k) => clean[k]);
      const h = lambda(to) - lambda(from), r = width / h;
      [before, width] = [clean, h];
      return towards(from, to, x, (k) => (old ? clean[k] + (clean[k] - old[k]) / (2 * r) : clean[k]));
    });
  },

  // Their algorithm 1 as in diffusers: every second step starts again where its pair started.
  *dpmpp_2s(levels, x, tools) {
    const steps = levels.length - 1;
    /** @type {ArrayLike<number>} */
    let first = x;
    let start = x, began = levels[0];
    return yield* walk(levels, x, tools, function* (from, to, x, i) {
      const { clean } = yield { x, at: from }, second = i % 2 === 1 && i < steps - 1;
      if (!to.noise) return x.map((_, k) => clean[k]);
      if (!second) [first, start, began] = [clean, x, from];
      const r = (lambda(from) - lambda(began)) / (lambda(to) - lambda(began));
      return towards(began, to, start, (k) => (second ? first[k] + (clean[k] - first[k]) / (2 * r) : clean[k]));
    });
  },

  // Their section 5: 2M for the stochastic equation.
  *dpmpp_2m_sde(levels, x, tools) {
    /** @type {ArrayLike<number> | null} */
    let before = null;
    let width = 0;
    return yield* walk(levels, x, tools, function* (from, to, x) {
      const { clean } = yield { x, at: from }, old = before, fresh = tools.z();
      if (!to.noise) return x.map((_, k) => clean[k]);
      const h = lambda(to) - lambda(from), r = width / h, keep = (to.noise / from.noise) * Math.exp(-h), pull = -Math.expm1(-2 * h);
      [before, width] = [clean, h];
      return x.map((v, k) => keep * v + to.signal * pull * (old ? clean[k] + (clean[k] - old[k]) / (2 * r) : clean[k]) + to.noise * Math.sqrt(pull) * fresh[k]);
    });
  },

  // Liu et al. 2022, arXiv 2202.09778: Adams-Bashforth on ε̂, as diffusers has it without their
  // Runge-Kutta start: the first step is made twice, with the mean of both ends the second time.
  *pndm(levels, x, tools) {
    const weights = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]];
    /** @type {ArrayLike<number>[]} */
    const past = [];
    return yield* walk(levels, x, tools, function* (from, to, x) {
      const along = (/** @type {(k: number) => number} */ noise) =>
        x.map((v, k) => (to.signal / from.signal) * v + (to.noise - (to.signal * from.noise) / from.signal) * noise(k));
      past.unshift((yield { x, at: from }).noise);
      past.length = Math.min(past.length, 4);
      if (past.length > 1 || levels.length === 2) return along((k) => weights[past.length - 1].reduce((sum, w, j) => sum + w * past[j][k], 0));
      const { noise } = yield { x: along((k) => past[0][k]), at: to };
      return along((k) => (past[0][k] + noise[k]) / 2);
    });
  },

  // Zhang & Chen 2023, arXiv 2204.13902, tAB of first order in log σ: ε̂ as a line through the last
  // two, integrated over σ. Runs of few steps end with Euler's, as in diffusers.
  *deis(levels, x, tools) {
    const steps = levels.length - 1, { sigma } = PRESERVING;
    /** @type {ArrayLike<number> | null} */
    let before = null;
    let earlier = 0;
    /** ∫ (log σ − log c)/(log b − log c) dσ @param {number} at @param {number} b @param {number} c */
    const integral = (at, b, c) => (at ? at * (Math.log(at) - Math.log(c) - 1) : 0) / Math.log(b / c);
    return yield* walk(levels, x, tools, function* (from, to, x, i) {
      const said = yield { x, at: from }, { noise } = said, old = before, a = sigma(to), b = sigma(from), c = earlier;
      [before, earlier] = [noise, b];
      if (!old || (i === steps - 1 && steps < 15)) return mixed(to, said, x);
      const mine = integral(a, b, c) - integral(b, b, c), its = integral(a, c, b) - integral(b, c, b);
      return x.map((v, k) => to.signal * (v / from.signal + mine * noise[k] + its * old[k]));
    });
  },

  // Zhao et al. 2023, arXiv 2302.04867, of second order with B(h) = e^−h − 1 (their B₂): every call
  // first corrects the step that led to it (their algorithm 1), then predicts the next one.
  *unipc(levels, x, tools) {
    /** pred_x0 with its λ, newest first. @type {{ clean: ArrayLike<number>, at: number }[]} */
    let past = [];
    let start = x; // where the last step began
    const slope = (/** @type {number} */ k, /** @type {number} */ h) => ((past[1].clean[k] - past[0].clean[k]) * h) / (past[1].at - past[0].at);
    return yield* walk(levels, x, tools, function* (from, to, x, i) {
      const { clean } = yield { x, at: from };
      let corrected = x;
      if (i > 0) {
        const h = lambda(from) - past[0].at, phi = Math.expm1(-h) / -h - 1, [b1, b2] = [phi, 2 * (phi / -h - 0.5)].map((b) => b / Math.expm1(-h));
        const older = past.length > 1 ? (b1 - b2) / (1 - (past[1].at - past[0].at) / h) : 0, newer = past.length > 1 ? b1 - older : 0.5;
        corrected = towards(levels[i - 1], from, start, (k) => past[0].clean[k] + (older && older * slope(k, h)) + newer * (clean[k] - past[0].clean[k]));
      }
      past = [{ clean, at: lambda(from) }, ...past].slice(0, 2);
      start = corrected;
      if (!to.noise) return x.map((_, k) => clean[k]);
      const h = lambda(to) - lambda(from), second = past.length > 1 && i < levels.length - 2;
      return towards(from, to, corrected, (k) => past[0].clean[k] + (second ? slope(k, h) / 2 : 0));
    });
  },

  // Luo et al. 2023, arXiv 2310.04378: jump to the end of the path, add fresh noise, jump again; with
  // the boundary condition of Song et al. 2023, arXiv 2303.01469, eq. 5 (σ_data = 0.5).
  *lcm(levels, x, tools) {
    return yield* walk(levels, x, tools, function* (from, to, x, i) {
      const { clean } = yield { x, at: from }, scaled = from.t * (tools.scaling ?? 10), root = scaled ** 2 + 0.25;
      const end = x.map((v, k) => (scaled / Math.sqrt(root)) * clean[k] + (0.25 / root) * v);
      if (i === levels.length - 2) return end;
      const fresh = tools.z();
      return end.map((v, k) => to.signal * v + to.noise * fresh[k]);
    });
  },
};

const RHO = 7; // Karras et al. 2022, eq. 5: the grid is fine where σ is small

/**
 * The exact solution from `x` at σ = high: Runge-Kutta of fourth order, uniform in σ^(1/7), then
 * pred_x0 at σ = low, which it returns; `at` gives the level of a σ (diffusion/reference.py: solve).
 * @param {number} high @param {number} low @param {number} steps @param {Points} x @param {(sigma: number) => Level} at @param {Tools} tools @returns {Solving}
 */
export function* exact(high, low, steps, x, at, tools) {
  const { unit, slope } = tools.curve ?? PRESERVING, first = high ** (1 / RHO), width = (low ** (1 / RHO) - first) / steps;
  const start = at(first ** RHO);
  let y = x.map((v) => v / unit(start));
  /** dy/d(σ^(1/ρ)) @param {number} root @param {Points} y @returns {Generator<{ x: Points, at: Level }, Points, Said>} */
  function* ask(root, y) {
    const level = at(root ** RHO), said = yield { x: y.map((v) => v * unit(level)), at: level };
    return y.map((_, k) => RHO * root ** (RHO - 1) * slope(said, k));
  }
  const moved = (/** @type {Points} */ k, /** @type {number} */ by) => y.map((v, i) => v + by * k[i]);
  for (let i = 0; i < steps; i++) {
    const root = first + i * width;
    const k1 = yield* ask(root, y), k2 = yield* ask(root + width / 2, moved(k1, width / 2));
    const k3 = yield* ask(root + width / 2, moved(k2, width / 2)), k4 = yield* ask(root + width, moved(k3, width));
    y = y.map((v, j) => v + (width / 6) * (k1[j] + 2 * k2[j] + 2 * k3[j] + k4[j]));
    const level = at((root + width) ** RHO);
    tools.after?.(y.map((v) => v * unit(level)));
  }
  const level = at(low), last = y.map((v) => v * unit(level)), { clean } = yield { x: last, at: level };
  return last.map((_, k) => clean[k]);
}
