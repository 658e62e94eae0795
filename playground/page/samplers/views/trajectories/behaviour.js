// Paths in the plane. All of them start and end at the same moment; scrub or play.
const SECONDS = 3, NARROW = 560, hidden = new Set();
let data = null, playing = null, moved = false;  // moved: the visitor chose the calls

const ways = () => data.budgets[+find('calls').value].ways;
const colour = (label) => COLOURS[data.labels.indexOf(label) % COLOURS.length];

// Where a path is at a share of its calls.
function at(places, share) {
  const exact = share * (places.length - 1), before = Math.min(Math.floor(exact), places.length - 2), part = exact - before;
  return [0, 1].map((d) => places[before][d] * (1 - part) + places[before + 1][d] * part);
}

// As many pixels as there is room for; on a phone as high as it is wide.
function fit(canvas) {
  const room = canvas.clientWidth || 860, unit = Math.min(devicePixelRatio || 1, 2);
  const width = Math.round(room * unit), height = Math.round(room * unit * (room < NARROW ? 1 : 0.56));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return unit;
}

function draw() {
  const canvas = find('plane'), unit = fit(canvas), EDGE = 24 * unit, brush = canvas.getContext('2d'), moment = +find('moment').value, { width, height } = canvas;
  const visible = ways().filter((w) => !hidden.has(w.label)), all = [data.exact, ...ways().map((w) => w.places)].flat();
  const [x0, x1] = [Math.min(...all.map((p) => p[0])), Math.max(...all.map((p) => p[0]))], [y0, y1] = [Math.min(...all.map((p) => p[1])), Math.max(...all.map((p) => p[1]))];
  const place = ([x, y]) => [EDGE + ((x - x0) / (x1 - x0 || 1)) * (width - 2 * EDGE), height - EDGE - ((y - y0) / (y1 - y0 || 1)) * (height - 2 * EDGE)];
  const ink = getComputedStyle(element).color;
  find('moment-out').textContent = percent(moment);
  find('calls-out').textContent = data.budgets[+find('calls').value].calls;
  brush.clearRect(0, 0, width, height);
  brush.lineJoin = 'round';
  const line = (places, colour, thick) => {
    brush.strokeStyle = colour;
    brush.lineWidth = thick * unit;
    brush.beginPath();
    places.forEach((p) => brush.lineTo(...place(p)));
    brush.stroke();
  };
  const dot = (p, colour, radius) => {
    brush.fillStyle = colour;
    brush.beginPath();
    brush.arc(...place(p), radius * unit, 0, 7);
    brush.fill();
  };
  brush.globalAlpha = 0.25;
  line(data.exact, ink, 7);
  brush.globalAlpha = 1;
  for (const { label, places } of visible) {
    const here = at(places, moment), passed = places.slice(0, Math.floor(moment * (places.length - 1)) + 1);
    line([...passed, here], colour(label), 2.2);
    passed.forEach((p) => dot(p, colour(label), 3.5));
    dot(here, colour(label), 7);
  }
  dot(data.exact.at(-1), ink, 5);
  brush.fillStyle = ink;
  brush.font = `${14 * unit}px system-ui, sans-serif`;
  const name = (text, p, align) => { brush.textAlign = align; brush.fillText(text, place(p)[0], Math.max(place(p)[1] - 12 * unit, 14 * unit)); };
  name('noise', data.exact[0], place(data.exact[0])[0] > width / 2 ? 'right' : 'left');
  name('exact end', data.exact.at(-1), place(data.exact.at(-1))[0] > width / 2 ? 'right' : 'left');
}

function legend() {
  find('legend').replaceChildren(...ways().map(({ label, stochastic, places }) => {
    const button = make('button'), line = make('i');
    button.type = 'button';
    line.style.background = colour(label);
    button.append(line, make('span', `${label}${stochastic ? ' (fresh noise)' : ''}, ${places.length - 1} calls`));
    button.setAttribute('aria-pressed', !hidden.has(label));
    button.onclick = () => { if (!hidden.delete(label)) hidden.add(label); legend(); draw(); };
    return button;
  }));
}

function play() {
  if (CALM.matches) { find('moment').value = +find('moment').value < 1 ? 1 : 0; draw(); return; }
  if (playing) { cancelAnimationFrame(playing); playing = null; find('play').textContent = '▶ Play'; return; }
  const begun = performance.now();
  find('play').textContent = '❚❚ Pause';
  const tick = (now) => {
    const share = Math.min((now - begun) / 1000 / SECONDS, 1);
    find('moment').value = share;
    draw();
    if (share < 1) playing = requestAnimationFrame(tick);
    else { playing = null; find('play').textContent = '▶ Play'; }
  };
  playing = requestAnimationFrame(tick);
}
find('moment').oninput = draw;
find('calls').oninput = () => { moved = true; legend(); draw(); };
find('play').onclick = play;

function show() {
  const value = props.value;
  if (!value || !value.budgets || !value.budgets.length) return;
  data = value;
  data.labels = [...new Set(value.budgets.flatMap((b) => b.ways.map((w) => w.label)))];
  find('calls').max = value.budgets.length - 1;
  if (!moved) find('calls').value = Math.min(2, value.budgets.length - 1);
  find('text').textContent = `Shade: the exact solution. The plane holds ${percent(value.share)} of how it moves; what happens outside the plane is not seen, so lines may cross or meet here without doing so.`;
  element.querySelector('.trajectories').hidden = false;
  legend();
  draw();
}
new ResizeObserver(() => { if (data) draw(); }).observe(find('plane'));
watch('value', show);
show();
