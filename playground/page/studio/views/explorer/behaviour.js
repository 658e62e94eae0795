// The word explorer. Everything here works on data that has already arrived.
const canvas = find('picture'), paint = canvas.getContext('2d');
const range = element.querySelector('.scrub input'), readout = element.querySelector('.scrub output');
const MOST = 6, FULL = 65535, BEST = 'best', MASSES = ['start', 'words', 'end', 'padding'];

let run = null;          // the finished run: words, levels with Float32 shares, previews, picture
let pinned = new Set();  // indices of words that were clicked
let hovered = null;      // index of the word under the pointer or focus
let spot = null;         // [x, y] in 0 … 1 on the picture
let level = BEST, playing = null, drawn = 0;
let sampled = null, ignored = null;  // names of the run being sampled, and of the one stopped
let last = null, idle = true;         // what was finished last; whether nothing is being drawn
let going = null;                     // the step and the words of the next picture that is shown
let newest = 0;                       // when what is shown was asked for, if it was while typing

function fit(height, width) {
  const scale = 512 / Math.max(height, width);
  if (canvas.width !== width * scale || canvas.height !== height * scale) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
}

// ---- reading the maps ----------------------------------------------------------------------
// Shares of one level [words][h·w], of the chosen step, or at the end the mean of some steps.
function sharesOf(l, steps) {
  const words = run.words.length, cells = l.h * l.w, step = +range.value;
  if (step < l.steps) return Array.from({ length: words }, (_, k) => l.shares.subarray((step * words + k) * cells, (step * words + k + 1) * cells));
  return Array.from({ length: words }, (_, k) => {
    const sum = new Float32Array(cells);
    for (const s of steps) for (let i = 0; i < cells; i++) sum[i] += l.shares[(s * words + k) * cells + i] / steps.length;
    return sum;
  });
}

// {h, w, maps: [words][h·w]} of the chosen level; the summing that was measured best takes all of them. Cached.
function current() {
  const key = level + ' ' + range.value;
  if (!run.kept.has(key)) {
    const every = Array.from({ length: run.previews.length }, (_, s) => s), { calls, weights } = run.summing;
    if (level !== BEST) run.kept.set(key, { ...run.levels[level], maps: sharesOf(run.levels[level], every) });
    else run.kept.set(key, product(run.levels.map((l) => ({ ...l, maps: sharesOf(l, calls) })), weights));
  }
  return run.kept.get(key);
}

// The same on the picture’s pixels, for the finished picture and the best summing.
function refined(maps) {
  if (level !== BEST || !finished() || !run.summing.edges) return maps;
  run.fine ??= alongEdges(maps, run.picture, run.summing.edges);
  return run.fine;
}
const finished = () => +range.value >= run.previews.length;

// ---- drawing -------------------------------------------------------------------------------
function draw() {
  if (!run) return;
  const step = +range.value, picture = step < run.previews.length ? run.previews[step] : run.picture;
  paint.imageSmoothingEnabled = true;
  paint.imageSmoothingQuality = 'high';
  paint.drawImage(picture, 0, 0, canvas.width, canvas.height);
  readout.textContent = step < run.previews.length ? ` ${step + 1} of ${run.previews.length} (predicted final picture, x̂0)` : level === BEST ? `: finished (${run.summing.claim ? 'maps summed as measured best' : 'maps of settled steps, grids combined'})` : ': finished (maps are the mean of all steps)';
  const lit = [...new Set(hovered === null ? pinned : [...pinned, hovered])];
  element.querySelectorAll('.words button').forEach((b, k) => b.classList.toggle('lit', lit.includes(k)));
  if (!run.levels.length) {  // no word was read
    hint('');
    return find('ranking').replaceChildren();
  }
  const maps = current();
  if (lit.length) shade(refined(maps), lit);
  else hint('Hover or tap a word to see its pixels.');
  rank(maps);
  showMass();
}

// The chosen words' share, between its own extremes.
function shade({ h, w, maps }, lit) {
  const sum = new Float32Array(h * w);
  for (const k of lit) maps[k].forEach((v, i) => { sum[i] += v; });
  const high = Math.max(...sum), low = Math.min(...sum);
  lay(paint, sum, h, w, low, high);
  hint(`“${lit.map((k) => run.words[k].text).join(' + ')}”: share of the words’ attention${level === BEST ? ', grids combined' : ''}.`, low, high);
}

// What is shown, with the colour bar; its whole text if there is no room for it.
function hint(text, low, high) {
  Object.assign(find('hint'), { textContent: text, title: text });
  showBar(low, high);
}

