// A policy in the plane: the trained networks are asked here, so that dragging redraws at once.
const KINDS = [
  ['diffusion', 'trained to denoise: many paths', COLOURS[0], true],
  ['regression', 'trained by regression: one path', COLOURS[1], true],
  ['untrained', 'not trained: the first weights', COLOURS[8], false],
];
const EDGE = 1, STEP = 0.05;
const slider = find('slide input'), calls = element.querySelector('select'), drawn = find('drawn');
const shape = (tag, values) => {
  const el = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(values)) el.setAttribute(name, value);
  return el;
};

let policy = null, noise = null, runs = {}, playing = 0, waiting = false;
const scene = { start: [-0.9, 0], goal: [0.9, 0], obstacle: [0, 0] };  // y upwards; on the screen it is −y
const apart = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

// A network as toys/policy.py: Network, one row at a time. Plain loops: dragging waits for them.
function answer(layers, x, t, seen) {
  let row = Float64Array.of(...x, ...policy.world.clock.flatMap((k) => [Math.sin((Math.PI / 2) * k * t), Math.cos((Math.PI / 2) * k * t)]), ...seen);
  for (const { weights, outputs, last } of layers) {
    const next = weights.slice(row.length * outputs);  // the bias
    for (let i = 0; i < row.length; i++) {
      const v = row[i], from = i * outputs;
      for (let o = 0; o < outputs; o++) next[o] += v * weights[from + o];
    }
    if (!last) for (let o = 0; o < outputs; o++) next[o] /= 1 + Math.exp(-next[o]);  // SiLU
    row = next;
  }
  return row;
}

// DDIM as toys/policy.py: sample. All x from the noise to the path.
function denoise(layers, x, seen, steps) {
  const found = [x];
  for (let k = 0; k < steps; k++) {
    const t = 1 - k / steps, next = 1 - (k + 1) / steps, [signal, spread] = [Math.cos((t * Math.PI) / 2), Math.sin((t * Math.PI) / 2)];
    const clean = answer(layers, x, t, seen), [a, b] = [Math.cos((next * Math.PI) / 2), Math.sin((next * Math.PI) / 2)];
    x = clean.map((c, i) => a * c + (b * (x[i] - signal * c)) / spread);
    found.push(x);
  }
  return found;
}

// The robot's frame (toys/obstacle.py: Scenes): it begins half way, and the goal is straight ahead.
function frame() {
  const { start, goal, obstacle } = scene, { unit } = policy.world, far = apart(start, goal);
  const [cos, sin] = [(goal[0] - start[0]) / far, (goal[1] - start[1]) / far], middle = [0, 1].map((i) => (start[i] + goal[i]) / 2);
  const [dx, dy] = [obstacle[0] - middle[0], obstacle[1] - middle[1]];
  return {
    seen: [far, cos * dx + sin * dy, cos * dy - sin * dx].map((v) => v / unit),
    world: (x) => Array.from({ length: x.length / 2 }, (_, i) => [unit * x[2 * i], unit * x[2 * i + 1]])
      .map(([u, v]) => [middle[0] + cos * u - sin * v, middle[1] + sin * u + cos * v]),
  };
}

// The referee, as toys/obstacle.py: arrives.
function arrives(path) {
  const { radius, at_goal } = policy.world, driven = [scene.start, ...path], [ox, oy] = scene.obstacle;
  const clear = path.every(([x, y], i) => {
    const [px, py] = driven[i], [dx, dy] = [x - px, y - py], length = Math.max(dx * dx + dy * dy, 1e-12);
    const share = Math.min(Math.max(((ox - px) * dx + (oy - py) * dy) / length, 0), 1);
    return Math.hypot(px + share * dx - ox, py + share * dy - oy) > radius;
  });
  return clear && apart(path.at(-1), scene.goal) <= at_goal;
}

const chosen = (kind) => element.querySelector(`input[value="${kind}"]`).checked;

// All paths anew, as soon as the browser draws its next frame.
function sampleAgain() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; sampleNow(); });
}

function sampleNow() {
  const { seen, world } = frame(), steps = +calls.value;
  runs = {};
  for (const [kind] of KINDS) {
    if (!chosen(kind)) continue;
    const layers = policy.networks[kind];
    runs[kind] = kind === 'regression' ? [[world(answer(layers, noise[0].map(() => 0), 1, seen))]]
      : noise.map((x) => denoise(layers, x, seen, steps).map(world));
  }
  draw();
}

function draw() {
  const at = +slider.value, last = +slider.max;
  find('slide output').textContent = `${at} of ${last}`;
  const lines = KINDS.flatMap(([kind, , colour]) => (runs[kind] ?? []).map((states) => {
    const points = states[Math.min(at, states.length - 1)], place = ([x, y]) => `${x.toFixed(4)} ${(-y).toFixed(4)}`;
    const fails = (kind === 'regression' || at === last) && !arrives(points);
    return shape('path', { class: kind + (fails ? ' fails' : ''), stroke: colour, d: 'M' + points.map(place).join('L') });
  }));
  drawn.replaceChildren(...lines);
  find('here').textContent = [counts(), answers()].filter(Boolean).join(' ');
}

// How the paths that are seen here end.
function counts() {
  if (!runs.diffusion) return '';
  const ends = runs.diffusion.map((states) => states.at(-1)), { start, goal, obstacle } = scene;
  const right = ends.filter(arrives), left = right.filter((path) => {
    // On which side: the angle that the path turns around the obstacle, seen from there.
    const angles = [start, ...path].map(([x, y]) => Math.atan2(y - obstacle[1], x - obstacle[0]));
    return angles.slice(1).reduce((sum, a, i) => sum + Math.atan2(Math.sin(a - angles[i]), Math.cos(a - angles[i])), 0) < 0;
  }).length;
  return `Here ${right.length} of ${ends.length} denoised paths arrive: ${left} leave the obstacle on their right, ${right.length - left} on their left.`;
}
function answers() {
  if (!runs.regression) return '';
  return arrives(runs.regression[0][0]) ? 'The path of regression arrives.' : 'The path of regression, dashed, does not arrive.';
}

