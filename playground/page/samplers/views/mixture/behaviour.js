// Everything is computed here, at every move of a slider. Panels show √ᾱ·y, so that both noise
// and points fit; the shade is the exact density of the chosen label at that noise.
const POINTS = 120, REACH = 3.4, SIDE = 560, CELLS = 70, EXACT_STEPS = 40, SECONDS = 2.5;
let world = null, shown = new Set(['ddim', 'heun', 'dpmpp_2m', 'euler_a']), runs = [], playing = null;

const start = normals(2 * POINTS, 7), fresh = [];
const z = (step) => (fresh[step] ??= normals(2 * POINTS, 1000 + step));

function grid() {
  const kind = world.kinds[+find('spacing').value];
  return kind.only ? kind.steps[kind.only] : kind.steps[+find('steps').value];
}

function compute() {
  const { sigmas } = grid(), eta = +find('eta').value, label = +find('label').value;
  const eps = guidedNoise(world, label, +find('scale').value), y = start.map((v) => v * sigmas[0]);
  const exact = exactEnd(sigmas[0], world.least, EXACT_STEPS, y, eps);
  runs = world.methods.filter((m) => shown.has(m.name)).map((method) => {
    const { path, calls } = METHODS[method.name](sigmas, y, eps, z, eta);
    const noisy = method.stochastic || (method.name === 'ddim' && eta > 0);
    return { ...method, noisy, path, calls, error: rms(path.at(-1), exact), inside: onBlobs(path.at(-1), label) };
  });
}

const rms = (a, b) => Math.sqrt(a.reduce((sum, v, k) => sum + (v - b[k]) ** 2, 0) / POINTS);

// Share of points within three spreads of a blob of the label.
function onBlobs(y, label) {
  let count = 0;
  for (let i = 0; i < y.length; i += 2) count += world.centres[label].some(([a, b]) => Math.hypot(y[i] - a, y[i + 1] - b) < 3 * world.spread);
  return count / POINTS;
}

const place = (x) => (SIDE / 2) * (1 + x / REACH);

function shade(brush, sigma, label) {
  const small = Object.assign(document.createElement('canvas'), { width: CELLS, height: CELLS }), ink = small.getContext('2d');
  const data = new ImageData(CELLS, CELLS), signal = 1 / Math.sqrt(1 + sigma * sigma), variance = (signal * world.spread) ** 2 + 1 - signal * signal;
  const density = Float64Array.from({ length: CELLS * CELLS }, (_, i) => {
    const x = REACH * (2 * ((i % CELLS) + 0.5) / CELLS - 1), y = REACH * (1 - 2 * (Math.floor(i / CELLS) + 0.5) / CELLS);
    return world.centres[label].reduce((sum, [a, b]) => sum + Math.exp(-((x - signal * a) ** 2 + (y - signal * b) ** 2) / (2 * variance)), 0);
  });
  const most = density.reduce((a, b) => Math.max(a, b));
  density.forEach((d, i) => data.data.set([99, 102, 241, (110 * d) / most], 4 * i));
  ink.putImageData(data, 0, 0);
  brush.imageSmoothingQuality = 'high';
  brush.drawImage(small, 0, 0, SIDE, SIDE);
}