function rank({ h, w, maps }) {
  const ranking = find('ranking');
  ranking.replaceChildren();
  if (!spot) return ranking.append(make('p', 'Point at the picture, or use the arrow keys, to rank a position’s words.', 'hint'));
  const x = Math.min(Math.floor(spot[0] * w), w - 1), y = Math.min(Math.floor(spot[1] * h), h - 1);
  const cw = canvas.width / w, ch = canvas.height / h;
  paint.lineWidth = 4; paint.strokeStyle = 'black'; paint.strokeRect(x * cw, y * ch, cw, ch);
  paint.lineWidth = 2; paint.strokeStyle = 'white'; paint.strokeRect(x * cw, y * ch, cw, ch);
  const { rows, aside } = ranked(run.words, maps.map((map) => map[y * w + x]));
  listWords(rows.slice(0, MOST), aside);
}

// Where all attention goes. In joint attention the image attends to itself too.
function showMass() {
  const l = run.levels[level === BEST ? 0 : level], step = +range.value;
  const rows = step < l.steps ? [l.masses[step]] : l.masses, box = find('mass');
  const mass = MASSES.map((_, i) => rows.reduce((a, r) => a + r[i], 0) / rows.length), text = mass.reduce((a, b) => a + b);
  const names = run.joint ? [...MASSES, 'the image itself'] : MASSES;
  if (run.joint) mass.push(Math.max(0, 1 - text));
  const track = make('div', '', 'track');
  mass.forEach((m) => { const part = make('div'); part.style.width = m * 100 + '%'; track.append(part); });
  const lead = run.joint ? `Of all attention at ${l.h}×${l.w} the text gets ${attended(text)}: ` : `All attention at ${l.h}×${l.w}: `;
  box.replaceChildren(make('span', lead), track, make('span', mass.map((m, i) => `${names[i]} ${attended(m)}`).join(' · ')));
}

// What the oracle sees in the finished picture.
function showVerdict(verdict) {
  const box = find('verdict'), [said, about] = box.querySelectorAll('p');
  box.hidden = !verdict;
  if (!verdict) return;
  box.classList.toggle('right', verdict.right === true);
  box.classList.toggle('wrong', verdict.right === false);
  said.replaceChildren(...verdict.parts.flatMap(([name, text]) => [make('b', name), `: ${text}. `]));
  if (verdict.reason) said.textContent = verdict.reason;
  about.textContent = verdict.accuracy;
}

// ---- what the visitor does -----------------------------------------------------------------
function chips(words) {
  find('words').replaceChildren(...words.map((word, k) => {
    const chip = make('button', word.text, word.known ? '' : 'unknown');
    chip.type = 'button';
    chip.title = word.known ? '' : 'The model has never seen this word.';
    chip.setAttribute('aria-pressed', 'false');
    const over = (on) => () => { hovered = on ? k : null; draw(); };
    chip.onpointerenter = (e) => { if (e.pointerType === 'mouse') over(true)(); };
    chip.onpointerleave = chip.onblur = over(false);
    chip.onfocus = () => { if (chip.matches(':focus-visible')) over(true)(); };
    chip.onclick = () => {
      if (!pinned.delete(k)) pinned.add(k);
      chip.setAttribute('aria-pressed', pinned.has(k));
      draw();
      tellPlace();
    };
    return chip;
  }));
}

function radios() {
  const choices = [[BEST, run.summing.claim ? 'best measured' : 'grids combined'], ...run.levels.map((l, i) => [i, `${l.h}×${l.w}`])];
  const group = 'level-' + Math.random().toString(36).slice(2);
  find('levels').replaceChildren(...choices.map(([value, text]) => {
    const label = make('label'), input = Object.assign(make('input'), { type: 'radio', name: group, checked: value === level });
    input.onchange = () => { level = value; draw(); };
    if (value === BEST) label.title = [run.summing.text, run.summing.claim].join(' ').trim();
    label.append(input, make('span', text));
    return label;
  }));
}

function point(event) {
  const box = canvas.getBoundingClientRect();
  spot = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((v) => Math.min(Math.max(v, 0), 0.999));
  if (run) draw();
}
canvas.onpointermove = canvas.onpointerdown = point;
canvas.onpointerleave = (event) => { if (event.pointerType === 'mouse') { spot = null; draw(); } };
canvas.onkeydown = (event) => {
  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.key === 'Escape') spot = null;
  else if (!move || !run || !run.levels.length) return;
  else {
    const { h, w } = run.levels[level === BEST ? 0 : level], at = spot ?? [0.5, 0.5];
    spot = [at[0] + move[0] / w, at[1] + move[1] / h].map((v) => Math.min(Math.max(v, 0), 0.999));
    event.preventDefault();
  }
  draw();
};
range.oninput = () => { stop(); draw(); tellPlace(); };

