// What every view has at hand, in front of its own behaviour.
const find = (name) => element.querySelector('.' + name);
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const make = (tag, text, cls) => Object.assign(document.createElement(tag), { textContent: text ?? '', className: cls ?? '' });

// What happens in a view, for the page around it (remembering/browser/).
const tell = (name, detail) => document.dispatchEvent(new CustomEvent('playground:' + name, { detail }));

// Show what arrives: by gradio, and past it while the visitor types (page/at_once.js).
function shows(show) {
  watch('value', () => show(props.value));
  document.addEventListener('playground:at-once', ({ detail }) => {
    if (element.closest('#' + detail.view)) show(detail.value);
  });
  show(props.value);
}

// Whose picture a view shows that does not follow the recipe's run.
function tellOf(link) {
  if (link) element.firstElementChild.dataset.of = link;
  tell('lens', link);
}

// The page's address with another recipe: the theme and the lens stay, the place in a picture does not.
function addressOf(link) {
  const url = new URL(location.href);
  url.searchParams.set('r', link);
  for (const name of ['step', 'word', 'stop']) url.searchParams.delete(name);
  return url.pathname + url.search;
}

// A share as playground/wording.py writes it: half a unit rounds up.
function percent(share, digits = 0) {
  const scale = 10 ** digits;
  return (Math.floor(100 * scale * share + 0.5 + 1e-9) / scale).toFixed(digits) + ' %';
}

