// The attention laboratory. Everything here works on data that has already arrived.
const root = find('laboratory'), canvas = find('picture'), paint = canvas.getContext('2d');
const range = find('range'), select = find('head'), count = element.querySelector('.best input');
const MOST = 8, SUMMED = 'summed', ALL = 'all', BEST = 'best', RELATIVE = 'relative', ABSOLUTE = 'absolute';
const P = Float32Array.from({ length: 256 }, (_, code) => (code / 255) ** 2);

let run = null, branch = null;
let pinned = new Set(), hovered = null, last = null;  // columns: start, words …, between, end, padding
let box = null, drag = null, boxing = false;          // {x0, y0, x1, y1} in 0 … 1; a spot has no size
let worked = null;       // [x, y] of the position that was worked out last
let level = SUMMED, scale = RELATIVE, playing = null, shown = 0;

const span = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
const inside = (v) => Math.min(Math.max(v, 0), 0.999);

// ---- drawing -------------------------------------------------------------------------------
function draw() {
  if (!run) return;
  const step = +range.value, ended = step >= run.previews.length;
  paint.imageSmoothingEnabled = true;
  paint.imageSmoothingQuality = 'high';
  paint.drawImage(ended ? run.picture : run.previews[step], 0, 0, canvas.width, canvas.height);
  find('readout').textContent = ended ? summed() : `${moment(step)}: predicted final picture (x̂0), maps of this step.`;
  const lit = [...new Set(hovered === null ? pinned : [...pinned, hovered])].sort((a, b) => a - b);
  find('words').querySelectorAll('button').forEach((b) => {
    b.classList.toggle('lit', lit.includes(+b.dataset.column));
    b.setAttribute('aria-pressed', pinned.has(+b.dataset.column));
  });
  find('masses').childNodes.forEach((bar, i) => bar.classList.toggle('now', branch.steps[i] === step));
  const steps = chosenSteps();
  if (!steps.length || !branch.levels.length) {
    hint('These rows were not computed at this step: guidance did not need them.');
    return find('ranking').replaceChildren();
  }
  const raw = mapsAt(steps), maps = scaled(raw, steps);
  if (lit.length) shade(lit.some((k) => Object.values(sinks()).includes(k)) ? raw : refined(maps, ended), lit);
  else hint(branch.words.length ? 'Hover or tap words to see their pixels; Shift takes a phrase.' : 'No words here: only start, end and padding can be attended to.');
  rank(maps);
  if (worked) mark(worked);
}

// How the finished picture's maps are summed and, where that was measured, what it is worth.
function summed() {
  const { text, claim } = run.summing;
  if (level !== SUMMED) return 'Finished: maps are the mean of all steps.';
  const measured = claim && select.value === ALL && scale === RELATIVE && branch === run.branches[0] && branch.words.length;
  return `${text} ${measured ? claim : claim ? 'What maps of this choice are worth was not measured.' : 'What these maps are worth was not measured.'}`;
}

// What is shown, with the colour bar; its whole text if there is no room for it.
function hint(text, low, high) {
  Object.assign(find('hint'), { textContent: text, title: text });
  showBar(low, high);
}

// The summing that was measured best carries a finished picture’s maps along its edges; cached.
let fine = {};
function refined(maps, ended) {
  if (level !== SUMMED || scale === ABSOLUTE || !ended || !branch.words.length || !run.summing.edges) return maps;
  const key = [select.value, count.value, select.value === BEST ? [...pinned] : ''].join();
  if (fine.key !== key || fine.branch !== branch) fine = { key, branch, maps: alongEdges(maps, run.picture, run.summing.edges) };
  return fine.maps;
}

function mark([x, y]) {
  for (const [width, colour] of [[5, 'black'], [2.5, 'white']]) {
    paint.lineWidth = width;
    paint.strokeStyle = colour;
    paint.beginPath();
    paint.arc(x * canvas.width, y * canvas.height, 8, 0, 2 * Math.PI);
    paint.stroke();
  }
}

const named = (k) => (k >= 1 && k <= branch.words.length ? branch.words[k - 1].text : Object.entries(sinks()).find(([, c]) => c === k)?.[0]);

