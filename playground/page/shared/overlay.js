// How a map lies over a picture: as colour, as a contour, or as light. Chosen for all views at once
// and remembered by this browser. COLOURMAP, in front of this, is viridis as hexadecimal digits.
const OVERLAYS = {
  colour: 'From dark blue to yellow, over the picture in grey: perceptually uniform, and safe for colour-blind eyes.',
  contour: 'A line at 0.4 of the way from the map’s lowest to its highest value: the threshold at which maps are measured.',
  light: 'The picture, darker where the map is low.',
};
const REMEMBERED = 'latent-playground.overlay', STRENGTH = 0.6, LEVEL = 0.4, FINE = 128;
const ramp = Array.from({ length: COLOURMAP.length / 6 }, (_, i) => [0, 2, 4].map((c) => parseInt(COLOURMAP.slice(6 * i + c, 6 * i + c + 2), 16)));
let overlay = 'colour';
try { overlay = localStorage.getItem(REMEMBERED) in OVERLAYS ? localStorage.getItem(REMEMBERED) : overlay; } catch { /* a browser may refuse */ }

// Lays a map [h·w] over what is painted already; `low` … `high` is the range that is told apart.
function lay(paint, map, h, w, low, high) {
  const { width, height } = paint.canvas;
  paint.save();
  if (overlay === 'light') paint.drawImage(veil(map, h, w, low, high), 0, 0, width, height);
  else if (overlay === 'colour') {
    paint.globalCompositeOperation = 'saturation';  // black has none: grey of the same lightness
    paint.fillRect(0, 0, width, height);
    paint.globalCompositeOperation = 'source-over';
    paint.globalAlpha = STRENGTH;
    paint.drawImage(tinted(map, h, w, low, high), 0, 0, width, height);
  } else {
    paint.scale(width, height);
    const line = new Path2D();
    for (const [from, to] of contour(map, h, w, low + LEVEL * (high - low))) { line.moveTo(...from); line.lineTo(...to); }
    paint.lineCap = 'round';
    for (const [size, colour] of [[7, 'black'], [3, 'white']]) {  // one of them is seen on anything
      Object.assign(paint, { lineWidth: size / Math.max(width, height), strokeStyle: colour });
      paint.stroke(line);
    }
  }
  paint.restore();
}

// Values are interpolated, not colours: halfway from blue to yellow is green, not grey.
function tinted(map, h, w, low, high) {
  const scale = Math.max(1, Math.floor(FINE / Math.max(h, w))), pixels = new ImageData(w * scale, h * scale);
  for (let y = 0; y < h * scale; y++) for (let x = 0; x < w * scale; x++) {
    const v = sample(map, h, w, (x + 0.5) / (w * scale), (y + 0.5) / (h * scale));
    const at = Math.round((ramp.length - 1) * Math.min(Math.max((v - low) / Math.max(high - low, 1e-9), 0), 1));
    pixels.data.set([...ramp[at], 255], 4 * (y * w * scale + x));
  }
  return still(pixels);
}

// Where a map crosses a level, as segments between points (x, y) in 0 … 1: marching squares on the
// centres of its positions, which go on beyond the border as they are at it.
function contour(map, h, w, level) {
  const segments = [], value = (x, y) => map[Math.min(Math.max(y, 0), h - 1) * w + Math.min(Math.max(x, 0), w - 1)];
  for (let y = -1; y < h; y++) for (let x = -1; x < w; x++) {
    const corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]], values = corners.map(([i, j]) => value(i, j)), points = [];
    corners.forEach(([i, j], k) => {
      const [k2, l] = corners[(k + 1) % 4], a = values[k], b = values[(k + 1) % 4];
      if ((a >= level) === (b >= level)) return;
      const t = (level - a) / (b - a);
      points.push([(i + t * (k2 - i) + 0.5) / w, (j + t * (l - j) + 0.5) / h]);
    });
    if (points.length === 2) segments.push(points);
    if (points.length < 4) continue;
    const joined = (values.reduce((a, b) => a + b) / 4 >= level) === (values[0] >= level);  // a saddle
    segments.push(...(joined ? [[points[0], points[1]], [points[2], points[3]]] : [[points[3], points[0]], [points[1], points[2]]]));
  }
  return segments;
}

// The colour bar with its numbers; nothing, but its room, without a map.
function showBar(low, high) {
  const box = find('colourbar'), shown = low !== undefined;
  box.classList.toggle('idle', !shown);
  if (!shown) return;
  const strip = make('i', '', overlay), marks = [[0, low], [overlay === 'contour' ? LEVEL : 0.5], [1, high]];
  if (overlay === 'colour') strip.style.background = `linear-gradient(to right, ${ramp.filter((_, i) => i % 15 === 0).map((c) => `rgb(${c})`).join()})`;
  box.replaceChildren(strip, ...marks.map(([at, share]) => {
    const mark = make('span', (at === LEVEL ? 'line: ' : '') + attended(share ?? low + at * (high - low)));
    mark.style.left = 100 * at + '%';
    return mark;
  }));
}

// The control: all views follow it.
function offerOverlays(redraw) {
  const box = find('overlays'), group = 'overlay' + Math.random().toString(36).slice(2);
  if (box) box.append(...Object.entries(OVERLAYS).map(([name, title]) => {
    const label = Object.assign(make('label'), { title }), input = Object.assign(make('input'), { type: 'radio', name: group, value: name });
    input.onchange = () => {
      try { localStorage.setItem(REMEMBERED, name); } catch { /* then it is not remembered */ }
      document.dispatchEvent(new CustomEvent('overlay', { detail: name }));
    };
    label.append(input, make('span', name));
    return label;
  }));
  const follow = () => box?.querySelectorAll('input').forEach((input) => { input.checked = input.value === overlay; });
  document.addEventListener('overlay', ({ detail }) => { overlay = detail; follow(); redraw(); });
  follow();
}
