// Samplers for points in the plane, whose ε̂ is known in closed form. In y = x/√ᾱ and σ, as in
// Karras et al. 2022 (arXiv 2206.00364); points are [x0, y0, x1, y1, …].

// E[ε | y] of a mixture of equal Gaussians around `blobs`: σ·Σ γ_k (y − μ_k)/(s² + σ²).
function mixtureNoise(y, sigma, blobs, spread) {
  const found = new Float64Array(y.length), variance = spread * spread + sigma * sigma, near = new Float64Array(blobs.length);
  for (let i = 0; i < y.length; i += 2) {
    let closest = Infinity, sum = 0;
    blobs.forEach(([a, b], k) => { near[k] = (y[i] - a) ** 2 + (y[i + 1] - b) ** 2; closest = Math.min(closest, near[k]); });
    blobs.forEach(([a, b], k) => {
      const share = Math.exp((closest - near[k]) / (2 * variance));
      sum += share;
      found[i] += share * (y[i] - a);
      found[i + 1] += share * (y[i + 1] - b);
    });
    found[i] *= sigma / (variance * sum);
    found[i + 1] *= sigma / (variance * sum);
  }
  return found;
}

// ε = ε_u + w·(ε_c − ε_u); one branch is enough at exactly 0 and 1.
function guidedNoise({ centres, spread }, label, w) {
  const every = centres.flat(), own = centres[label];
  return (y, sigma) => {
    if (w === 0) return mixtureNoise(y, sigma, every, spread);
    const cond = mixtureNoise(y, sigma, own, spread);
    if (w === 1) return cond;
    const without = mixtureNoise(y, sigma, every, spread);
    return cond.map((c, i) => without[i] + w * (c - without[i]));
  };
}

