// Long runs side by side.
const SIDE = 256;

function figure(lane) {
  const box = make('figure'), caption = make('figcaption');
  let picture;
  if (lane.image) picture = Object.assign(make('img'), { src: lane.image, alt: `What ${lane.label} drew` });
  else {
    picture = Object.assign(make('canvas'), { width: SIDE, height: SIDE });
    const brush = picture.getContext('2d');
    brush.imageSmoothingQuality = 'high';
    brush.drawImage(bitmap(lane.preview), 0, 0, SIDE, SIDE);
  }
  caption.append(make('b', lane.label), make('span', `${lane.done} of ${lane.count} network calls, ${lane.seconds.toFixed(1)} s`));
  box.append(picture, caption);
  return box;
}

function show() {
  const value = props.value;
  if (!value || !value.kind || late(value)) return;
  say(value.text, value.error, value.share);
  advance(value.share);
  if (value.kind === 'lanes') find('lanes').replaceChildren(...value.lanes.map(figure));
}
watch('value', show);
show();
