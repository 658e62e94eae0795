// What every view has at hand, in front of its own behaviour.
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const make = (tag, text, cls) => Object.assign(document.createElement(tag), { textContent: text ?? '', className: cls ?? '' });
const percent = (share) => (share * 100).toFixed(share < 0.1 ? 1 : 0) + ' %';

// A small canvas of packed pixels.
function bitmap({ h, w, rgb }) {
  const small = Object.assign(document.createElement('canvas'), { width: w, height: h });
  const data = new ImageData(w, h), from = bytes(rgb);
  for (let i = 0; i < w * h; i++) data.data.set([from[3 * i], from[3 * i + 1], from[3 * i + 2], 255], 4 * i);
  small.getContext('2d').putImageData(data, 0, 0);
  return small;
}

// Bilinear value of a map [h·w] at (x, y) in 0 … 1, places being squares around their centres.
function sample(map, h, w, x, y) {
  const fx = Math.min(Math.max(x * w - 0.5, 0), w - 1), fy = Math.min(Math.max(y * h - 0.5, 0), h - 1);
  const x0 = Math.floor(fx), y0 = Math.floor(fy), x1 = Math.min(x0 + 1, w - 1), y1 = Math.min(y0 + 1, h - 1);
  const ax = fx - x0, ay = fy - y0;
  return (map[y0 * w + x0] * (1 - ax) + map[y0 * w + x1] * ax) * (1 - ay) + (map[y1 * w + x0] * (1 - ax) + map[y1 * w + x1] * ax) * ay;
}

