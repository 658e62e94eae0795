// x_t = signal·x0 + noise·ε for any t, mixed here; its decoded picture is of the nearest t there is.
let data = null;

function draw() {
  const at = +find('time').value, t = data.times[at], signal = data.signals[at], noise = data.noises[at], { c, h, w } = data, size = h * w;
  const canvas = find('mixed'), pixels = new ImageData(w, h);
  for (let i = 0; i < size; i++) {
    const colour = [...data.map[c]];
    for (let k = 0; k < c; k++) {
      const value = signal * data.latents[k * size + i] + noise * data.noise[k * size + i];
      for (let rgb = 0; rgb < 3; rgb++) colour[rgb] += value * data.map[k][rgb];
    }
    pixels.data.set([...colour.map((v) => (Math.min(Math.max(v, -1), 1) + 1) * 127.5), 255], 4 * i);
  }
  Object.assign(canvas, { width: w, height: h });
  canvas.getContext('2d').putImageData(pixels, 0, 0);
  const nearest = data.decoded.reduce((best, one) => (Math.abs(one.t - t) < Math.abs(best.t - t) ? one : best));
  find('decoded').src = nearest.image;
  find('decoded-said').textContent = `decoded, at t = ${nearest.t}`;
  find('time-out').textContent = t;
  const ratio = signal * signal / (noise * noise);
  const decibels = ratio ? `, that is ${(10 * Math.log10(ratio)).toFixed(1)} dB` : '';
  find('said').textContent = data.flow ? `1 − σ = ${signal.toFixed(3)} of the picture, σ = ${noise.toFixed(3)} of the noise; signal-to-noise ratio ${ratio.toPrecision(3)}${decibels}.`
    : `√ᾱ = ${signal.toFixed(3)} of the picture, √(1 − ᾱ) = ${noise.toFixed(3)} of the noise; σ = ${(noise / signal).toPrecision(3)}; signal-to-noise ratio ${ratio.toPrecision(3)}${decibels}.`;
}
find('time').oninput = draw;

function show() {
  const value = props.value;
  if (!value || !value.kind || late(value)) return;
  say(value.text, value.error, value.share);
  advance(value.share);
  if (value.kind !== 'finished') return;
  const floats = (text) => new Float32Array(bytes(text).buffer);
  data = { ...value, latents: floats(value.latents), noise: floats(value.noise), times: floats(value.times), signals: floats(value.signals), noises: floats(value.noises) };
  find('time').max = data.times.length - 1;
  find('all').hidden = false;
  draw();
}
watch('value', show);
show();