function paint(panel, run) {
  const brush = panel.canvas.getContext('2d'), { sigmas } = grid(), moment = +find('moment').value * (run.path.length - 1);
  const before = Math.floor(moment), part = moment - before, dark = getComputedStyle(element).color;
  const sigmaOf = (i) => sigmas[Math.min(i, sigmas.length - 1)];
  const sigma = sigmaOf(before) + part * (sigmaOf(before + 1) - sigmaOf(before));
  const at = (i, k) => run.path[i][k] / Math.sqrt(1 + sigmaOf(i) ** 2);
  brush.clearRect(0, 0, SIDE, SIDE);
  shade(brush, sigma, +find('label').value);
  brush.strokeStyle = brush.fillStyle = dark;
  brush.lineWidth = 2;
  let outside = 0;
  for (let k = 0; k < 2 * POINTS; k += 2) {
    const here = [0, 1].map((d) => (part ? at(before, k + d) * (1 - part) + at(before + 1, k + d) * part : at(before, k + d)));
    brush.globalAlpha = 0.12;
    brush.beginPath();
    for (let i = 0; i <= before; i++) brush.lineTo(place(at(i, k)), place(-at(i, k + 1)));
    brush.lineTo(place(here[0]), place(-here[1]));
    brush.stroke();
    brush.globalAlpha = 0.9;
    brush.beginPath();
    brush.arc(place(here[0]), place(-here[1]), 4, 0, 7);
    brush.fill();
    if (Math.max(...here.map(Math.abs)) > REACH) outside++;
  }
  brush.globalAlpha = 1;
  const judged = run.noisy ? 'fresh noise: no single end point' : `${run.error.toPrecision(2)} from the exact ends`;
  panel.note.textContent = `${counted(run.calls, 'call')} · ${judged} · ${percent(run.inside)} on its blobs` + (outside ? ` · ${outside} points outside the frame` : '');
}

let panels = new Map();
function layOut() {
  panels = new Map(runs.map((run) => {
    const figure = make('figure'), canvas = Object.assign(make('canvas'), { width: SIDE, height: SIDE }), caption = make('figcaption'), note = make('span');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `Points that ${run.label} draws`);
    caption.append(make('b', run.label), note);
    figure.append(canvas, caption);
    return [run.name, { figure, canvas, note }];
  }));
  find('panels').replaceChildren(...[...panels.values()].map((p) => p.figure));
}

const draw = () => runs.forEach((run) => paint(panels.get(run.name), run));

function update() {
  const kind = world.kinds[+find('spacing').value];
  find('steps').disabled = !!kind.only;
  find('steps-out').textContent = kind.only ?? find('steps').value;
  find('scale-out').textContent = find('scale').value;
  find('eta-out').textContent = find('eta').value;
  find('note').textContent = kind.sentence + ' At η = 0 DDIM and Euler take the same steps; at η = 1 DDIM is Euler ancestral.';
  compute();
  if (runs.length !== panels.size || runs.some((run) => !panels.has(run.name))) layOut();
  moveTo(+find('moment').value);
}

function moveTo(moment) {
  find('moment').value = moment;
  find('moment-out').textContent = percent(moment);
  draw();
}

function play() {
  if (CALM.matches) { moveTo(+find('moment').value < 1 ? 1 : 0); return; }
  if (playing) { cancelAnimationFrame(playing); playing = null; find('play').textContent = '▶ Play'; return; }
  const begun = performance.now();
  find('play').textContent = '❚❚ Pause';
  const tick = (now) => {
    const share = Math.min((now - begun) / 1000 / SECONDS, 1);
    moveTo(share);
    if (share < 1) playing = requestAnimationFrame(tick);
    else { playing = null; find('play').textContent = '▶ Play'; }
  };
  playing = requestAnimationFrame(tick);
}

function show() {
  if (world || !props.value || !props.value.centres) return;
  world = props.value;
  find('spacing').replaceChildren(...world.kinds.map((kind, i) => Object.assign(make('option', kind.label), { value: i })));
  find('label').replaceChildren(...world.centres.map((_, i) => Object.assign(make('option', 'ABC'[i]), { value: i })));
  find('methods').replaceChildren(...world.methods.map((method) => {
    const chip = make('button', method.label);
    chip.type = 'button';
    chip.setAttribute('aria-pressed', shown.has(method.name));
    chip.onclick = () => {
      if (shown.has(method.name) && shown.size > 1) shown.delete(method.name); else shown.add(method.name);
      chip.setAttribute('aria-pressed', shown.has(method.name));
      update();
    };
    return chip;
  }));
  for (const name of ['steps', 'scale', 'eta', 'spacing', 'label']) find(name).oninput = update;
  find('moment').oninput = () => moveTo(+find('moment').value);
  find('play').onclick = play;
  element.querySelector('.mixture').hidden = false;
  update();
}
watch('value', show);
show();
