// Ticks of every kind of schedule on one axis. Left is noise, right is the picture.
const SVG = 'http://www.w3.org/2000/svg', EDGE = 0.02;
let data = null, chosen = 0;

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

const grid = (kind) => kind.steps[kind.only ?? find('steps').value] ?? { times: [], sigmas: [] };

// Noise by signal. In rectified flow σ is the share of noise, and nothing but noise has no ratio: the axis ends before.
const FULL = 0.999, ratio = (sigma) => (data.flow ? Math.min(sigma, FULL) / (1 - Math.min(sigma, FULL)) : sigma);

// Position 0 … 1 of a call; decibels of SNR are −20·log of noise by signal, so both share an axis.
function along(time, sigma) {
  const axis = find('axis').value, [low, high] = axis === 'time' ? data.times : data.sigmas.map((s) => Math.log(ratio(s)));
  if (axis === 'time') return (high - time) / (high - Math.min(low, 0));
  return (high - Math.log(ratio(Math.max(sigma, data.sigmas[0])))) / (high - low);
}

// What the axis is from its left end to its right one.
function axisName() {
  const decibels = (s) => (-20 * Math.log10(ratio(s))).toFixed(0).replace('-', '−'), [low, high] = data.sigmas, [first, last] = data.times;
  return {
    time: `t = ${last} … ${first}`,
    sigma: data.flow ? `σ = ${number(high)} … ${number(low)}, the share of noise; the axis is the logarithm of σ/(1 − σ)` : `σ = ${high.toFixed(1)} … ${low.toFixed(2)}, logarithmic`,
    snr: `SNR = ${data.flow ? '((1 − σ)/σ)²' : '1/σ²'}, ${decibels(high)} … ${decibels(low)} dB`,
  }[find('axis').value];
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
  const { times, sigmas } = grid(kind), decibels = (s) => (!s ? '∞' : data.flow && s === 1 ? '−∞' : (-20 * Math.log10(data.flow ? s / (1 - s) : s)).toFixed(1));
  const ends = sigmas.length > times.length, cells = {
    'call': [...times.map((_, i) => i + 1), ...(ends ? ['end'] : [])],
    't': [...times.map(number), ...(ends ? ['–'] : [])],
    'σ': sigmas.map(number),
    'SNR dB': sigmas.map(decibels),
  };
  offerTable(find('csv'), 'latent-playground-steps', [Object.keys(cells), ...sigmas.map((_, i) => Object.values(cells).map((values) => values[i]))]);
  find('list').replaceChildren(...Object.entries(cells).map(([name, values]) => {
    const row = make('tr');
    row.append(Object.assign(make('th', name), { scope: 'row' }), ...values.map((v) => make('td', v)));
    return row;
  }));
}

function draw() {
  const kind = data.kinds[chosen];
  find('steps-out').textContent = find('steps').value;
  find('scale').textContent = axisName();
  find('rows').replaceChildren(...data.kinds.map(line));
  find('about').textContent = `${kind.label}: ${kind.sentence} (${kind.source})` + (kind.used_by.length ? ` Here it is the schedule of ${kind.used_by.join(', ')}.` : ' No sampler of this playground has it.');
  list(kind);
}

function show() {
  if (!props.value || !props.value.kinds) return;
  data = props.value;
  chosen = 0;
  find('steps').max = data.most;
  find('steps').oninput = find('axis').oninput = draw;
  element.querySelector('.schedules').hidden = false;
  draw();
}
watch('value', show);
show();
