// The race. A lane is known by its link, which is its recipe; finished lanes are loaded once.
const replay = element.querySelector('.replay input'), wipe = element.querySelector('.wipe input'), gain = element.querySelector('.gain input');
const AXES = { sampler: 'sampler', count: 'steps', guidance: 'guidance w' };
const SIDE = 384, TICK = 120, FLICKER = 600;  // pixels; milliseconds a call and a picture

let data = null;              // the race that is shown
let run = null, ignored = null;  // names of the race that is running, and of the one stopped
let arrived = 0, joined = 0;    // numbers of the frame that came last, and of the one shown
let chosen = null;            // link of the lane whose recipe is shown
let mode = 'wipe', playing = null, flicker = null, flipped = false, latest = true;
const cards = new Map(), loaded = new Map(), stars = new Set();

const lanes = () => data.lanes;
const lane = (link) => lanes().find((l) => l.link === link);
const noun = () => (data.unit === 'calls' ? 'network call' : 'step'), unit = () => noun() + 's';
const names = { sampler: (l) => l.sampler, count: (l) => counted(l.count, noun()), guidance: (l) => `w = ${+l.guidance.toFixed(2)}` };
const differ = (axis) => new Set(lanes().map(names[axis])).size > 1;
const title = (l) => [names.sampler(l) + (l.stochastic ? ' ∿' : ''), counted(l.steps, 'step'), ...(differ('guidance') ? [names.guidance(l)] : [])].join(', ');
const page = () => (data.page === undefined ? location.pathname : data.page);

// ---- pictures --------------------------------------------------------------------------------
function load(l) {
  const key = l.link + l.state + l.call;
  if (!loaded.has(key)) {
    const entry = { previews: (l.previews ?? []).map(bitmap), image: null };
    entry.ready = l.png ? imageOf(l.png).then((image) => { entry.image = image; }) : Promise.resolve();
    loaded.set(key, entry);
  }
  return loaded.get(key);
}

// What a lane shows now: its picture, or the preview of the chosen call.
function shown(l) {
  const { previews, image } = l.pictures, call = latest ? Infinity : +replay.value;
  if (l.state !== 'finished') return previews.at(-1);
  return call >= l.calls ? image : previews[call - 1];
}
const atEnd = (l) => l.state === 'finished' && (latest || +replay.value >= l.calls);

function paint(canvas, image, [height, width], side) {
  const scale = side / Math.max(height, width), w = Math.round(width * scale), h = Math.round(height * scale);
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const brush = canvas.getContext('2d');
  brush.clearRect(0, 0, w, h);
  brush.imageSmoothingQuality = 'high';
  if (image) brush.drawImage(image, 0, 0, w, h);
}

// ---- the grid --------------------------------------------------------------------------------
function card(l) {
  if (cards.has(l.link)) return cards.get(l.link);
  const box = make('figure', '', 'card'), look = make('button', '', 'look'), star = make('button', '☆', 'star offline'), drop = make('button', '×', 'drop offline');
  for (const button of [look, star, drop]) button.type = 'button';
  look.append(make('canvas'));
  look.onclick = () => { choose(l.link); };
  star.onclick = () => { if (!stars.delete(l.link)) stars.add(l.link); draw(); };
  drop.onclick = () => { drop.disabled = true; trigger('drop', { link: l.link }); };
  box.append(look, star, drop, make('p', '', 'title'), make('p', '', 'cost'), make('p', '', 'note'));
  cards.set(l.link, box);
  return box;
}

function progress(l) {
  if (l.state === 'waiting') return 'waiting';
  if (l.state === 'ended') return [l.reason, l.call ? `preview of call ${l.call} of ${l.calls}` : ''].filter(Boolean).join('; ');
  if (l.state === 'sampling') return `preview of call ${l.call} of ${l.calls}` + (run ? '' : ', not finished');
  return atEnd(l) ? '' : `preview of call ${replay.value} of ${l.calls}`;
}