// The chosen words' share: between its own extremes, or from 0 to the largest of all words.
function shade({ h, w, maps }, lit) {
  const sum = new Float32Array(h * w);
  for (const k of lit) maps[k].forEach((v, i) => { sum[i] += v; });
  const most = Math.max(...sum), least = Math.min(...sum);
  const [low, high] = scale === ABSOLUTE ? [0, Math.max(most, reach())] : [least, most];
  lay(paint, sum, h, w, low, high);
  const raw = scale === ABSOLUTE || lit.some((k) => k < 1 || k > branch.words.length);
  const share = raw ? 'share of all attention' : `share of the words’ attention${level === SUMMED ? ', grids combined' : ''}`;
  hint(`“${lit.map(named).join(' + ')}”: ${share}${scale === ABSOLUTE ? `, at most ${attended(most)} here; one scale for all words` : ''}.`, low, high);
}

// The highest probability of any word at any step: the shared scale's end.
function reach() {
  return Math.max(...branch.steps.map((_, s) => Math.max(...wordColumns().map((k) => Math.max(...mapsAt([s]).maps[k])))), 1e-9);
}

function rank({ h, w, maps }) {
  const ranking = find('ranking');
  ranking.replaceChildren();
  find('clear').classList.toggle('idle', !box);
  if (!box) {
    find('where').textContent = '';
    return ranking.append(make('p', 'Point at the picture, or use the arrow keys, to rank a position’s words; drag for a box.', 'hint'));
  }
  const x0 = Math.floor(box.x0 * w), y0 = Math.floor(box.y0 * h), x1 = Math.floor(box.x1 * w), y1 = Math.floor(box.y1 * h);
  const cw = canvas.width / w, ch = canvas.height / h, frame = [x0 * cw, y0 * ch, (x1 - x0 + 1) * cw, (y1 - y0 + 1) * ch];
  paint.lineWidth = 4; paint.strokeStyle = 'black'; paint.strokeRect(...frame);
  paint.lineWidth = 2; paint.strokeStyle = 'white'; paint.strokeRect(...frame);
  const places = span(y0, y1 + 1).flatMap((y) => span(x0, x1 + 1).map((x) => y * w + x));
  find('where').textContent = places.length > 1 ? `Box of ${y1 - y0 + 1}×${x1 - x0 + 1} positions of ${h}×${w}` : `Row ${y0 + 1}, column ${x0 + 1} of ${h}×${w}`;
  const shares = wordColumns().map((k) => places.reduce((sum, i) => sum + maps[k][i], 0) / places.length);
  if (scale === ABSOLUTE) {
    const every = branch.words.map(({ text }, k) => [text, shares[k]]).sort((a, b) => b[1] - a[1]);
    return listWords(every.slice(0, MOST), '', Math.max(...shares, 1e-9));
  }
  const { rows, aside } = ranked(branch.words, shares);
  listWords(rows.slice(0, MOST), aside);
}

// Start, words, end and padding: the mean over positions and heads, a bar per step.
function showMasses() {
  const l = parts()[0], n = l.h * l.w, { end, padding } = sinks();
  const rows = branch.steps.map((step, s) => {
    const maps = mean(l, [s], chosenHeads(l, [s])), of = (k) => (k < l.columns ? maps.subarray(k * n, (k + 1) * n).reduce((a, b) => a + b, 0) / n : 0);
    const mass = [of(0), 0, of(end), of(padding)], whole = span(0, l.columns).reduce((a, k) => a + of(k), 0);
    mass[1] = whole - mass[0] - mass[2] - mass[3];
    // In joint attention the image attends to itself too; else codes are rounded.
    return { step, mass: run.joint ? [...mass, Math.max(0, 1 - whole)] : mass.map((m) => m / whole) };
  });
  const names = ['start', 'words', 'end', 'padding', ...(run.joint ? ['the image itself'] : [])], style = ['start', 'said', 'end', 'padding', 'image'];
  find('masses').replaceChildren(...rows.map(({ step, mass }) => {
    const bar = make('div');
    bar.title = `${moment(step)}: ` + mass.map((m, i) => `${names[i]} ${attended(m)}`).join(', ');
    mass.forEach((m, i) => { const part = make('div', '', style[i]); part.style.flex = m; bar.append(part); });
    bar.onclick = () => { stop(); range.value = step; draw(); };
    return bar;
  }));
  const all = names.map((_, i) => rows.reduce((a, r) => a + r.mass[i], 0) / Math.max(1, rows.length));
  find('masses').setAttribute('aria-label', 'Attention per step on ' + all.map((m, i) => `${names[i]} ${attended(m)}`).join(', '));
  const colours = ['#94a3b8', 'var(--color-accent)', '#cbd5e1', '#64748b', '#0d9488'];
  const text = run.joint ? `, text ${attended(1 - all[4])}` : '';
  find('legend').replaceChildren(make('b', `All attention at ${l.h}×${l.w}${text}, per step:`), ...all.map((m, i) => {
    const entry = make('span', `${names[i]} ${attended(m)}`);
    entry.style.setProperty('--swatch', colours[i]);
    return entry;
  }));
}

