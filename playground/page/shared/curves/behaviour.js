// A chart per field. Fields of numbers are joined by a line with its band, others are dots with bars.
const SVG = 'http://www.w3.org/2000/svg', WIDE = 380, HIGH = 260, LEFT = 52, RIGHT = 14, TOP = 10, BOTTOM = 34, TURNED = 62;
let chart = null;

function svg(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

const alone = () => chart.panels.length === 1;
const chosen = () => chart.measures[+find('measure').value];
const charts = () => (alone() ? chart.measures.map((measure) => [chart.panels[0], measure]) : chart.panels.map((panel) => [panel, chosen()]));
const shown = (value, { percent: share }) => (share ? percent(value) : Number.isInteger(value) ? String(value) : value.toPrecision(3));
const measured = ({ points }, { key }) => points.filter(({ values }) => values[key]);

// Charts of one measure share its axis, so that fields can be compared: its ends, and what is between
// two marks. Shares begin and end at marks around all intervals, others begin at 0.
function axis(measure) {
  const all = chart.panels.flatMap((panel) => measured(panel, measure).map(({ values }) => values[measure.key]));
  const low = Math.min(...all.map((v) => v.low ?? v.value)), high = Math.max(...all.map((v) => v.high ?? v.value));
  const step = measure.percent ? spacing(high - low) : round(1.05 * high), whole = (f, value) => f(value / step) * step;
  if (!measure.percent) return [0, whole(Math.ceil, 1.05 * high), step];
  return [whole(Math.floor, low + 1e-9), whole(Math.ceil, Math.max(high, low + step) - 1e-9), step];
}
const spacing = (range) => (range > 0.5 ? 0.2 : range > 0.2 ? 0.1 : 0.05);
// About five marks: 1, 2, 2.5 or 5 times a power of ten.
function round(range) {
  const rough = Math.max(range, 1e-9) / 5, ten = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((times) => times * ten).find((step) => step >= rough - 1e-12);
}

function sentence(panel, measure, { name, values }) {
  const { value, low, high } = values[measure.key], between = low === null ? '' : ` (95 % interval ${shown(low, measure)} to ${shown(high, measure)})`;
  return `${panel.label} ${name}: ${measure.label} ${shown(value, measure)}${between}.`;
}

function draw([panel, measure]) {
  const figure = make('figure'), picture = svg('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, role: 'group', 'aria-label': `${measure.label} against ${panel.label}` });
  const points = measured(panel, measure), [low, high, step] = axis(measure);
  const x = (i) => LEFT + 16 + (i * (WIDE - LEFT - RIGHT - 32)) / Math.max(points.length - 1, 1);  // evenly: 0.5 and 25 both keep their room
  const numbers = points.every((point) => point.at !== null), below = numbers ? BOTTOM : TURNED;  // names are written aslant
  const y = (v) => HIGH - below - ((v - low) / (high - low)) * (HIGH - TOP - below), of = (point) => point.values[measure.key];
  for (let mark = low; mark < high + 1e-9; mark += step) {
    picture.append(svg('line', { class: 'rule', x1: LEFT, x2: WIDE - RIGHT, y1: y(mark), y2: y(mark) }), svg('text', { x: LEFT - 6, y: y(mark) + 4, 'text-anchor': 'end' }, measure.percent ? percent(mark) : String(+mark.toPrecision(3))));
  }
  const known = points.every((point) => of(point).low !== null), at = (side) => (p, i) => `${x(i)},${y(of(p)[side])}`;
  if (numbers && known) picture.append(svg('polygon', { class: 'band', points: [...points.map(at('low')), ...points.map(at('high')).reverse()].join(' ') }));
  if (numbers) picture.append(svg('polyline', { class: 'line', points: points.map(at('value')).join(' ') }));
  points.forEach((point, i) => {
    const said = sentence(panel, measure, point);
    if (known && (!numbers || points.length === 1)) picture.append(svg('line', { class: 'bar', x1: x(i), x2: x(i), y1: y(of(point).low), y2: y(of(point).high) }));
    const dot = svg('circle', { class: point.name === panel.usual ? 'usual' : '', cx: x(i), cy: y(of(point).value), r: 5.5, role: 'button', 'data-line': '', 'data-at': i, 'aria-label': said });
    dot.onmouseenter = dot.onfocus = dot.onclick = () => { find('said').textContent = said; };
    dot.append(svg('title', {}, said));
    picture.append(dot, numbers ? svg('text', { x: x(i), y: HIGH - below + 17, 'text-anchor': 'middle' }, point.name)
      : svg('text', { transform: `translate(${x(i) + 6} ${HIGH - below + 16}) rotate(-24)`, 'text-anchor': 'end' }, point.name));
  });
  if (alone()) picture.append(svg('text', { x: (LEFT + WIDE - RIGHT) / 2, y: HIGH - 2, 'text-anchor': 'middle' }, panel.label));
  const caption = make('figcaption', alone() ? measure.label : panel.label);
  if (alone()) caption.append(make('small', measure.help));
  const dots = [...picture.querySelectorAll('circle')];
  walking(picture, dots, dots[0]);
  figure.append(caption, picture);
  return figure;
}

function layOut() {
  const banded = charts().some(([panel, measure]) => measured(panel, measure).some(({ values }) => values[measure.key].low !== null));
  find('help').textContent = (alone() ? '' : chosen().help) + (banded ? ' Bands and bars: 95 % interval. Two settings whose bands overlap widely cannot be told apart by these pictures.' : '');
  find('panels').replaceChildren(...charts().map(draw));
  find('said').textContent = 'Point at a dot for its numbers' + (chart.panels.some(({ usual }) => usual) ? '; a ringed dot is the usual setting.' : '.');
}
find('measure').oninput = layOut;
element.querySelectorAll('[data-figure]').forEach((link) => {
  link.onclick = (event) => { event.preventDefault(); trigger('keep', { kind: link.dataset.figure, measure: chosen().key }); };
});

function show() {
  if (!props.value?.panels) return;
  const before = chart && find('measure').value;
  chart = props.value;
  find('choice').hidden = alone();
  find('offline').hidden = !chart.figures;
  find('measure').replaceChildren(...chart.measures.map(({ label }, i) => Object.assign(make('option', label), { value: i })));
  find('measure').value = chart.measures[+before] ? before ?? 0 : 0;
  find('text').textContent = chart.text;
  offerTable(find('csv'), chart.name, [['field', 'setting', ...chart.measures.flatMap(({ label }) => [label, 'from', 'to'])],
    ...chart.panels.flatMap(({ label, points }) => points.map(({ name, values }) => [label, name, ...chart.measures.flatMap(({ key }) => [values[key]?.value, values[key]?.low, values[key]?.high])]))]);
  element.querySelector('.curves').hidden = false;
  layOut();
}
watch('value', show);
show();