function refresh(l) {
  const box = card(l), going = run && ['waiting', 'sampling'].includes(l.state), said = (name) => box.querySelector('.' + name);
  paint(box.querySelector('canvas'), shown(l), l.size, 256);
  said('look').setAttribute('aria-label', `${title(l)}: show its recipe`);
  box.classList.toggle('unfinished', l.state !== 'finished');
  box.classList.toggle('chosen', l.link === chosen);
  said('star').setAttribute('aria-pressed', stars.has(l.link));
  said('star').setAttribute('aria-label', `Star ${title(l)}`);
  said('star').textContent = stars.has(l.link) ? '★' : '☆';
  said('drop').hidden = !going;
  if (!going) said('drop').disabled = false;
  said('drop').setAttribute('aria-label', `Cancel ${title(l)}`);
  said('title').textContent = title(l);
  said('cost').textContent = `${counted(l.calls, 'call')}, ${counted(l.rows, 'row')}` + (l.seconds === undefined ? '' : `, ${l.seconds.toFixed(2)}\u00a0s${l.kept ? ', kept' : ''}`);
  said('note').textContent = [l.note, progress(l)].filter(Boolean).join('; ');
}

// The two sides of the table, each a list of [name, axes]: of three axes the third joins the shorter.
function sides() {
  const rows = find('rows').value, columns = find('columns').value;
  const third = Object.keys(AXES).find((axis) => axis !== rows && axis !== columns);
  const values = (axis) => [...new Set(lanes().map(names[axis]))];
  const joins = !differ(third) ? null : values(rows).length <= values(columns).length ? rows : columns;
  const side = (axis) => {
    const name = axis === joins ? (l) => `${names[axis](l)}, ${names[third](l)}` : names[axis];
    const all = axis === joins ? values(axis).flatMap((one) => values(third).map((other) => `${one}, ${other}`)) : values(axis);
    return { name, all: all.filter((text) => lanes().some((l) => name(l) === text)) };
  };
  return [side(rows), side(columns)];
}

// One axis: as many as fit side by side. Two or three: a table.
function place() {
  const grid = find('grid'), flow = Object.keys(AXES).filter(differ).length < 2, [down, across] = sides();
  element.querySelectorAll('.axes').forEach((label) => { label.hidden = flow; });
  grid.classList.toggle('flow', flow);
  grid.style.gridTemplateColumns = flow ? '' : `minmax(4.5rem, max-content) repeat(${across.all.length}, minmax(6rem, 11rem))`;
  const layout = JSON.stringify([flow, down.all, across.all, lanes().map((l) => l.link)]);
  if (grid.dataset.layout === layout) return;
  grid.dataset.layout = layout;
  const cell = (y, x) => { const l = lanes().find((one) => down.name(one) === y && across.name(one) === x); return l ? card(l) : make('span'); };
  const head = [make('span'), ...across.all.map((x) => make('span', x, 'name top'))];
  const body = down.all.flatMap((y) => [make('span', y, 'name'), ...across.all.map((x) => cell(y, x))]);
  grid.replaceChildren(...(flow ? lanes().map(card) : [...head, ...body]));
}

function axes() {
  AXES.count = unit();
  const varied = Object.keys(AXES).filter(differ), wanted = data.layout ?? [];
  const free = [...varied, ...Object.keys(AXES).filter((axis) => !varied.includes(axis))];
  const told = (name, fallback) => { const old = find(name).value; return old || wanted[name === 'rows' ? 0 : 1] || fallback; };
  const rows = told('rows', free[0]), columns = told('columns', free[1]);
  for (const [name, value] of [['rows', rows], ['columns', columns === rows ? free.find((axis) => axis !== rows) : columns]]) {
    find(name).replaceChildren(...Object.entries(AXES).map(([axis, text]) => Object.assign(make('option', text), { value: axis, selected: axis === value })));
  }
}
for (const [name, other] of [['rows', 'columns'], ['columns', 'rows']]) {
  find(name).onchange = () => {
    if (find(name).value === find(other).value) find(other).value = Object.keys(AXES).find((axis) => axis !== find(name).value);
    draw();
  };
}

// ---- two lanes compared ----------------------------------------------------------------------
const picked = {};  // the lanes that the visitor chose to compare; else the first two
function choices() {
  const usable = lanes().filter((l) => shown(l));
  ['a', 'b'].forEach((name, i) => {
    const texts = JSON.stringify(usable.map(title)), box = find(name);
    if (box.dataset.texts !== texts) {
      box.dataset.texts = texts;
      box.replaceChildren(...usable.map((l) => Object.assign(make('option', title(l)), { value: l.link })));
    }
    box.value = usable.some((l) => l.link === picked[name]) ? picked[name] : usable[i]?.link;
  });
  find('compare').hidden = usable.length < 2;
}
for (const name of ['a', 'b']) find(name).onchange = () => { picked[name] = find(name).value; compare(); };

