// Reads the recorded maps: of the chosen steps and heads, on one grid or summed.
const wordColumns = () => span(1, branch.words.length + 1);
const sinks = () => ({ start: 0, end: branch.words.length + 2, padding: branch.words.length + 3 });
// Indices of the chosen step among the recorded ones; past the last step, all of them.
function chosenSteps() {
  if (+range.value >= run.previews.length) {
    const settled = span(0, branch.steps.length).filter((s) => run.summing.calls.includes(branch.steps[s]));
    return level === SUMMED && settled.length ? settled : span(0, branch.steps.length);
  }
  const at = branch.steps.indexOf(+range.value);
  return at < 0 ? [] : [at];
}

// Mean probabilities [columns·h·w] over some steps and heads of a level; kept for reuse.
function mean(l, steps, heads) {
  const key = steps.join() + '|' + heads.join(), size = l.columns * l.h * l.w;
  l.kept ??= new Map();
  if (l.kept.has(key)) return l.kept.get(key);
  const out = new Float32Array(size), share = 1 / Math.max(1, steps.length * heads.length);
  for (const s of steps) for (const head of heads) {
    const from = (s * l.heads + head) * size;
    for (let i = 0; i < size; i++) out[i] += P[l.codes[from + i]] * share;
  }
  if (l.kept.size > 1500) l.kept.clear();
  l.kept.set(key, out);
  return out;
}

// 1 − entropy/log n of a head’s map of the chosen words: 0 if uniform, 1 if at a single position.
function localisation(l, steps, head) {
  const maps = mean(l, steps, [head]), n = l.h * l.w, columns = pinned.size ? [...pinned] : wordColumns();
  let score = 0;
  for (const k of columns) {
    const map = maps.subarray(k * n, (k + 1) * n), sum = map.reduce((a, b) => a + b, 0);
    let entropy = 0;
    for (const p of map) if (p > 0) entropy -= (p / sum) * Math.log(p / sum);
    score += (1 - entropy / Math.log(n)) / columns.length;
  }
  return score;
}

function chosenHeads(l, steps) {
  const every = span(0, l.heads);
  if (select.value === BEST) {
    const scores = every.map((head) => localisation(l, steps, head));
    return every.sort((a, b) => scores[b] - scores[a]).slice(0, +count.value).sort((a, b) => a - b);
  }
  return select.value === ALL || level === SUMMED ? every : [+select.value];
}

// The levels in use: one, or those of the summing that was measured best.
const parts = () => (level === SUMMED ? branch.levels.slice(0, run.summing.weights.length) : [branch.levels[level]]);

// {h, w, maps: [columns][h·w]} for the given steps, on the finest grid in use.
function mapsAt(steps) {
  const used = parts(), { h, w, columns } = used[0], n = h * w;
  const means = used.map((l) => mean(l, steps, chosenHeads(l, steps)));
  if (used.length === 1) return { h, w, maps: span(0, columns).map((k) => means[0].subarray(k * n, (k + 1) * n)) };
  const maps = span(0, columns).map((k) => {
    const out = new Float32Array(n);
    used.forEach((l, j) => {
      const size = l.h * l.w, map = means[j].subarray(k * size, (k + 1) * size);
      for (let i = 0; i < n; i++) out[i] += sample(map, l.h, l.w, ((i % w) + 0.5) / w, (Math.floor(i / w) + 0.5) / h) / used.length;
    });
    return out;
  });
  return { h, w, maps };
}

// Relative: shares among words alone at each position. Absolute: the probabilities themselves.
function scaled(raw, steps) {
  if (scale === ABSOLUTE) return raw;
  if (level !== SUMMED || !branch.words.length) return shared(raw);
  const each = branch.levels.map((l) => {
    const all = mean(l, steps, chosenHeads(l, steps)), n = l.h * l.w;
    const { maps } = shared({ h: l.h, w: l.w, maps: span(0, l.columns).map((k) => all.subarray(k * n, (k + 1) * n)) });
    return { h: l.h, w: l.w, maps: wordColumns().map((k) => maps[k]) };
  });
  const { h, w, maps } = product(each, run.summing.weights), none = new Float32Array(h * w);
  return { h, w, maps: [none, ...maps, none, none, none] };
}

function shared({ h, w, maps }) {
  const total = new Float32Array(h * w);
  for (const k of wordColumns()) maps[k].forEach((p, i) => { total[i] += p; });
  return { h, w, maps: maps.map((map) => map.map((p, i) => p / Math.max(total[i], 1e-12))) };
}

// What a step is called.
const moment = (step) => run.moments?.[step] ?? `Step ${step + 1} of ${run.previews.length}`;
