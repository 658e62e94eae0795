// Networks as boxes: inputs on the left, blocks on the right, a coloured line for each way in.
const SVG = 'http://www.w3.org/2000/svg', WIDTH = 360, LEFT = 132, RIGHT = 206, HIGH = 38, GAP = 8;
let ways = [];

const svg = (tag, facts, text) => { const e = document.createElementNS(SVG, tag); for (const [k, v] of Object.entries(facts)) e.setAttribute(k, v); if (text) e.textContent = text; return e; };
const colour = (way) => { const i = ways.findIndex(({ name }) => name === way); return i < 0 ? '#94a3b8' : COLOURS[i]; };

function box({ label, shape }, x, y, width) {
  const group = svg('g', {});
  group.append(svg('rect', { x, y, width, height: HIGH, rx: 6 }), svg('text', { x: x + 8, y: y + 16 }, label), svg('text', { x: x + 8, y: y + 31, class: 'shape' }, shape));
  return group;
}

function drawing({ label, inputs, blocks, arrows }) {
  const high = blocks.length * (HIGH + GAP), top = (n, i) => (high - GAP) * (i + 0.5) / n - HIGH / 2, room = WIDTH - RIGHT - 1;
  const from = (i) => top(inputs.length, i), to = (i) => i * (HIGH + GAP) + 1;
  const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${high}`, role: 'img', 'aria-label': `${label}: where its inputs go in` });
  arrows.forEach(({ way, start, ends }, k) => ends.forEach((end) => {
    const y0 = from(start) + HIGH / 2, y1 = to(end) + HIGH * (k + 1) / (arrows.length + 1), bend = (RIGHT - LEFT) / 2;
    picture.append(svg('path', { d: `M ${LEFT} ${y0} C ${LEFT + bend} ${y0} ${RIGHT - bend} ${y1} ${RIGHT} ${y1}`, fill: 'none', stroke: colour(way), 'stroke-width': 1.8, 'data-way': way }), svg('circle', { cx: RIGHT, cy: y1, r: 2.6, fill: colour(way) }));
  }));
  picture.append(...inputs.map((one, i) => box(one, 1, from(i), LEFT - 1)), ...blocks.map((one, i) => box(one, RIGHT, to(i), room)));
  return picture;
}

// A way's name behind a line of its colour.
function term(way) {
  const name = make('dt'), line = make('i');
  line.style.background = colour(way.name);
  name.append(line, make('span', way.label));
  return name;
}

function section(diagram) {
  const whole = make('section'), heading = make('h4', `${diagram.label} `), uses = make('dl', '', 'uses');
  if (diagram.kind !== diagram.label) heading.append(make('small', diagram.kind));
  uses.append(...diagram.uses.flatMap(({ way, text }) => [term(ways.find(({ name }) => name === way)), make('dd', text)]));
  whole.append(heading, drawing(diagram), uses);
  return whole;
}

function show() {
  const value = props.value;
  if (!value || !value.diagrams) return;
  ways = value.ways;
  find('ways').replaceChildren(...ways.flatMap((way) => { const pair = make('div'); pair.append(term(way), make('dd', way.text)); return [pair]; }));
  find('diagrams').replaceChildren(...value.diagrams.map(section));
  element.querySelector('.inside').hidden = false;
}
watch('value', show);
show();
