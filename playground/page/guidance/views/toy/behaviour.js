// Clouds of the tiny denoisers. Once they have arrived, w and the label are chosen here alone.
const slider = element.querySelector('.slide input'), REACH = 4.5, SIDE = 560;

let clouds = null, label = 0, panels = [];

const place = ([x, y]) => [(SIDE / 2) * (1 + x / REACH), (SIDE / 2) * (1 - y / REACH)];

function disc(brush, point, radius, fill) {
  brush.beginPath();
  brush.arc(...place(point), radius, 0, 7);
  brush.fillStyle = fill;
  brush.fill();
}

function paint({ canvas, note }, net) {
  const brush = canvas.getContext('2d'), scale = +slider.value, { points, labels, scales, spread } = clouds;
  brush.clearRect(0, 0, SIDE, SIDE);
  clouds.centres.forEach((blobs, k) => blobs.forEach((centre) => {
    for (const times of [1, 2, 3]) disc(brush, centre, (times * spread * SIDE) / (2 * REACH), COLOURS[k] + (k === label ? '33' : '14'));
  }));
  const from = 2 * points * (label + labels * (scale + scales.length * net));
  let outside = 0;
  for (let i = 0; i < points; i++) {
    const point = [clouds.samples[from + 2 * i], clouds.samples[from + 2 * i + 1]];
    if (Math.max(...point.map(Math.abs)) > REACH) outside++;
    else disc(brush, point, 4, COLOURS[label]);
  }
  note.textContent = `${percent(clouds.found[net][scale][label])} on its blobs` + (outside ? `, ${percent(outside / points)} outside the frame` : '');
}

function draw() {
  if (!clouds) return;
  element.querySelector('.slide output').textContent = clouds.scales[+slider.value];
  panels.forEach(paint);
}

function layOut() {
  panels = clouds.dropouts.map((rate) => {
    const figure = make('figure'), canvas = Object.assign(make('canvas'), { width: SIDE, height: SIDE });
    const caption = make('figcaption'), note = make('span');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `Points drawn after training with ${rate * 100} % dropout`);
    caption.append(make('b', `${rate * 100} % dropped`), note);
    figure.append(canvas, caption);
    return { figure, canvas, note };
  });
  find('panels').replaceChildren(...panels.map((p) => p.figure));
  const group = 'label-' + Math.random().toString(36).slice(2);
  find('labels').replaceChildren(...Array.from({ length: clouds.labels }, (_, k) => {
    const box = make('label'), input = Object.assign(make('input'), { type: 'radio', name: group, checked: k === label });
    input.onchange = () => { label = k; draw(); };
    box.append(input, make('span', 'label ' + 'ABC'[k]));
    return box;
  }));
}
slider.oninput = draw;

function show() {
  const value = props.value;
  if (!value || !value.kind || late(value)) return;
  say(value.text, value.error, value.share);
  advance(value.share);
  if (value.kind !== 'finished') return;
  clouds = { ...value, was: clouds && +slider.value, samples: new Float32Array(bytes(value.samples).buffer) };
  const chosen = clouds.was ?? Math.floor(value.scales.length / 2);
  slider.max = value.scales.length - 1;
  slider.value = chosen;
  find('all').hidden = false;
  layOut();
  draw();
}
watch('value', show);
show();