const pixelsOf = (image, [height, width]) => {
  const canvas = Object.assign(document.createElement('canvas'), { width, height }), brush = canvas.getContext('2d', { willReadFrequently: true });
  brush.drawImage(image, 0, 0, width, height);
  return brush.getImageData(0, 0, width, height);
};

// |A − B| per channel times the gain, and the root of the mean square over pixels and channels.
function difference(a, b, size) {
  const one = pixelsOf(shown(a), size), two = pixelsOf(shown(b), size);
  let sum = 0;
  for (let i = 0; i < one.data.length; i++) {
    if (i % 4 === 3) continue;
    const gap = Math.abs(one.data[i] - two.data[i]);
    sum += gap * gap;
    one.data[i] = gap * gain.value;
  }
  return { canvas: still(one), rmse: Math.sqrt(sum / (one.data.length * 0.75)) };
}

function distance(a, b, rmse) {
  if (a.link === b.link) return 'A and B are the same lane.';
  const noisy = [a, b].filter((l) => l.stochastic).map((l) => l.sampler);
  if (noisy.length) return `${[...new Set(noisy)].join(' and ')} adds fresh noise: a distance to one of its pictures says nothing, compare many.`;
  if (!atEnd(a) || !atEnd(b)) return 'At least one of the two is a preview.';
  return `Root mean square difference ${rmse.toFixed(1)} of 255` + (rmse ? `, PSNR ${(20 * Math.log10(255 / rmse)).toFixed(1)} dB.` : '.');
}

function compare() {
  const a = lane(find('a').value), b = lane(find('b').value), canvas = find('compare').querySelector('canvas');
  for (const button of element.querySelectorAll('.modes button')) button.setAttribute('aria-pressed', button.dataset.mode === mode);
  find('wipe').hidden = mode !== 'wipe';
  find('gain').hidden = mode !== 'difference';
  element.querySelector('.gain output').textContent = gain.value;
  if (!a || !b || !shown(a) || !shown(b)) return;
  const { canvas: gap, rmse } = difference(a, b, a.size);
  find('facts').textContent = (mode === 'flicker' ? `Now ${flipped ? 'B' : 'A'}. ` : '') + distance(a, b, rmse);
  paint(canvas, mode === 'difference' ? gap : shown(mode === 'flicker' && flipped ? b : a), a.size, SIDE);
  if (mode !== 'wipe') return;
  const brush = canvas.getContext('2d'), x = Math.round(wipe.value * canvas.width);
  brush.save();
  brush.beginPath();
  brush.rect(x, 0, canvas.width - x, canvas.height);
  brush.clip();
  brush.drawImage(shown(b), 0, 0, canvas.width, canvas.height);
  brush.restore();
  brush.fillStyle = 'white';
  brush.fillRect(x - 1, 0, 2, canvas.height);
}

function turn(next) {
  mode = next;
  clearInterval(flicker);
  // 600 ms a picture: below the three flashes a second that can do harm. Who wants no motion sees
  // the other picture at each press.
  const moves = !matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (mode === 'flicker' && !moves) flipped = !flipped;
  flicker = mode === 'flicker' && moves ? setInterval(() => { flipped = !flipped; compare(); }, FLICKER) : null;
  compare();
}
element.querySelectorAll('.modes button').forEach((button) => { button.onclick = () => turn(button.dataset.mode); });
wipe.oninput = gain.oninput = compare;
const drag = (event) => {
  if (mode !== 'wipe' || !event.buttons) return;
  const box = event.target.getBoundingClientRect();
  wipe.value = (event.clientX - box.left) / box.width;
  compare();
};
element.querySelector('.both > .picture').onpointermove = drag;
element.querySelector('.both > .picture').onpointerdown = drag;

// ---- one lane's recipe -----------------------------------------------------------------------
const decoded = (link) => JSON.parse(new TextDecoder().decode(bytes(link.replace(/-/g, '+').replace(/_/g, '/'))));

