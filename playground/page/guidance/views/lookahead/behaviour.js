// The look-ahead. Everything here works on data that has already arrived.
const scale = find('scale'), step = find('step');
const CHARTS = [
  ['w of the step', (s) => s.scale, (s) => (+s.scale.toFixed(2)).toString()],
  ['Length of ε_c − ε_u', (s) => s.length, (s) => `${s.length.toPrecision(3)}, ${percent(s.share, 1)} of that of ε_u`],
  ['Angle between ε_u and ε_c', (s) => s.angle, (s) => s.angle.toFixed(1) + '°'],
];

let run = null;   // the finished run, its arrays unpacked
let bars = [];    // per chart: its readout and its bars

const floats = (text) => text && new Float32Array(bytes(text).buffer);
const shape = (tag, values) => {
  const el = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(values)) el.setAttribute(name, value);
  return el;
};

// Put h×w pixels on a canvas: colour(i) gives [r, g, b] in 0 … 255; the page scales it smoothly.
function put(canvas, h, w, colour) {
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const data = new ImageData(w, h);
  for (let i = 0; i < h * w; i++) data.data.set([...colour(i), 255], 4 * i);
  canvas.getContext('2d').putImageData(data, 0, 0);
}
const screen = (v) => Math.round((Math.min(Math.max(v, -1), 1) + 1) * 127.5);
const preview = (canvas, values) => put(canvas, run.h, run.w, (i) => [0, 1, 2].map((c) => screen(values[3 * i + c])));
const colours = (canvas, { h, w, rgb }) => { const from = bytes(rgb); put(canvas, h, w, (i) => from.subarray(3 * i, 3 * i + 3)); };
const gray = (canvas, { h, w }, values) => put(canvas, h, w, (i) => [values[i], values[i], values[i]]);

function draw() {
  if (!run) return;
  const now = run.steps[+step.value], w = +scale.value;
  find('scale-out').textContent = w;
  find('step-out').textContent = `${+step.value + 1} of ${run.steps.length}`;
  if (now.both) preview(find('picture'), now.cond.map((c, i) => now.uncond[i] + w * (c - now.uncond[i])));
  else colours(find('picture'), now.guided);
  find('said').textContent = now.both ? `U + ${w}·(C − U). The run itself took w = ${+now.scale.toFixed(2)} at this step.`
    : run.single || `At this step w = ${now.scale}, so only the branch ${now.scale === 0 ? 'without' : 'with'} words was computed: there is nothing to slide. `
      + 'For both branches choose a step inside the guidance interval, or draw with a w other than 0 and 1.';
}

function drawStep() {
  if (!run) return;
  const now = run.steps[+step.value];
  draw();
  scale.disabled = !now.both;
  find('both').hidden = !now.both;
  bars.forEach(({ out, rects, values, write }) => {
    rects.forEach((r, i) => r.classList.toggle('now', i === +step.value));
    out.textContent = values[+step.value] === undefined ? 'not computed' : write(now);
  });
  if (!now.both) return;
  preview(find('uncond'), now.uncond);
  preview(find('cond'), now.cond);
  colours(find('taken'), now.guided);
  find('taken-name').textContent = `this run: w = ${+now.scale.toFixed(2)}`;
  for (const name of ['uncond', 'cond', 'difference']) colours(find('noise-' + name), now.noises[name]);
  find('apart').textContent = now.length
    ? `ε_c: looks alike, but is ${percent(now.share, 1)} of ε_u’s length away`
    : 'ε_c: the same';
  find('gain').textContent = now.length
    ? `ε_c − ε_u, made ${now.noises.gain.toPrecision(2)} times stronger to be seen: its length is ${now.length.toPrecision(3)}`
    : 'ε_c = ε_u: both are given the same words, so w changes nothing';
  gray(find('map'), run, now.map);
  find('peak').textContent = `|ε_c − ε_u|: where guidance acts, up to ${now.peak.toPrecision(2)}`;
  drawWord();
}