// Each takes the σ grid (the last may be 0), starting points, ε̂(y, σ), fresh noise z(step) and η,
// and returns the points after every step, and how often it evaluated ε̂ (NFE).
const METHODS = {
  // Euler's method with a part of the noise drawn anew: η = 0 is DDIM and Euler, η = 1 ancestral
  // sampling (Song et al. 2021, arXiv 2010.02502, eq. 12 and 16, written in σ).
  ddim(sigmas, y, eps, z, eta) {
    return walk(sigmas, y, (from, to, here, i) => {
      const up = eta * to * Math.sqrt(Math.max(from * from - to * to, 0)) / from, down = Math.sqrt(to * to - up * up);
      const slope = eps(here, from), fresh = up && z(i);
      return here.map((v, k) => v + (down - from) * slope[k] + (up && up * fresh[k]));
    });
  },
  euler_a: (sigmas, y, eps, z) => METHODS.ddim(sigmas, y, eps, z, 1),
  // Karras et al. 2022, algorithm 1; the step to σ = 0 has nothing to correct with.
  heun(sigmas, y, eps) {
    const path = walk(sigmas, y, (from, to, here) => {
      const slope = eps(here, from), ahead = here.map((v, k) => v + (to - from) * slope[k]);
      if (!to) return ahead;
      const then = eps(ahead, to);
      return here.map((v, k) => v + (to - from) * (slope[k] + then[k]) / 2);
    });
    return { ...path, calls: 2 * path.calls - (sigmas.at(-1) ? 0 : 1) };
  },
  // Lu et al. 2022, arXiv 2211.01095, algorithm 2; −log σ is their λ up to √ᾱ, which y leaves out.
  dpmpp_2m(sigmas, y, eps) {
    let before = null, width = 0;
    return walk(sigmas, y, (from, to, here) => {
      const clean = cleaned(here, from, eps);
      if (!to) return clean;
      const h = Math.log(from / to), r = width / h;
      const aim = before ? clean.map((c, k) => c + (c - before[k]) / (2 * r)) : clean;
      before = clean;
      width = h;
      return here.map((v, k) => (to / from) * v - Math.expm1(-h) * aim[k]);
    });
  },
  // Their algorithm 1 as in diffusers: every second step starts again where its pair started.
  dpmpp_2s(sigmas, y, eps) {
    const steps = sigmas.length - 1;
    let first = null, start = y, began = 0;
    return walk(sigmas, y, (from, to, here, i) => {
      const clean = cleaned(here, from, eps), pairs = i % 2 === 1 && i < steps - 1;
      if (!to) return clean;
      if (!pairs) [first, start, began] = [clean, here, from];
      const h = Math.log(began / to), r = Math.log(began / from) / h;
      const aim = pairs ? first.map((c, k) => c + (clean[k] - c) / (2 * r)) : clean;
      return start.map((v, k) => (to / began) * v - Math.expm1(-h) * aim[k]);
    });
  },
  // Their section 5: 2M for the stochastic equation.
  dpmpp_2m_sde(sigmas, y, eps, z) {
    let before = null, width = 0;
    return walk(sigmas, y, (from, to, here, i) => {
      const clean = cleaned(here, from, eps);
      if (!to) return clean;
      const h = Math.log(from / to), r = width / h, fresh = z(i);
      const aim = before ? clean.map((c, k) => c + (c - before[k]) / (2 * r)) : clean;
      before = clean;
      width = h;
      const keep = (to / from) * Math.exp(-h), pull = -Math.expm1(-2 * h);
      return here.map((v, k) => keep * v + pull * aim[k] + to * Math.sqrt(pull) * fresh[k]);
    });
  },
  // Liu et al. 2022, arXiv 2202.09778: Adams-Bashforth on ε̂, as diffusers has it without their
  // Runge-Kutta start: the first step is made twice, with Heun's mean the second time.
  pndm(sigmas, y, eps) {
    const weights = [[1], [3, -1], [23, -16, 5], [55, -59, 37, -9]].map((row) => row.map((w, _, all) => w / all.reduce((a, b) => a + b)));
    const past = [];
    let extra = 0;
    const path = walk(sigmas, y, (from, to, here) => {
      past.unshift(eps(here, from));
      past.length = Math.min(past.length, 4);
      const along = (noise) => here.map((v, k) => v + (to - from) * noise(k));
      if (past.length > 1 || sigmas.length === 2) return along((k) => weights[past.length - 1].reduce((sum, w, j) => sum + w * past[j][k], 0));
      const then = eps(along((k) => past[0][k]), to);
      extra = 1;
      return along((k) => (past[0][k] + then[k]) / 2);
    });
    return { ...path, calls: path.calls + extra };
  },
  // Zhang & Chen 2023, arXiv 2204.13902, tAB of first order in log σ: ε̂ as a line through the last
  // two, integrated over σ. Runs of few steps end with Euler's, as in diffusers.
  deis(sigmas, y, eps) {
    const steps = sigmas.length - 1;
    let before = null, earlier = 0;
    // ∫ (log σ − log c)/(log b − log c) dσ
    const integral = (at, b, c) => (at ? at * (Math.log(at) - Math.log(c) - 1) : 0) / Math.log(b / c);
    return walk(sigmas, y, (from, to, here, i) => {
      const noise = eps(here, from), old = before, c = earlier;
      [before, earlier] = [noise, from];
      if (!old || (i === steps - 1 && steps < 15)) return here.map((v, k) => v + (to - from) * noise[k]);
      const mine = integral(to, from, c) - integral(from, from, c), its = integral(to, c, from) - integral(from, c, from);
      return here.map((v, k) => v + mine * noise[k] + its * old[k]);
    });
  },
  // Zhao et al. 2023, arXiv 2302.04867, of second order with B(h) = e^−h − 1 (their B₂): every call
  // first corrects the step that led to it (their algorithm 1), then predicts the next one.
  unipc(sigmas, y, eps) {
    const lambda = (sigma) => -Math.log(sigma);
    let past = [], start = null; // cleaned points with their λ, newest first; where the last step began
    const moved = (at, from, to, h, slopes) => at.map((v, k) => (to / from) * v - Math.expm1(-h) * (past[0].clean[k] + slopes(k)));
    const slope = (k, h) => (past[1].clean[k] - past[0].clean[k]) * h / (past[1].at - past[0].at);
    return walk(sigmas, y, (from, to, here, i) => {
      const clean = cleaned(here, from, eps);
      let corrected = here;
      if (i > 0) {
        const h = lambda(from) - past[0].at, phi = Math.expm1(-h) / -h - 1, [b1, b2] = [phi, 2 * (phi / -h - 0.5)].map((b) => b / Math.expm1(-h));
        const older = past.length > 1 ? (b1 - b2) / (1 - (past[1].at - past[0].at) / h) : 0, newer = past.length > 1 ? b1 - older : 0.5;
        corrected = moved(start, sigmas[i - 1], from, h, (k) => (older && older * slope(k, h)) + newer * (clean[k] - past[0].clean[k]));
      }
      past = [{ clean, at: lambda(from) }, ...past].slice(0, 2);
      start = corrected;
      if (!to) return clean;
      const h = lambda(to) - lambda(from), second = past.length > 1 && i < sigmas.length - 2;
      return moved(corrected, from, to, h, (k) => (second ? slope(k, h) / 2 : 0));
    });
  },
};

function cleaned(y, sigma, eps) {
  const noise = eps(y, sigma);
  return y.map((v, k) => v - sigma * noise[k]);
}

function walk(sigmas, y, step) {
  const path = [y];
  for (let i = 0; i + 1 < sigmas.length; i++) path.push(step(sigmas[i], sigmas[i + 1], path.at(-1), i));
  return { path, calls: sigmas.length - 1 };
}

// The exact solution: Runge-Kutta of fourth order, uniform in σ^(1/7), then x̂0 at the least σ.
function exactEnd(high, low, steps, y, eps) {
  const first = high ** (1 / 7), width = (low ** (1 / 7) - first) / steps;
  const slope = (root, at) => eps(at, root ** 7).map((e) => 7 * root ** 6 * e);
  const moved = (at, by, k) => at.map((v, i) => v + by * k[i]);
  for (let i = 0; i < steps; i++) {
    const root = first + i * width, half = root + width / 2;
    const k1 = slope(root, y), k2 = slope(half, moved(y, width / 2, k1)), k3 = slope(half, moved(y, width / 2, k2)), k4 = slope(root + width, moved(y, width, k3));
    y = y.map((v, j) => v + (width / 6) * (k1[j] + 2 * k2[j] + 2 * k3[j] + k4[j]));
  }
  return cleaned(y, low, eps);
}

// Standard normal numbers that stay the same: mulberry32 and Box-Muller.
function normals(count, seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
  return Float64Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}