const redraw = () => { showMasses(); draw(); };

// ---- what the visitor does -----------------------------------------------------------------
function chips() {
  const marks = [...branch.words.map((word, i) => [word.text, i + 1, word.known ? '' : 'unknown']), ...Object.entries(sinks()).map(([text, k]) => [text, k, 'special'])];
  const columns = branch.levels[0]?.columns ?? 0;
  find('words').replaceChildren(...marks.filter(([, k]) => k < columns).map(([text, k, cls]) => {
    const chip = Object.assign(make('button', text, cls), { type: 'button' });
    chip.dataset.column = k;
    if (cls === 'unknown') chip.title = 'The model has never seen this word.';
    const over = (on) => () => { hovered = on ? k : null; draw(); };
    chip.onpointerenter = (e) => { if (e.pointerType === 'mouse') over(true)(); };
    chip.onpointerleave = chip.onblur = over(false);
    chip.onfocus = () => { if (chip.matches(':focus-visible')) over(true)(); };
    chip.onclick = (e) => {
      if (e.shiftKey && last !== null) span(Math.min(last, k), Math.max(last, k) + 1).forEach((c) => pinned.add(c));
      else if (!pinned.delete(k)) pinned.add(k);
      last = k;
      if (select.value === BEST) redraw(); else draw();
    };
    return chip;
  }));
}

function radios(name, choices, chosen, choose) {
  const group = name + Math.random().toString(36).slice(2), box = find(name);
  box.hidden = choices.length < 2;
  box.replaceChildren(box.firstElementChild, ...choices.map(([value, text]) => {
    const label = make('label'), input = Object.assign(make('input'), { type: 'radio', name: group, checked: value === chosen });
    input.onchange = () => { choose(value); redraw(); };
    label.append(input, make('span', text));
    return label;
  }));
}

function headChoices() {
  const most = Math.min(...parts().map((l) => l.heads)), before = select.value;
  const options = [[ALL, 'all heads'], [BEST, 'the most localised …']];
  if (level !== SUMMED) {
    const l = branch.levels[level], each = l.heads / l.layers.length;
    span(0, l.heads).forEach((i) => options.push([String(i), `${l.layers[Math.floor(i / each)]}, head ${(i % each) + 1}`]));
  }
  select.replaceChildren(...options.map(([value, text]) => Object.assign(make('option', text), { value })));
  select.value = options.some(([value]) => value === before) ? before : ALL;
  find('heads').hidden = most < 2;
  count.max = most;
  showCount();
}
function showCount() {
  find('best').hidden = select.value !== BEST;
  find('best').firstElementChild.textContent = `${count.value} of ${count.max}`;
}
select.onchange = () => { showCount(); redraw(); };
count.oninput = () => { showCount(); redraw(); };

function useBranch(next) {
  branch = next;
  pinned = new Set(); hovered = last = null;
  if (level !== SUMMED && level >= branch.levels.length) level = SUMMED;
  find('ranking').style.setProperty('--rows', Math.min(MOST, branch.words.length));
  chips();
  radios('levels', [[SUMMED, run.summing.claim ? 'best measured' : 'grids combined'], ...branch.levels.map((l, i) => [i, `${l.h}×${l.w}`])], level, (v) => { level = v; headChoices(); });
  headChoices();
}