// As playground/wording.py: 1 step, 15 steps.
const counted = (number, noun) => `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;

// A share of attention: small ones get one more digit, so that words can be told apart.
const attended = (share) => percent(share, share < 0.1 ? 1 : 0);

// Words of a position with their shares, highest first. Function words collect attention that no
// word needs, as the start token does, and would be first nearly everywhere. So the other words are
// ranked by their shares among themselves (heatmaps.of_content); the rest is named beside them.
function ranked(words, shares) {
  const all = words.map(({ text, content }, k) => ({ text, content, share: shares[k] }));
  const sum = (some) => some.reduce((total, { share }) => total + share, 0);
  const content = all.filter((word) => word.content), left = all.filter((word) => !word.content);
  const rows = content.length ? content : all, whole = Math.max(sum(rows), 1e-12);
  const names = [...new Set(left.map(({ text }) => `“${text.toLowerCase()}”`))].join(', ');
  return {
    rows: rows.map(({ text, share }) => [text, share / whole]).sort((a, b) => b[1] - a[1]),
    aside: content.length && left.length ? `Without ${names}, which got ${attended(sum(left) / Math.max(sum(all), 1e-12))} here.` : '',
  };
}
function listWords(rows, aside = '', most = 1) {
  for (const [text, share] of rows) {
    const track = make('div'), fill = make('i');
    fill.style.width = Math.max(1, (share / most) * 100) + '%';
    track.append(fill);
    find('ranking').append(make('b', text), track, make('span', attended(share)));
  }
  if (aside) find('ranking').append(make('p', aside, 'hint'));
}

// The view's sentence.
// While a share of the work is done it is not read out: nobody wants to hear of every network call.
function say(text, error, share) {
  find('status').ariaLive = share > 0 && share < 1 ? 'off' : 'polite';
  find('status').textContent = text;
  find('status').classList.toggle('error', !!error);
}

// Its bar, there while `share` 0 … 1 of the work is done.
function advance(share) {
  const running = share !== undefined && share !== null;
  find('progress').hidden = !running;
  if (running) find('bar').style.width = 100 * share + '%';
}

// Whether a value was still on its way when its run was stopped. A run begins with a share of 0.
let halted = false;
function late({ stopped, share }) {
  if (stopped || !share) halted = !!stopped;
  return halted && !stopped;
}

// Lines by their samplers.
const COLOURS = ['#4f46e5', '#d97706', '#059669', '#db2777', '#0891b2', '#65a30d', '#9333ea', '#dc2626', '#64748b', '#a16207', '#0d9488', '#be123c'];

// A PNG's image, once it is there.
function imageOf(png) {
  const image = new Image();
  return new Promise((done) => { image.onload = () => done(image); image.src = 'data:image/png;base64,' + png; });
}

// A small canvas of an ImageData, and of packed pixels.
function still(pixels) {
  const small = Object.assign(document.createElement('canvas'), { width: pixels.width, height: pixels.height });
  small.getContext('2d').putImageData(pixels, 0, 0);
  return small;
}
function bitmap({ h, w, rgb }) {
  const pixels = new ImageData(w, h), from = bytes(rgb);
  for (let i = 0; i < w * h; i++) pixels.data.set([from[3 * i], from[3 * i + 1], from[3 * i + 2], 255], 4 * i);
  return still(pixels);
}

// Darkness over a map [h·w], from none where it is `high` to the most where it is `low`.
function veil(map, h, w, low, high) {
  const pixels = new ImageData(w, h);
  map.forEach((v, i) => { pixels.data[4 * i + 3] = 225 * (1 - (v - low) / Math.max(high - low, 1e-9)); });
  return still(pixels);
}

// Bilinear value of a map [h·w] at (x, y) in 0 … 1, positions being squares around their centres.
function sample(map, h, w, x, y) {
  const fx = Math.min(Math.max(x * w - 0.5, 0), w - 1), fy = Math.min(Math.max(y * h - 0.5, 0), h - 1);
  const x0 = Math.floor(fx), y0 = Math.floor(fy), x1 = Math.min(x0 + 1, w - 1), y1 = Math.min(y0 + 1, h - 1);
  const ax = fx - x0, ay = fy - y0;
  return (map[y0 * w + x0] * (1 - ax) + map[y0 * w + x1] * ax) * (1 - ay) + (map[y1 * w + x0] * (1 - ax) + map[y1 * w + x1] * ax) * ay;
}

// ∏ share^weight over grids from the finest on, normalised over the words: heatmaps.product.
// parts: [{h, w, maps: [words][h·w]}] with the finest first.
function product(parts, weights) {
  const used = parts.map((_, g) => weights[g] ?? 0), { h, w, maps } = parts[0];
  for (let g = parts.length; g < weights.length; g++) used[parts.length - 1] += weights[g];
  const out = maps.map(() => new Float32Array(h * w));
  parts.forEach((part, g) => used[g] && part.maps.forEach((map, k) => {
    for (let i = 0; i < h * w; i++) out[k][i] += used[g] * Math.log(Math.max(sample(map, part.h, part.w, ((i % w) + 0.5) / w, (Math.floor(i / w) + 0.5) / h), 1e-3));
  }));
  for (let i = 0; i < h * w; i++) {
    const total = out.reduce((sum, map) => sum + (map[i] = Math.exp(map[i])), 0);
    for (const map of out) map[i] /= total;
  }
  return { h, w, maps: out };
}

// Mean over windows of 2r + 1 positions each way, cut off at the border, by running sums.
function windows(x, h, w, r) {
  const pass = (from, count, stride, lines, step) => {
    const to = new Float64Array(from.length), sums = new Float64Array(count + 1);
    for (let line = 0; line < lines; line++) {
      for (let i = 0; i < count; i++) sums[i + 1] = sums[i] + from[line * step + i * stride];
      for (let i = 0; i < count; i++) {
        const low = Math.max(i - r, 0), high = Math.min(i + r + 1, count);
        to[line * step + i * stride] = (sums[high] - sums[low]) / (high - low);
      }
    }
    return to;
  };
  return pass(pass(x, w, 1, h, w), h, w, w, 1);
}

// The guided filter (He et al. 2010), as heatmaps.along_edges: maps on the picture's pixels.
const EDGES_AT = 128;  // pixels of the picture's longer side
function alongEdges({ h, w, maps }, picture, radius) {
  const scale = EDGES_AT / Math.max(picture.width, picture.height);
  const width = Math.round(picture.width * scale), height = Math.round(picture.height * scale), n = width * height;
  const r = Math.max(1, Math.round(radius * EDGES_AT)), mean = (x) => windows(x, height, width, r), of = (f) => Float64Array.from({ length: n }, (_, i) => f(i));
  const small = Object.assign(document.createElement('canvas'), { width, height }), brush = small.getContext('2d');
  brush.drawImage(picture, 0, 0, width, height);
  const { data } = brush.getImageData(0, 0, width, height);
  const I = [0, 1, 2].map((c) => of((i) => data[4 * i + c] / 255)), mI = I.map(mean);
  const S = I.map((x, a) => I.map((y, b) => (b < a ? null : mean(of((i) => x[i] * y[i])).map((v, i) => v - mI[a][i] * mI[b][i] + (a === b ? 1e-3 : 0)))));
  const fine = maps.map((map) => {
    const p = of((i) => sample(map, h, w, ((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / height)), mp = mean(p);
    const t = I.map((x, c) => mean(of((i) => x[i] * p[i])).map((v, i) => v - mI[c][i] * mp[i]));
    const slope = [0, 1, 2].map(() => new Float64Array(n)), offset = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const xx = S[0][0][i], xy = S[0][1][i], xz = S[0][2][i], yy = S[1][1][i], yz = S[1][2][i], zz = S[2][2][i];
      const u = yy * zz - yz * yz, v = xz * yz - xy * zz, q = xy * yz - xz * yy, det = xx * u + xy * v + xz * q;  // the first row of the inverse
      const [a, b, c] = [t[0][i], t[1][i], t[2][i]];
      slope[0][i] = (u * a + v * b + q * c) / det;
      slope[1][i] = (v * a + (xx * zz - xz * xz) * b + (xy * xz - xx * yz) * c) / det;
      slope[2][i] = (q * a + (xy * xz - xx * yz) * b + (xx * yy - xy * xy) * c) / det;
      offset[i] = mp[i] - slope[0][i] * mI[0][i] - slope[1][i] * mI[1][i] - slope[2][i] * mI[2][i];
    }
    const [x, y, z, rest] = [...slope, offset].map(mean);
    return Float32Array.from({ length: n }, (_, i) => Math.min(Math.max(x[i] * I[0][i] + y[i] * I[1][i] + z[i] * I[2][i] + rest[i], 0), 1));
  });
  return { h: height, w: width, maps: fine };
}

// Whether the visitor asked for less motion: then what plays goes to its end at once.
const CALM = globalThis.matchMedia?.('(prefers-reduced-motion: reduce)') ?? { matches: false };

// Lets a link save rows of cells as a table for other programs.
function offerTable(link, name, rows) {
  const cell = (value) => (/[",\n]/.test(value ?? '') ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ''));
  const text = rows.map((row) => row.map(cell).join(',')).join('\r\n');
  Object.assign(link, { href: 'data:text/csv;charset=utf-8,%EF%BB%BF' + encodeURIComponent(text), download: name + '.csv' });
}

// Of a chart's many points one is a stop of Tab; arrow keys go on along its line, and to the nearest
// one of the next lines. A point says its line and its place there in data-line and data-at.
function walking(chart, points, only) {
  points.forEach((point) => { point.tabIndex = point === only ? 0 : -1; });
  chart.onkeydown = (event) => {
    const from = event.target, along = { ArrowLeft: -1, ArrowRight: 1 }[event.key], across = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!points.includes(from) || !(along || across)) return;
    event.preventDefault();
    const lines = [...new Set(points.map((point) => point.dataset.line))], off = (point) => Math.abs(point.dataset.at - from.dataset.at);
    const line = points.filter((point) => point.dataset.line === (along ? from.dataset.line : lines[lines.indexOf(from.dataset.line) + across]));
    const to = along ? line[line.indexOf(from) + along] : line.sort((a, b) => off(a) - off(b))[0];
    if (!to) return;
    points.forEach((point) => { point.tabIndex = point === to ? 0 : -1; });
    to.focus();
  };
}
