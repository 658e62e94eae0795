// Ticks of every kind of schedule on one axis. Left is noise, right is the picture.
const SVG = 'http://www.w3.org/2000/svg', EDGE = 0.02, NAMES = { time: 't = 999 … 0', sigma: 'σ = 14.6 … 0.03, logarithmic', snr: 'SNR = 1/σ², −23 … 31 dB' };
let data = null, chosen = 0;

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

const grid = (kind) => kind.steps[kind.only ?? find('steps').value];

// Position 0 … 1 of a call; decibels of SNR are −20·log σ, so both share an axis.
function along(time, sigma) {
  if (find('axis').value === 'time') return 1 - time / (data.sigmas.length - 1);
  const high = Math.log(data.sigmas.at(-1)), low = Math.log(data.sigmas[0]);
  return (high - Math.log(sigma)) / (high - low);
}

function line(kind, i) {
  const button = make('button'), picture = svg('svg', { viewBox: '0 0 1000 20', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const { times, sigmas } = grid(kind);
  picture.append(svg('line', { class: 'line', x1: 0, x2: 1000, y1: 10, y2: 10 }));
  times.forEach((time, k) => {
    const x = 1000 * (EDGE + (1 - 2 * EDGE) * along(time, sigmas[k]));
    picture.append(svg('line', { class: 'tick', x1: x, x2: x, y1: 2, y2: 18 }));
  });
  button.type = 'button';
  button.append(make('span', kind.label + (kind.only ? ` (${kind.only} steps)` : '')), picture);
  button.setAttribute('aria-pressed', i === chosen);
  button.onclick = () => { chosen = i; draw(); find('rows').children[i].focus(); };
  return button;
}

function number(x) { return Number.isInteger(x) ? String(x) : x >= 100 ? x.toFixed(0) : x.toPrecision(3); }

function list(kind) {
  const { times, sigmas } = grid(kind), decibels = (s) => (s ? (-20 * Math.log10(s)).toFixed(1) : '∞');
  const ends = sigmas.length > times.length, cells = {
    'call': [...times.map((_, i) => i + 1), ...(ends ? ['end'] : [])],
    't': [...times.map(number), ...(ends ? ['–'] : [])],
    'σ': sigmas.map(number),
    'SNR dB': sigmas.map(decibels),
  };
  find('list').replaceChildren(...Object.entries(cells).map(([name, values]) => {
    const row = make('tr');
    row.append(Object.assign(make('th', name), { scope: 'row' }), ...values.map((v) => make('td', v)));
    return row;
  }));
}

function draw() {
  const kind = data.kinds[chosen];
  find('steps-out').textContent = find('steps').value;
  find('scale').textContent = NAMES[find('axis').value];
  find('rows').replaceChildren(...data.kinds.map(line));
  find('about').textContent = `${kind.label}: ${kind.sentence} (${kind.source})` + (kind.used_by.length ? ` Here it is the schedule of ${kind.used_by.join(', ')}.` : ' No sampler of this playground has it.');
  list(kind);
}

function show() {
  if (data || !props.value || !props.value.kinds) return;
  data = props.value;
  find('steps').oninput = find('axis').oninput = draw;
  element.querySelector('.schedules').hidden = false;
  draw();
}
watch('value', show);
show();
