// The worked pixel: one position's scores → softmax → weighted values, for a layer and head.
const layerBox = find('layer'), headBox = find('one'), special = (i) => i === 0 || i > data.content;
let data = null;

function options(select, texts, chosen) {
  select.replaceChildren(...texts.map((text, i) => Object.assign(make('option', text), { value: i })));
  select.value = chosen;
}

// How much of its attention a head gives to the words at this position.
const heard = (layer, head) => 1 - data.tokens.reduce((sum, _, i) => sum + (special(i) ? layer.weights[head][i] : 0), 0);
const argmax = (values) => values.indexOf(Math.max(...values));
const loudest = (layer) => argmax(layer.weights.map((_, head) => heard(layer, head)));

function cell(text, share) {
  const td = make('td'), box = make('div', '', 'cell'), room = make('div', '', 'room'), bar = make('div', '', 'bar');
  bar.style.width = Math.max(0, share * 100) + '%';
  room.append(bar);
  box.append(make('span', text), room);
  td.append(box);
  return td;
}

function draw() {
  const layer = data.layers[+layerBox.value], head = +headBox.value;
  const weights = layer.weights[head], moves = layer.moves[head], most = Math.max(...moves, 1e-9);
  element.querySelector('tbody').replaceChildren(...data.tokens.map((text, i) => {
    const row = make('tr', '', special(i) ? 'special' : '');
    row.append(make('td', text), make('td', layer.scores[head][i].toFixed(2), 'number'), cell(percent(weights[i], 1), weights[i]), cell(moves[i].toFixed(3), moves[i] / most));
    return row;
  }));
  offerTable(find('csv'), 'latent-playground-position', [['token', 'score', 'weight', 'moves the feature by'], ...data.tokens.map((text, i) => [text, layer.scores[head][i], weights[i], moves[i]])]);
  const words = weights.map((p, i) => (special(i) ? -1 : p)), top = argmax(words);
  const listens = words[top] < 0 ? '' : ` Of the words it listens most to “${data.tokens[top]}” (${percent(words[top], 1)}).`;
  find('sum').textContent = `Step ${data.step + 1}, row ${layer.row + 1}, column ${layer.column + 1} of ${layer.h}×${layer.w}, queries and keys of ${layer.width} numbers.${listens} `
    + `This head’s weighted sum has length ${layer.moved[head].toFixed(3)}; all heads together add ${layer.total.toFixed(2)} to a feature of length ${layer.feature.toFixed(2)} (${percent(layer.total / Math.max(layer.feature, 1e-9))}).`;
}

function show() {
  const value = props.value;
  if (!value || !value.kind) return;
  say(value.text ?? 'Click another position or go to another step above. The score of all padding together is log Σ exp of its scores.', value.error);
  if (value.kind === 'unfit') data = null;
  find('worked').classList.toggle('empty', !data);
  if (value.kind !== 'worked') return;
  const kept = data && data.layers.length === value.layers.length && data.tokens.join() === value.tokens.join();
  data = value;
  const finest = Math.max(...data.layers.map((l) => l.h));  // the finest grid fits the picture best
  const layer = kept ? +layerBox.value : argmax(data.layers.map((l) => (l.h === finest ? heard(l, loudest(l)) : -1)));
  options(layerBox, data.layers.map((l) => `${l.label} (${l.h}×${l.w})`), layer);
  options(headBox, data.layers[layer].weights.map((_, i) => i + 1), kept ? +headBox.value : loudest(data.layers[layer]));
  find('worked').classList.remove('empty');
  draw();
}
layerBox.onchange = () => {
  options(headBox, data.layers[+layerBox.value].weights.map((_, i) => i + 1), loudest(data.layers[+layerBox.value]));
  draw();
};
headBox.onchange = draw;
watch('value', show);
show();
