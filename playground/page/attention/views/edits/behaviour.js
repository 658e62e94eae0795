// Prompt editing: the form asks the server for a pair of pictures, which are then explored here.
const form = element.querySelector('form'), share = element.querySelector('.share input');
const figures = [...element.querySelectorAll('.side')], differs = element.querySelector('.differs');
const canvases = figures.map((figure) => figure.querySelector('canvas')), radios = [...element.querySelectorAll('.kinds input')];
const group = 'edit' + Math.random().toString(36).slice(2);
let source = null, sides = null, lit = [], arrived = 0;

function paint(canvas, image) {
  const width = image.naturalWidth ?? image.width, height = image.naturalHeight ?? image.height;
  const scale = 384 / Math.max(width, height);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
}

// ---- the form --------------------------------------------------------------------------------
const kind = () => radios.find((radio) => radio.checked).value;
const SHARES = { swap: 1, refine: 0.8, reweight: 1 };  // where the measured effect is largest and the edit still happens
let ownShare = false;
function showKind() {
  for (const name of ['swap', 'refine', 'reweight']) find(name).hidden = name !== kind();
  if (!ownShare) share.value = SHARES[kind()];
  showShare();
}
const showShare = () => { element.querySelector('.share output').textContent = percent(+share.value); };
radios.forEach((radio) => { radio.name = group; radio.onchange = showKind; });
share.oninput = () => { ownShare = true; showShare(); };

function slider(word, number) {
  const label = make('label'), value = make('output', '1'), input = make('input');
  Object.assign(input, { type: 'range', min: -3, max: 3, step: 0.1 });
  input.value = 1;
  input.dataset.number = number;
  input.oninput = () => { value.textContent = input.value; };
  label.append(make('b', word.text), value, input);
  return label;
}

function fill(value) {
  source = value;
  find('edits').classList.remove('empty', 'unfit');
  forget();
  find('word').replaceChildren(...value.words.map((word, i) => Object.assign(make('option', word.text + (word.which ? ` (${word.which + 1})` : '')), { value: i })));
  find('word').value = Math.min(1, value.words.length - 1);  // the first is most often “a”
  find('prompt').value = value.prompt;
  find('reweight').replaceChildren(...value.words.map(slider));
}

// What is there is of another picture.
function forget() {
  sides = null;
  find('result').hidden = true;
  clearVerdict();
  say('');
}

function unfit(value) {
  source = null;
  forget();
  find('edits').classList.remove('empty');
  find('edits').classList.add('unfit');
  say(value.text);
}

form.onsubmit = (event) => {
  event.preventDefault();
  const word = source.words[find('word').value], weights = {};
  element.querySelectorAll('.reweight input').forEach((input) => { weights[input.dataset.number] = +input.value; });
  busy('Getting ready …');
  trigger('edit', { kind: kind(), link: source.link, word: word?.text ?? '', which: word?.which ?? 0, by: find('by').value, prompt: find('prompt').value, weights, share: +share.value });
};

function busy(text, share) {
  form.querySelector('button').disabled = true;
  clearVerdict();
  say(text, false, share);
}

function clearVerdict() {  // it was of other pictures
  for (const name of ['verdict', 'happened']) find(name).textContent = '';
  element.querySelectorAll('.seen').forEach((line) => { line.textContent = ''; });
}

// ---- the pictures ------------------------------------------------------------------------
function drawSide(i) {
  const side = sides[i], canvas = canvases[i];
  paint(canvas, side.image);
  figures[i].querySelectorAll('.words button').forEach((b, k) => b.setAttribute('aria-pressed', lit[i] === k));
  if ((lit[i] ?? null) === null) return;
  const n = side.h * side.w, map = side.shares.subarray(lit[i] * n, (lit[i] + 1) * n), high = Math.max(...map), low = Math.min(...map);
  lay(canvas.getContext('2d'), map, side.h, side.w, low, high);
}

function chips(i) {
  const box = figures[i].querySelector('.words');
  let pinned = null;
  box.replaceChildren(...sides[i].words.map((word, k) => {
    const chip = Object.assign(make('button', word.text, sides[i].touched.includes(k) ? 'touched' : ''), { type: 'button' });
    chip.onpointerenter = (e) => { if (e.pointerType === 'mouse') { lit[i] = k; drawSide(i); } };
    chip.onpointerleave = chip.onblur = () => { lit[i] = pinned; drawSide(i); };
    chip.onfocus = () => { if (chip.matches(':focus-visible')) { lit[i] = k; drawSide(i); } };
    chip.onclick = () => { pinned = pinned === k ? null : k; lit[i] = pinned; drawSide(i); };
    return chip;
  }));
}

// So many pictures are there, finished or not.
function layOut(count, done) {
  find('result').hidden = false;
  differs.hidden = !done;
  figures.forEach((figure, i) => {
    figure.hidden = i >= count;
    const link = figure.querySelector('.use');
    if (link) link.hidden = !done;
  });
}

async function showEdited(value, ticket) {
  const images = await Promise.all(value.sides.map((side) => imageOf(side.png)));
  if (ticket !== arrived) return;
  sides = value.sides.map((side, i) => ({ ...side, image: images[i], shares: Float32Array.from(new Uint16Array(bytes(side.shares).buffer), (v) => v / 65535) }));
  lit = [];
  layOut(sides.length, true);
  sides.forEach(({ link }, i) => {
    chips(i);
    drawSide(i);
    figures[i].querySelector('.seen').textContent = value.happened.seen[i] ? `The oracle sees ${value.happened.seen[i]}.` : '';
    figures[i].querySelector('.use')?.setAttribute('href', addressOf(link));
  });
  paint(differs.querySelector('canvas'), bitmap(value.difference));
  find('verdict').textContent = value.verdict;
  find('happened').textContent = value.happened.text;
  find('happened').classList.toggle('right', value.happened.right === true);
  find('happened').classList.toggle('wrong', value.happened.right === false);
  form.querySelector('button').disabled = false;
  say(value.text);
}

function show() {
  const value = props.value;
  if (!value || !value.kind || late(value)) return;
  arrived += 1;
  if (value.kind === 'ready') return fill(value);
  if (value.kind === 'unfit') return unfit(value);
  if (value.kind === 'edited') return showEdited(value, arrived);
  if (value.kind === 'sampling') {
    layOut(value.previews.length, false);
    element.querySelectorAll('.result .words').forEach((box) => box.replaceChildren());
    value.previews.forEach((preview, i) => paint(canvases[i], bitmap(preview)));
    return busy(value.text, value.share);
  }
  form.querySelector('button').disabled = false;
  if (value.error) clearVerdict();
  say(value.text, value.error);
}
showKind();
offerOverlays(() => sides?.forEach((_, i) => drawSide(i)));
watch('value', show);
show();
