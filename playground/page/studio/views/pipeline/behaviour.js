// The pipeline strip: draws what it is given, once per finished run.

function box(stage) {
  const el = make('div', '', 'stage');
  el.append(make('h4', stage.title), make('p', stage.shape));
  if (stage.seconds !== null) el.append(make('p', stage.seconds < 0.001 ? 'under 1 ms' : `${stage.seconds.toFixed(3)} s`));
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
