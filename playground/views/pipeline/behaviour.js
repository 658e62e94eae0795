// The pipeline strip: draws what it is given, once per finished run.
const make = (tag, text, cls) => Object.assign(document.createElement(tag), { textContent: text ?? '', className: cls ?? '' });

function bitmap({ h, w, rgb }) {
  const canvas = Object.assign(document.createElement('canvas'), { width: w, height: h });
  const data = new ImageData(w, h), from = Uint8Array.from(atob(rgb), (c) => c.charCodeAt(0));
  for (let i = 0; i < w * h; i++) data.data.set([from[3 * i], from[3 * i + 1], from[3 * i + 2], 255], 4 * i);
  canvas.getContext('2d').putImageData(data, 0, 0);
  return canvas;
}

function box(stage) {
  const el = make('div', '', 'stage');
  el.append(make('h4', stage.title), make('p', stage.shape));
  if (stage.seconds !== null) el.append(make('p', `${stage.seconds.toFixed(3)} s`));
  if (stage.tokens.length) {
    const list = make('div', '', 'tokens');
    for (const [text, id] of stage.tokens) {
      const token = make('span', text);
      token.append(make('small', id));
      list.append(token);
    }
    el.append(list);
  }
  if (stage.rasters.length) {
    const grid = make('div', '', stage.rasters.length === 1 ? 'rasters single' : 'rasters');
    grid.append(...stage.rasters.map(bitmap));
    el.append(grid);
  }
  if (stage.text) el.append(make('p', stage.text));
  return el;
}

function show() {
  if (!props.value || !props.value.stages) return;
  element.querySelector('.stages').replaceChildren(...props.value.stages.map(box));
  element.querySelector('.summary').textContent = props.value.summary;
}
watch('value', show);
show();