function drawWord() {
  const word = run.words[+find('word').value], now = run.steps[+step.value];
  find('of-word').hidden = !word;
  if (!word || !now.both) return;
  const cells = word.h * word.w, map = word.maps.subarray(+step.value * cells, (+step.value + 1) * cells);
  const low = Math.min(...map), high = Math.max(...map);
  gray(find('word-map'), word, Array.from(map, (v) => (255 * (v - low)) / Math.max(high - low, 1)));
  find('alike').textContent = cells === run.h * run.w ? `r = ${correlation(map, now.map).toFixed(2)} with |ε_c − ε_u|` : '';
}

// Pearson's r of two maps of equal size.
function correlation(a, b) {
  const mean = (x) => x.reduce((s, v) => s + v, 0) / x.length, ma = mean(a), mb = mean(b);
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) { ab += (a[i] - ma) * (b[i] - mb); aa += (a[i] - ma) ** 2; bb += (b[i] - mb) ** 2; }
  return ab / Math.sqrt(Math.max(aa * bb, 1e-9));
}

function charts() {
  bars = CHARTS.map(([title, read, write]) => {
    const values = run.steps.map(read), high = Math.max(...values.filter((v) => v !== undefined), 1e-9);
    const box = make('div', title + ': ', 'chart'), out = make('b'), svg = shape('svg', { viewBox: `0 0 ${values.length} 1`, preserveAspectRatio: 'none' });
    const rects = values.map((v, i) => shape('rect', { x: i + 0.1, width: 0.8, y: 1 - (v ?? 0) / high, height: (v ?? 0) / high }));
    svg.append(...rects, shape('rect', { class: 'hit', width: values.length, height: 1 }));
    const go = (event) => {
      const box = svg.getBoundingClientRect(), at = ((event.clientX - box.left) / box.width) * values.length;
      step.value = Math.min(Math.max(Math.floor(at), 0), values.length - 1);
      drawStep();
    };
    svg.onpointerdown = go;
    svg.onpointermove = (event) => { if (event.buttons) go(event); };
    box.append(out, svg);
    return { box, out, rects, values, write };
  });
  find('charts').replaceChildren(...bars.map((b) => b.box));
}

scale.oninput = () => { scale.step = 0.1; draw(); };
step.oninput = () => { going = null; drawStep(); tell('place', { step: +step.value + 1 }); };
let going = null;  // the step of the next run that is shown
function go() {
  if (going) step.value = going - 1;
  going = null;
}
document.addEventListener('playground:go', ({ detail }) => {
  going = detail.step;
  if (run) { go(); drawStep(); going = detail.step; }
});
find('word').onchange = drawWord;

function show() {
  const value = props.value;
  if (!value || !value.steps) return;
  const steps = value.steps.map((s) => ({ ...s, uncond: floats(s.uncond), cond: floats(s.cond), map: s.map && bytes(s.map) }));
  run = { ...value, steps, words: value.words.map((word) => ({ ...word, maps: bytes(word.maps) })) };
  find('empty').hidden = true;
  find('all').hidden = false;
  find('word').replaceChildren(...run.words.map((word, i) => Object.assign(make('option', word.text), { value: i })));
  find('word').value = Math.min(1, run.words.length - 1);
  const third = Math.floor(steps.length / 3);
  step.max = steps.length - 1;
  step.value = [third, ...steps.keys()].find((i) => steps[i].both) ?? third;
  // A link's w may lie between those that can be slid to.
  scale.step = Math.round(10 * value.scale) / 10 === value.scale ? 0.1 : 'any';
  scale.value = value.scale;
  go();
  find('without').textContent = value.without;
  find('cost').textContent = value.text;
  find('notes').replaceChildren(...value.notes.map((note) => make('li', note)));
  charts();
  drawStep();
}
watch('value', show);
show();