function showMeasured() {
  const rows = KINDS.map(([kind, label]) => {
    const shares = new Map(policy.solved[kind]), row = make('tr');
    row.append(make('th', label.split(':')[0]), make('td', percent(shares.get(+calls.value) ?? [...shares.values()][0])));
    return row;
  });
  find('measured caption').textContent = `Reached the goal and never touched the obstacle, in ${policy.runs} new scenes where it is in the way`;
  find('measured tbody').replaceChildren(...rows);
  offerTable(find('csv'), 'latent-playground-policy', [['network', 'network calls', 'reached the goal', 'scenes'],
    ...KINDS.flatMap(([kind, label]) => policy.solved[kind].map(([calls, share]) => [label.split(':')[0], calls, share, policy.runs]))]);
}

// A thing to drag, or to move by arrow keys. A place that the networks were never shown is refused.
function thing(name, label, parts) {
  const group = shape('g', { tabindex: 0, role: 'button', class: name });
  const word = shape('text', { y: name === 'obstacle' ? 0.2 : 0.17 });
  word.textContent = label;
  group.append(...parts, word);
  const put = () => {
    const [x, y] = scene[name];
    group.setAttribute('transform', `translate(${x} ${-y})`);
    group.setAttribute('aria-label', `${label} at x ${x.toFixed(2)}, y ${y.toFixed(2)}; arrow keys move it`);
  };
  const move = (to) => {
    const before = scene[name], { radius, margin, apart: least } = policy.world;
    scene[name] = to.map((v) => Math.min(Math.max(v, -EDGE), EDGE));
    const { start, goal, obstacle } = scene, nearest = Math.min(apart(start, obstacle), apart(goal, obstacle));
    if (nearest <= radius + margin || apart(start, goal) <= least) scene[name] = before;
    put();
    sampleAgain();
  };
  group.onpointerdown = (event) => { event.preventDefault(); group.focus({ focusVisible: false }); group.setPointerCapture(event.pointerId); };
  group.onpointermove = (event) => {
    if (!group.hasPointerCapture(event.pointerId)) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(find('plane svg').getScreenCTM().inverse());
    move([at.x, -at.y]);
  };
  group.onkeydown = (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    move(scene[name].map((v, i) => v + STEP * way[i]));
  };
  put();
  return group;
}

function layOut() {
  const { radius, at_goal } = policy.world, circle = (cls, r) => shape('circle', { class: cls, r });
  find('things').replaceChildren(
    thing('obstacle', 'obstacle', [circle('solid', radius), circle('focus', radius + 0.03)]),
    thing('start', 'start', [circle('hit', 0.14), circle('dot', 0.035), circle('focus', 0.09)]),
    thing('goal', 'goal', [circle('hit', 0.14), circle('ring', at_goal), circle('focus', 0.11)]),
  );
  const was = Object.fromEntries([...element.querySelectorAll('.shown input')].map((box) => [box.value, box.checked]));
  find('shown').replaceChildren(find('shown legend'), ...KINDS.map(([kind, label, colour, usual]) => {
    const line = make('label'), box = Object.assign(make('input'), { type: 'checkbox', value: kind, checked: was[kind] ?? usual });
    const mark = make('i');
    mark.style.background = colour;
    box.onchange = sampleNow;
    line.append(box, mark, make('span', label));
    return line;
  }));
  const before = +calls.value || policy.usual;
  calls.replaceChildren(...policy.solved.diffusion.map(([n]) => Object.assign(make('option', n), { value: n })));
  calls.value = before;
}

// Stop the replay, here or at its end.
function halt() {
  cancelAnimationFrame(playing);
  playing = 0;
  find('play').textContent = 'Denoise';
}
function rest() {
  halt();
  slider.value = slider.max;
}
function setCalls() {
  slider.max = calls.value;
  rest();
  showMeasured();
  sampleNow();
}
function play() {
  if (playing || CALM.matches) { rest(); draw(); return; }
  const began = performance.now(), tick = (now) => {
    const share = Math.min((now - began) / 2500, 1);
    slider.value = Math.floor(share * +slider.max);
    if (share === 1) rest(); else playing = requestAnimationFrame(tick);
    draw();
  };
  playing = requestAnimationFrame(tick);
  find('play').textContent = 'Stop';
}
const gauss = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
calls.onchange = setCalls;
slider.oninput = () => { halt(); draw(); };
find('play').onclick = play;
find('again').onclick = () => { noise = noise.map((x) => x.map(gauss)); sampleNow(); };

function show() {
  const value = props.value;
  if (!value || !value.kind || late(value)) return;
  say(value.text, value.error, value.share);
  advance(value.share);
  if (value.kind !== 'finished') return;
  const layer = ({ scale, outputs, values }, n, all) => ({ outputs, last: n === all.length - 1, weights: Float64Array.from(new Int16Array(bytes(values).buffer), (v) => v * scale) });
  policy = { ...value, networks: Object.fromEntries(Object.entries(value.networks).map(([name, layers]) => [name, layers.map(layer)])) };
  const numbers = new Float32Array(bytes(value.noise).buffer), size = numbers.length / value.paths;
  noise = Array.from({ length: value.paths }, (_, i) => numbers.slice(i * size, (i + 1) * size));
  find('all').hidden = false;
  layOut();
  setCalls();
}
watch('value', show);
show();
