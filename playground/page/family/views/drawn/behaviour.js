// Three models on one slider: their previews, and where they are on their paths.
const SIDE = 256, EDGE = 28, SVG = 'http://www.w3.org/2000/svg';
let data = null, images = [];

const svg = (tag, facts) => { const e = document.createElementNS(SVG, tag); for (const [k, v] of Object.entries(facts)) e.setAttribute(k, v); return e; };

function card({ label, size, link, png }, i) {
  const figure = make('figure'), caption = make('figcaption'), long = Math.max(...size);
  const canvas = Object.assign(make('canvas'), { height: SIDE * size[0] / long, width: SIDE * size[1] / long });
  caption.append(make('b', label));
  if (png) caption.append(Object.assign(make('a', 'draw it alone'), { href: addressOf(link) }));
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `What the ${label} drew`);
  figure.append(canvas, caption);
  return figure;
}

// The call whose pred_x0 is shown at a share of the way; the picture itself at the end.
const callAt = (count, moment) => Math.min(Math.floor(moment * count), count - 1);

function paint() {
  const moment = +find('moment').value;
  find('moment-out').textContent = percent(moment);
  element.querySelectorAll('.models canvas').forEach((canvas, i) => {
    const { previews, png } = data.models[i], brush = canvas.getContext('2d');
    const image = png && (moment === 1 || !data.planes.length) ? images[i] : previews.length && bitmap(previews[callAt(previews.length, moment)]);
    brush.imageSmoothingQuality = 'high';
    if (image) brush.drawImage(image, 0, 0, canvas.width, canvas.height);
  });
  if (data.planes.length) drawPlane(moment);
}

// Along a list of places, at a share of its parts.
function along(places, share) {
  const exact = share * (places.length - 1), i = Math.min(Math.floor(exact), places.length - 2), part = exact - i;
  return { passed: places.slice(0, i + 1), here: [0, 1].map((d) => places[i][d] * (1 - part) + places[i + 1][d] * part) };
}

// All corners of a line: those of a jump are the place, its pred_x0, the next place, …
function corners({ places, jumps }) {
  return jumps ? [...jumps.flatMap((to, i) => [places[i], to])] : places;
}

function drawPlane(moment) {
  const { lines } = data.planes[+find('which').value], plane = find('plane');
  const width = Math.max(plane.clientWidth, 300), height = Math.min(460, Math.round(width * 0.7)), all = lines.flatMap((l) => [...l.places, ...(l.jumps ?? [])]);
  const [low, high] = [Math.min, Math.max].map((f) => [0, 1].map((d) => f(...all.map((p) => p[d]))));
  const scale = Math.min(...[width, height].map((side, d) => (side - 2 * EDGE) / (high[d] - low[d] || 1)));  // the same both ways, else straight would look bent
  const at = (p) => [width / 2 + (p[0] - (low[0] + high[0]) / 2) * scale, height / 2 - (p[1] - (low[1] + high[1]) / 2) * scale];
  const points = (places) => places.map((p) => at(p).map((v) => v.toFixed(1)).join(',')).join(' ');
  const dot = (p, fill, r, cls = '') => svg('circle', { cx: at(p)[0].toFixed(2), cy: at(p)[1].toFixed(2), r, fill, class: cls });
  plane.setAttribute('viewBox', `0 0 ${width} ${height}`);
  plane.replaceChildren();
  lines.forEach((line, i) => {
    const colour = COLOURS[i], { places, jumps } = line, way = corners(line), { passed, here } = along(way, moment);
    if (!jumps) plane.append(svg('polyline', { points: points([places[0], places.at(-1)]), fill: 'none', stroke: colour, 'stroke-width': 1.2, 'stroke-dasharray': '2 5' }));
    const gone = [...passed, here];
    gone.slice(1).forEach((to, k) => plane.append(svg('polyline', { points: points([gone[k], to]), fill: 'none', stroke: colour, 'stroke-width': jumps && k % 2 ? 1.2 : 2.4, 'stroke-dasharray': jumps && k % 2 ? '1 4' : 'none', 'stroke-linecap': 'round' })));
    if (!jumps) passed.forEach((p) => plane.append(dot(p, colour, 2.6)));
    plane.append(dot(here, colour, 6, 'here'));
  });
  const [x, y] = at(lines[0].places[0]), name = svg('text', { x, y: y + (y > height / 2 ? 20 : -12), 'text-anchor': 'middle' });
  name.textContent = 'noise';
  plane.append(name);
}

function rows() {
  find('rows').replaceChildren(...data.rows.map(({ label, help, values }) => {
    const row = make('div', '', 'row'), header = make('div', `${label} `);
    row.setAttribute('role', 'row');
    header.setAttribute('role', 'rowheader');
    header.append(make('small', help));
    row.append(header, ...values.map((text) => { const cell = make('div', text); cell.setAttribute('role', 'cell'); return cell; }));
    return row;
  }));
  offerTable(find('csv'), 'latent-playground-models', [['', ...data.models.map(({ label }) => label)], ...data.rows.map(({ label, values }) => [label, ...values])]);
  find('notes').replaceChildren(...data.notes.map((note) => make('li', note)));
}

function legend() {
  const { lines, share } = data.planes[+find('which').value];
  find('legend').replaceChildren(...lines.map(({ label, jumps }, i) => {
    const entry = make('span'), line = make('i');
    line.style.background = COLOURS[i];
    entry.append(line, make('span', `${label}: ${jumps ? `${counted(jumps.length, 'jump')}; dotted: fresh noise between them` : 'dashed: the straight way'}`));
    return entry;
  }));
  find('text').textContent = `Both axes have one scale. The plane holds ${percent(share)} of how the paths move; the rest is not seen.`;
}

async function show() {
  const value = props.value;
  if (!value || !value.kind || late(value)) return;
  say(value.text, value.error, value.share);
  advance(value.share);
  if (value.kind !== 'models') return;
  data = value;
  const done = !!value.planes.length, chosen = +find('which').value || 0;
  find('models').replaceChildren(...value.models.map(card));
  find('finished').hidden = !done;
  images = await Promise.all(value.models.map(({ png }) => png && imageOf(png)));
  if (data !== value) return;
  if (done) {
    find('which').replaceChildren(...value.planes.map(({ label }, i) => Object.assign(make('option', label), { value: i })));
    find('which').value = chosen;
    find('moment').value = 1;
    rows();
    legend();
  }
  paint();
  tellOf(value.models[0].link);
}
find('moment').oninput = () => data && paint();
find('which').onchange = () => { legend(); paint(); };
new ResizeObserver(() => data?.planes.length && drawPlane(+find('moment').value)).observe(find('plane'));
watch('value', show);
show();
