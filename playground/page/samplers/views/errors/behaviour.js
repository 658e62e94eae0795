// Error against calls. Which measure, which guidance scale and which samplers is chosen here.
const SVG = 'http://www.w3.org/2000/svg', WIDE = 620, NARROW = 380, HEIGHT = 400, LEFT = 56, RIGHT = 12, TOP = 12, BOTTOM = 44;
const hidden = new Set();
let chart = null, width = WIDE, chosen = null;  // chosen: [label, calls] of a point

function svg(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

const group = () => chart.groups[Math.min(+find('groups').value, chart.groups.length - 1)];
const measure = () => find('measure').value;
const value = (point) => point[measure()];
const linear = () => measure() === 'psnr';
const colour = (label) => COLOURS[chart.labels.indexOf(label) % COLOURS.length];
const short = (x) => x >= 100 ? x.toFixed(0) : x >= 0.01 ? +x.toPrecision(2) : x.toExponential(0);

function scales(series) {
  const points = series.flatMap((s) => s.points).filter((p) => value(p) != null), calls = points.map((p) => p.calls), values = points.map(value);
  const often = (call) => calls.filter((c) => c === call).length;
  const x0 = Math.log(Math.min(...calls)), x1 = Math.log(Math.max(...calls));
  const f = linear() ? (v) => v : Math.log10;
  let low = f(Math.min(...values)), high = f(Math.max(...values));
  const room = Math.max((high - low) * 0.06, 0.05);
  low -= room; high += room;
  return {
    x: (c) => LEFT + 14 + ((Math.log(c) - x0) / (x1 - x0 || 1)) * (width - LEFT - RIGHT - 28),
    y: (v) => HEIGHT - BOTTOM - ((f(v) - low) / (high - low)) * (HEIGHT - TOP - BOTTOM),
    calls: [...new Set(calls)].sort((a, b) => often(b) - often(a) || a - b),
    ticks: linear() ? ticks(low, high) : [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100].flatMap((d) => [d, 2 * d, 5 * d]).filter((v) => f(v) >= low && f(v) <= high),
  };
}

function ticks(low, high) {
  const step = [1, 2, 5, 10, 20].find((s) => (high - low) / s < 7) ?? 50;
  return Array.from({ length: 8 }, (_, i) => (Math.ceil(low / step) + i) * step).filter((v) => v <= high);
}

// On a phone the drawing has fewer units, so that its text stays readable.
const fitting = () => (find('plot').clientWidth && find('plot').clientWidth < 480 ? NARROW : WIDE);

function plot() {
  width = fitting();
  const { series, bound } = group(), visible = series.filter((s) => !hidden.has(s.label) && s.points.some((p) => value(p) != null));
  const picture = svg('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, role: 'group', 'aria-label': 'Error against network calls. Arrow keys go from point to point.' });
  find('plot').replaceChildren(picture);
  if (!visible.length) return;
  const { x, y, calls, ticks: marks } = scales(visible);
  for (const mark of marks) picture.append(svg('line', { class: 'rule', x1: LEFT, x2: width - RIGHT, y1: y(mark), y2: y(mark) }), svg('text', { x: LEFT - 6, y: y(mark) + 4, 'text-anchor': 'end' }, short(mark)));
  const named = [];  // first what most samplers were measured at
  for (const call of calls) if (named.every((at) => Math.abs(at - x(call)) > 24)) { named.push(x(call)); picture.append(svg('text', { class: 'calls', x: x(call), y: HEIGHT - BOTTOM + 18, 'text-anchor': 'middle' }, call)); }
  picture.append(svg('text', { x: (LEFT + width) / 2, y: HEIGHT - 6, 'text-anchor': 'middle' }, 'network calls'));
  if (measure() === 'latents' && y(bound) < HEIGHT - BOTTOM) picture.append(svg('rect', { class: 'bound', x: LEFT, width: width - LEFT - RIGHT, y: y(bound), height: HEIGHT - BOTTOM - y(bound) }), svg('text', { x: LEFT + 4, y: y(bound) + 14 }, 'error of the reference itself'));
  for (const { label, points } of visible) {
    const known = points.filter((p) => value(p) != null), ink = colour(label);
    picture.append(svg('polyline', { class: 'line', stroke: ink, points: known.map((p) => `${x(p.calls)},${y(value(p))}`).join(' ') }));
    for (const point of known) {
      if (point.spread && measure() === 'latents') picture.append(svg('line', { class: 'spread', stroke: ink, x1: x(point.calls), x2: x(point.calls), y1: y(value(point) + point.spread), y2: y(Math.max(value(point) - point.spread, value(point) / 10)) }));
      const dot = svg('circle', { cx: x(point.calls), cy: y(value(point)), r: 5.5, fill: ink, role: 'button', 'aria-label': sentence(label, point) });
      Object.assign(dot.dataset, { line: label, at: point.calls });
      if (chosen && chosen[0] === label && chosen[1] === point.calls) dot.classList.add('chosen');
      dot.append(svg('title', {}, sentence(label, point)));
      const choose = () => {
        chosen = [label, point.calls];
        picture.querySelectorAll('.chosen').forEach((d) => d.classList.remove('chosen'));
        dot.classList.add('chosen');
        describe();
      };
      dot.onmouseenter = dot.onfocus = dot.onclick = choose;
      picture.append(dot);
    }
  }
  const dots = [...picture.querySelectorAll('circle')];
  walking(picture, dots, dots.find((dot) => dot.matches('.chosen')) ?? dots[0]);
}

function sentence(label, p) {
  const spread = p.spread ? ` ± ${p.spread.toPrecision(1)}` : '', levels = p.picture == null ? '' : `, ${p.picture.toPrecision(2)} of 255`;
  return `${label}, ${p.steps} steps, ${p.calls} calls: latents ${p.latents.toPrecision(3)}${spread}, picture ${p.psnr.toFixed(1)} dB${levels}`;
}

function describe() {
  const { series, image } = group(), point = chosen && series.find((s) => s.label === chosen[0])?.points.find((p) => p.calls === chosen[1]);
  find('said').textContent = point ? sentence(chosen[0], point) + '.' : 'Point at a dot for its numbers' + (image ? ' and picture.' : '.');
  find('shown').hidden = !(point && point.image);
  if (point && point.image) { find('picture').src = point.image; find('exact').src = image; find('facts').textContent = `${chosen[0]}, ${point.calls} calls`; }
}

function legend() {
  find('legend').replaceChildren(...group().series.map(({ label, order, slope }) => {
    const button = make('button'), line = make('i');
    button.type = 'button';
    line.style.background = colour(label);
    button.append(line, make('span', label), make('small', slope == null ? '' : `slope −${slope.toFixed(1)}`));
    button.title = `Stated order ${order}`;
    button.setAttribute('aria-pressed', !hidden.has(label));
    button.onclick = () => {
      if (!hidden.delete(label)) hidden.add(label);
      button.setAttribute('aria-pressed', !hidden.has(label));
      plot();
      describe();
    };
    return button;
  }));
}

function draw() {
  const pictures = group().series.some((s) => s.points.some((p) => p.picture != null));
  find('measure').options[1].hidden = !pictures;
  if (!pictures && measure() === 'picture') find('measure').value = 'latents';
  legend();
  plot();
  describe();
  find('text').textContent = group().text;
  offerTable(find('csv'), 'latent-playground-errors', [['guidance', 'sampler', 'calls', 'steps', 'RMSE of latents', 'standard error', 'PSNR in dB'],
    ...chart.groups.flatMap((g) => g.series.flatMap((s) => s.points.map((p) => [g.label, s.label, p.calls, p.steps, p.latents, p.spread, p.psnr])))]);
}
find('groups').oninput = find('measure').oninput = draw;
element.querySelectorAll('[data-figure]').forEach((link) => {
  link.onclick = (event) => {
    event.preventDefault();
    const { label, bound, series } = group(), plain = ({ calls, steps, latents, psnr, picture, spread }) => ({ calls, steps, latents, psnr, picture, spread });
    const shown = series.filter((s) => !hidden.has(s.label)).map((s) => ({ ...s, points: s.points.map(plain) }));
    trigger('keep', { kind: link.dataset.figure, measure: measure(), group: { label, bound, series: shown, text: '' } });
  };
});

function show() {
  const value = props.value;
  if (!value || !value.kind || late(value)) return;
  say(value.text, value.error, value.share);
  advance(value.share);
  if (value.kind !== 'chart') return;
  const before = +find('groups').value || 0;
  chart = value;
  chart.labels = [...new Set(value.groups.flatMap((g) => g.series.map((s) => s.label)))];
  find('groups').replaceChildren(...value.groups.map((g, i) => Object.assign(make('option', g.label), { value: i })));
  find('groups').value = Math.min(before, value.groups.length - 1);
  find('groups-box').hidden = value.groups.length === 1;
  find('all').hidden = false;
  draw();
}
new ResizeObserver(() => { if (chart && fitting() !== width) plot(); }).observe(find('plot'));
watch('value', show);
show();
