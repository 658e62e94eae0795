// A chart per field. Fields of numbers are joined by a line with its band, others are dots with bars.
const SVG = 'http://www.w3.org/2000/svg', WIDE = 380, HIGH = 260, LEFT = 52, RIGHT = 14, TOP = 10, BOTTOM = 34, TURNED = 62;
let chart = null;

function svg(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

const measure = () => chart.measures[+find('measure').value];
const shown = (value) => (measure().percent ? percent(value) : Number.isInteger(value) ? String(value) : value.toPrecision(3));

// All panels share one axis, so that fields can be compared. Shares end at 100 % and begin at whole
// tens below the lowest interval.
function axis() {
  const all = chart.panels.flatMap((panel) => panel.points.map((point) => point.values[measure().key])).filter((value) => value);
  if (measure().percent) return [Math.floor(10 * Math.min(...all.map(({ value, low }) => low ?? value))) / 10, 1];
  return [0, 1.1 * Math.max(...all.map(({ value }) => value), 1e-9)];
}

function sentence(panel, { name, values }) {
  const { value, low, high } = values[measure().key], between = low === null ? '' : ` (95 % interval ${shown(low)} to ${shown(high)})`;
  return `${panel.label} ${name}: ${measure().label} ${shown(value)}${between}.`;
}

function draw(panel) {
  const figure = make('figure'), picture = svg('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, role: 'group', 'aria-label': `${measure().label} against ${panel.label}` });
  const points = panel.points.filter((point) => point.values[measure().key]), [low, high] = axis();
  const x = (i) => LEFT + 16 + (i * (WIDE - LEFT - RIGHT - 32)) / Math.max(points.length - 1, 1);  // evenly: 0.5 and 25 both keep their room
  const numbers = points.every((point) => point.at !== null), below = numbers ? BOTTOM : TURNED;  // names are written aslant
  const y = (v) => HIGH - below - ((v - low) / (high - low)) * (HIGH - TOP - below), of = (point) => point.values[measure().key];
  const step = !measure().percent ? (high - low) / 4 : high - low > 0.5 ? 0.2 : 0.1;
  for (let mark = low; mark < high + 1e-9; mark += step) {
    picture.append(svg('line', { class: 'rule', x1: LEFT, x2: WIDE - RIGHT, y1: y(mark), y2: y(mark) }), svg('text', { x: LEFT - 6, y: y(mark) + 4, 'text-anchor': 'end' }, measure().percent ? percent(mark) : mark.toPrecision(2)));
  }
  const known = points.every((point) => of(point).low !== null), at = (side) => (p, i) => `${x(i)},${y(of(p)[side])}`;
  if (numbers && known) picture.append(svg('polygon', { class: 'band', points: [...points.map(at('low')), ...points.map(at('high')).reverse()].join(' ') }));
  if (numbers) picture.append(svg('polyline', { class: 'line', points: points.map(at('value')).join(' ') }));
  points.forEach((point, i) => {
    if (known && !numbers) picture.append(svg('line', { class: 'bar', x1: x(i), x2: x(i), y1: y(of(point).low), y2: y(of(point).high) }));
    const dot = svg('circle', { class: point.name === panel.usual ? 'usual' : '', cx: x(i), cy: y(of(point).value), r: 5.5, tabindex: 0, role: 'button', 'aria-label': sentence(panel, point) });
    dot.onmouseenter = dot.onfocus = dot.onclick = () => { find('said').textContent = sentence(panel, point); };
    dot.append(svg('title', {}, sentence(panel, point)));
    picture.append(dot, numbers ? svg('text', { x: x(i), y: HIGH - below + 18, 'text-anchor': 'middle' }, point.name)
      : svg('text', { transform: `translate(${x(i) + 6} ${HIGH - below + 16}) rotate(-24)`, 'text-anchor': 'end' }, point.name));
  });
  figure.append(make('figcaption', panel.label), picture);
  return figure;
}

function layOut() {
  find('help').textContent = measure().help + (chart.panels.some((panel) => panel.points.some((p) => p.values[measure().key]?.low != null)) ? ' Bands and bars: 95 % interval. Two settings whose bands overlap widely cannot be told apart by these pictures.' : '');
  find('panels').replaceChildren(...chart.panels.map(draw));
  find('said').textContent = 'Point at a dot for its numbers; a ringed dot is the usual setting.';
}
find('measure').oninput = layOut;
element.querySelectorAll('[data-figure]').forEach((link) => {
  link.onclick = (event) => { event.preventDefault(); trigger('keep', { kind: link.dataset.figure, measure: measure().key }); };
});

function show() {
  if (!props.value?.panels) return;
  chart = props.value;
  find('measure').replaceChildren(...chart.measures.map(({ label }, i) => Object.assign(make('option', label), { value: i })));
  find('text').textContent = chart.text;
  offerTable(find('csv'), 'latent-playground-guidance', [['field', 'setting', ...chart.measures.flatMap(({ label }) => [label, 'from', 'to'])],
    ...chart.panels.flatMap(({ label, points }) => points.map(({ name, values }) => [label, name, ...chart.measures.flatMap(({ key }) => [values[key]?.value, values[key]?.low, values[key]?.high])]))]);
  element.querySelector('.curves').hidden = false;
  layOut();
}
watch('value', show);
show();