const at = (event) => {
  const frame = canvas.getBoundingClientRect();
  return [inside((event.clientX - frame.left) / frame.width), inside((event.clientY - frame.top) / frame.height)];
};
const between = ([a, b], [c, d]) => ({ x0: Math.min(a, c), y0: Math.min(b, d), x1: Math.max(a, c), y1: Math.max(b, d) });
const sized = () => box && (box.x1 - box.x0 > 0.02 || box.y1 - box.y0 > 0.02);
canvas.onpointerdown = (event) => {
  if (event.pointerType === 'mouse' || boxing) canvas.setPointerCapture(event.pointerId);
  drag = at(event);
  box = between(drag, drag);
  draw();
};
canvas.onpointermove = (event) => {
  if (drag && (event.pointerType === 'mouse' || boxing)) box = between(drag, at(event));
  else if (!sized()) box = between(at(event), at(event));
  else return;
  draw();
};
canvas.onpointerup = () => { if (drag && !sized()) workOut(drag); drag = null; };
canvas.onpointercancel = () => { drag = null; };
canvas.onpointerleave = (event) => { if (event.pointerType === 'mouse' && !sized() && !drag) { box = null; draw(); } };
canvas.onkeydown = (event) => {
  if (!run || !branch.levels.length) return;
  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.key === 'Escape') box = null;
  else if (event.key === 'Enter' && box) return workOut([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2]);
  else if (!move) return;
  else {
    const { h, w } = parts()[0], b = box ?? { x0: 0.5, y0: 0.5, x1: 0.5, y1: 0.5 }, by = [move[0] / w, move[1] / h];
    const x1 = inside(b.x1 + by[0]), y1 = inside(b.y1 + by[1]);
    box = event.shiftKey ? between([b.x0, b.y0], [x1, y1]) : { x0: x1, y0: y1, x1, y1 };
    event.preventDefault();
  }
  draw();
};
find('box').onclick = () => {
  boxing = !boxing;
  find('box').setAttribute('aria-pressed', boxing);
  canvas.classList.toggle('boxing', boxing);
};
find('clear').onclick = () => { box = null; draw(); };

// Asks for the computation at a position; past the last step, that of the last.
function workOut(place) {
  if (!run.link) return;
  const step = Math.min(+range.value, run.previews.length - 1), [x, y] = place;
  worked = place;
  draw();
  trigger('place', { link: run.link, step, x, y });
}

function stop() { clearInterval(playing); playing = null; find('play').textContent = '▶'; }
range.oninput = () => { stop(); draw(); };
range.onchange = () => { if (worked) workOut(worked); };
find('play').onclick = () => {
  if (playing) return stop();
  if (+range.value >= +range.max) range.value = 0;
  find('play').textContent = '❚❚';
  playing = setInterval(() => { range.value = +range.value + 1; draw(); if (+range.value >= +range.max) stop(); }, 150);
};
element.querySelectorAll('.keep a').forEach((link) => {
  link.onclick = (event) => { event.preventDefault(); trigger('keep', { kind: link.dataset.kind, link: run?.link, overlay }); };
});

function figureOf({ text, image }) {
  const figure = make('figure'), picture = Object.assign(make('img'), { src: image, alt: '' });
  figure.append(picture, make('figcaption', text));
  return figure;
}

async function showFinished(value, ticket) {
  const image = await imageOf(value.png);
  if (ticket !== shown) return;
  stop();
  const levels = (b) => b.levels.map((l) => ({ ...l, codes: bytes(l.codes) }));
  run = { ...value, picture: image, previews: value.previews.map(bitmap), branches: value.branches.map((b) => ({ ...b, levels: levels(b) })) };
  const size = 512 / Math.max(value.height, value.width);
  canvas.width = Math.round(value.width * size);
  canvas.height = Math.round(value.height * size);
  range.max = run.previews.length;
  range.value = range.max;
  box = worked = null;
  root.classList.remove('empty');
  useBranch(run.branches[0]);
  radios('scales', [[RELATIVE, 'relative'], [ABSOLUTE, 'shared, absolute']], scale, (v) => { scale = v; });
  radios('branches', run.branches.map((b) => [b, b.name]), branch, useBranch);
  find('keep').hidden = !run.link;
  find('stills').replaceChildren(...(value.stills ?? []).map(figureOf));
  find('notes').replaceChildren(...value.notes.map((note) => make('li', note)));
  say(value.text);
  redraw();
  element.dataset.ready = ticket;
  tellOf(run.link);
}

function show() {
  const value = props.value;
  root.classList.toggle('empty', !run);
  if (!value || !value.kind || late(value)) return;
  shown += 1;
  if (value.kind === 'finished') showFinished(value, shown);
  else say(value.text, value.error, value.share);
}
offerOverlays(draw);
watch('value', show);
show();
