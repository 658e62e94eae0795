// Points in the plane, whose ε̂ is known in closed form, for the solvers of live/js/engine/solvers.js,
// which stand above. In y = x/√ᾱ and σ, as in Karras et al. 2022 (arXiv 2206.00364): a level has the
// signal 1 and the noise σ. Points are [x0, y0, x1, y1, …].

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
const METHODS = Object.fromEntries(Object.entries({ ...SOLVERS, euler_a: SOLVERS.ancestral }).map(([name, solve]) => [name, (sigmas, y, eps, z, eta) => {
  const path = [y], tools = { z: () => z(path.length - 1), eta, after: (points) => path.push(points) };
  return { path, calls: driven(solve(sigmas.map(levelOf), y, tools), eps).calls };
}]));

const levelOf = (sigma) => ({ signal: 1, noise: sigma, t: 0 });

// Answer a solver with ε̂ until it has ended.
function driven(solving, eps) {
  let asked = solving.next(), calls = 0;
  for (; !asked.done; calls++) {
    const { x, at } = asked.value, noise = eps(x, at.noise);
    asked = solving.next({ clean: x.map((v, k) => v - at.noise * noise[k]), noise });
  }
  return { end: asked.value, calls };
}

// pred_x0 at the end of the exact solution.
const exactEnd = (high, low, steps, y, eps) => driven(exact(high, low, steps, y, levelOf, { z: () => y }), eps).end;

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
