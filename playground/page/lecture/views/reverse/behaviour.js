// pred_x0 of every call of the run, and how far each is from the last.
const SIDE = 256;
let previews = [], apart = [];

function distances() {
  const all = previews.map(({ rgb }) => bytes(rgb)), last = all.at(-1);
  return all.map((one) => Math.sqrt(one.reduce((sum, v, i) => sum + (v - last[i]) ** 2, 0) / one.length));
}

function choose() {
  const at = +find('at').value, brush = find('guess').getContext('2d'), shot = bitmap(previews[at]);
  const ratio = shot.width / shot.height, canvas = find('guess');
  Object.assign(canvas, { width: ratio < 1 ? Math.round(SIDE * ratio) : SIDE, height: ratio > 1 ? Math.round(SIDE / ratio) : SIDE });
  brush.imageSmoothingQuality = 'high';
  brush.drawImage(shot, 0, 0, canvas.width, canvas.height);
  find('at-out').textContent = `${at + 1} of ${previews.length}`;
  find('guess-said').textContent = `pred_x0 of network call ${at + 1}`;
  find('said').textContent = `${apart[at].toFixed(0)} of 255 levels from the last call's guess (RMSE of the previews).`;
  [...find('strip').children].forEach((button, i) => button.setAttribute('aria-pressed', i === at));
}
find('at').oninput = choose;

function show() {
  const value = props.value;
  if (value?.kind !== 'finished') return;
  previews = value.previews;
  apart = distances();
  find('end').src = 'data:image/png;base64,' + value.png;
  find('at').max = previews.length - 1;
  find('at').value = Math.floor(previews.length / 3);
  find('strip').replaceChildren(...previews.map((preview, i) => {
    const button = make('button'), small = bitmap(preview);
    button.type = 'button';
    button.setAttribute('aria-label', `Network call ${i + 1}`);
    button.append(small, make('span', i + 1));
    button.onclick = () => { find('at').value = i; choose(); };
    return button;
  }));
  find('empty').hidden = true;
  find('all').hidden = false;
  choose();
}
watch('value', show);
show();