// A link says where one is in the picture: its step and the chosen words.
const tellPlace = () => tell('place', { step: finished() ? null : +range.value + 1, words: [...pinned].map((k) => k + 1) });
function go({ step, words }) {
  going = null;
  if (step) range.value = step - 1;
  pinned = new Set(words.map((k) => k - 1).filter((k) => k in run.words));
  element.querySelectorAll('.words button').forEach((chip, k) => chip.setAttribute('aria-pressed', pinned.has(k)));
  draw();
  tellPlace();
}
document.addEventListener('playground:go', ({ detail }) => {
  going = detail;
  if (run && element.dataset.ready === String(drawn)) go(going);
});

function stop() { clearInterval(playing); playing = null; find('play').textContent = '▶'; }
find('play').onclick = () => {
  if (playing) return stop();
  if (CALM.matches) { range.value = range.max; draw(); return; }
  if (+range.value >= +range.max) range.value = 0;
  find('play').textContent = '❚❚';
  playing = setInterval(() => { range.value = +range.value + 1; draw(); if (+range.value >= +range.max) stop(); }, 120);
};

find('link').onclick = async (event) => {
  event.preventDefault();
  if (run) find('link').href = addressHere();
  history.replaceState(null, '', event.target.href);
  try {
    await navigator.clipboard.writeText(event.target.href);
    say('The link is on your clipboard and in the address bar.');
  } catch { say('The link is in the address bar.'); }
};

// ---- what arrives --------------------------------------------------------------------------
function showSampling(value) {
  run = null; spot = null; hovered = null; stop();
  showVerdict(null);
  showBar();
  fit(value.height, value.width);
  paint.imageSmoothingEnabled = true;
  paint.drawImage(bitmap(value.preview), 0, 0, canvas.width, canvas.height);
  advance(value.share);
  find('controls').hidden = find('keep').hidden = true;
  say(`Call ${value.step} of ${value.count}, about ${value.left} s left`, false, value.share);
}

// A picture that does not come has no words to point at; the one before it is shown again.
async function giveUp({ text, error }) {
  const ticket = drawn;
  if (last) await showFinished(last, ticket);
  else for (const name of ['words', 'hint', 'ranking', 'notes']) find(name).replaceChildren();
  if (ticket === drawn) say(last ? `${text} This is the picture before.` : text, error);
}

// With the step and the words that are chosen.
function addressHere() {
  const url = new URL(addressOf(run.link), location.href);
  if (!finished()) url.searchParams.set('step', +range.value + 1);
  if (pinned.size) url.searchParams.set('word', [...pinned].map((k) => k + 1).join(','));
  return url.pathname + url.search;
}

async function showFinished(value, ticket) {
  const image = await imageOf(value.png);
  if (ticket !== drawn) return;
  run = {
    ...value, kept: new Map(), picture: image, previews: value.previews.map(bitmap),
    levels: value.levels.map((l) => ({ ...l, shares: Float32Array.from(new Uint16Array(bytes(l.shares).buffer), (v) => v / FULL) })),
  };
  pinned = new Set(); hovered = spot = null;
  if (level !== BEST && level >= run.levels.length) level = BEST;
  fit(value.height, value.width);
  chips(run.words); radios();
  range.max = run.previews.length;
  range.value = range.max;
  advance(null);
  find('controls').hidden = find('keep').hidden = false;
  find('levels').hidden = find('mass').hidden = !run.levels.length;
  find('ranking').style.setProperty('--rows', Math.min(MOST, run.words.filter((word) => word.content).length || run.words.length));
  showVerdict(last.verdict);
  find('notes').replaceChildren(...value.notes.map((note) => make('li', note)));
  Object.assign(find('save'), { href: image.src, download: value.name });
  find('link').href = addressOf(value.link);
  say(value.text);
  draw();
  element.dataset.ready = ticket;
  if (going) go(going);
}

// Gradio hands over the last frame of a run twice, and a verdict may come after its picture; what has been chosen in it stays.
const again = (a, b) => ['png', 'text', 'notes'].every((name) => JSON.stringify(a[name]) === JSON.stringify(b[name]));

function show(value) {
  if (!value || !value.kind || late(value) || value.asked < newest) return;
  newest = value.asked ?? newest;
  if (run && last && value.kind === 'finished' && again(value, last)) {
    if (JSON.stringify(value.verdict) === JSON.stringify(last.verdict)) return;
    last = value;
    showVerdict(value.verdict);
    return tell('frame', value);
  }
  const stopped = value.kind === 'stopped', was = idle;
  idle = stopped || value.kind === 'finished' || !!value.error;
  if (stopped && was) return;  // there was nothing to stop
  drawn += 1;
  if (value.kind !== 'sampling' || value.run !== ignored) tell('frame', value);
  if (value.kind === 'sampling') {
    if (value.run !== ignored) showSampling(value);
    sampled = value.run;
  }
  else if (value.kind === 'finished') showFinished(last = value, drawn);
  else {
    if (stopped) ignored = sampled;
    if (!run && (stopped || value.error)) giveUp(value);
    advance(null);
    say(value.text, value.error);
  }
}
offerOverlays(draw);
shows(show);