function choose(link) {
  chosen = link;
  const l = lane(link);
  find('recipe').hidden = !l;
  if (!l) return;
  const { v, ...said } = decoded(link);  // what it says; what is not said has its usual value
  const facts = Object.entries({ ...said, sampler: l.sampler, steps: l.steps, guidance: l.guidance });
  element.querySelector('.recipe h4').textContent = title(l);
  element.querySelector('.recipe dl').replaceChildren(...facts.flatMap(([key, value]) => [make('dt', key), make('dd', String(value))]));
  find('link').href = data.page === undefined ? addressOf(link) : (page() ?? '') + '?r=' + link;
  find('link').hidden = page() === null;
  find('save').hidden = l.state !== 'finished';
  if (l.png) Object.assign(find('save'), { href: 'data:image/png;base64,' + l.png, download: `${l.sampler} ${l.steps}.png` });
  lanes().forEach(refresh);
}

// ---- replay, stars, keeping ------------------------------------------------------------------
function at(call) {
  replay.value = call;
  latest = +replay.value >= +replay.max;
  lanes().forEach(refresh);
  sayCall();
  compare();
}
const sayCall = () => { element.querySelector('.replay output').textContent = latest ? 'After the last network call' : `After network call ${replay.value}`; };
function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => { at(+replay.value + 1); if (latest) play(false); }, TICK) : null;
  find('play').textContent = on ? '❚❚ Pause' : '▶ Replay';
}
replay.oninput = () => { play(false); at(+replay.value); };
find('play').onclick = () => { if (playing) { play(false); return; } if (CALM.matches) { at(replay.max); return; } if (latest) at(1); play(true); };

find('finish').onsubmit = (event) => {
  event.preventDefault();
  const told = lanes().map((l) => ({ link: l.link, count: l.count, starred: stars.has(l.link), finished: l.state === 'finished' }));
  trigger('finish', { unit: data.unit, count: find('finish').querySelector('input').value, lanes: told });
};
element.querySelectorAll('[data-keep]').forEach((button) => {
  button.onclick = () => trigger('keep', { kind: button.dataset.keep, link: lanes()[0]?.link, rows: find('rows').value, columns: find('columns').value, page: location.origin + location.pathname });
});

function draw() {
  place();
  lanes().forEach(refresh);
  const starred = lanes().filter((l) => stars.has(l.link)).length;
  find('starred').textContent = starred ? `★ ${starred} starred.` : '☆ Star the lanes that are worth more steps.';
  find('finish').querySelector('button').disabled = !starred;
  find('unit').textContent = unit();
  element.querySelectorAll('[data-keep]').forEach((button) => { button.disabled = !lanes().some((l) => l.state === 'finished'); });
  offerTable(find('csv'), 'latent-playground-race', [['sampler', 'guidance', 'asked for', 'steps', 'network calls', 'rows', 'seconds', 'state'],
    ...lanes().map((l) => [l.sampler, l.guidance, `${l.count} ${unit()}`, l.steps, l.calls, l.rows, l.seconds, l.state])]);
  choices();
  compare();
}

// ---- what arrives ----------------------------------------------------------------------------
function busy() {
  find('replay').hidden = find('play').hidden = !!run;
  find('progress').hidden = !run;
}

async function join(value) {
  const number = ++arrived, pictures = value.lanes.map(load);
  await Promise.all(pictures.map((entry) => entry.ready));
  if (value.run === ignored || number < joined) return;  // frames may overtake each other here
  joined = number;
  value.lanes.forEach((l, i) => { l.pictures = pictures[i]; });
  data = value;
  run = value.share < 1 ? value.run : null;
  const keys = new Set(lanes().map((l) => l.link + l.state + l.call)), links = new Set(lanes().map((l) => l.link));
  for (const key of loaded.keys()) if (!keys.has(key)) loaded.delete(key);
  for (const link of cards.keys()) if (!links.has(link)) cards.delete(link);
  for (const link of stars) if (!links.has(link)) stars.delete(link);
  find('all').hidden = false;
  replay.max = Math.max(...lanes().map((l) => l.calls));
  if (run) play(false);
  latest = latest || !!run;
  if (latest) replay.value = replay.max;
  sayCall();
  find('bar').style.width = 100 * value.share + '%';
  busy();
  say(value.text, false, value.share);
  axes();
  draw();
  choose(links.has(chosen) ? chosen : null);
  element.dataset.shown = lanes().filter((l) => l.state === 'finished').length;
  tellOf(lanes()[0].link);
}

function show() {
  const value = props.value;
  if (!value || !value.kind) return;
  if (value.kind === 'race') { join(value); return; }
  if (value.kind === 'stopped') { ignored = run; run = null; busy(); if (data) draw(); }
  say(value.text, value.error);
}
watch('value', show);
show();
