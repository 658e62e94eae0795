// Per word the mean of its share over positions and calls, on the finest grid that was recorded.
const FULL = 65535;

function show() {
  const value = props.value, level = value?.kind === 'finished' && value.levels[0];
  const read = level && value.words.length;
  if (!read && value?.kind !== 'finished') return;
  find('empty').hidden = !!read;
  find('all').hidden = !read;
  if (!read) return;
  const { h, w, steps, shares, masses } = level, words = value.words, all = new Uint16Array(bytes(shares).buffer), size = h * w;
  const mean = words.map((_, k) => {
    let sum = 0;
    for (let s = 0; s < steps; s++) for (let i = 0; i < size; i++) sum += all[(s * words.length + k) * size + i];
    return sum / (steps * size * FULL);
  });
  const most = Math.max(...mean, 1e-9);
  find('words').replaceChildren(...words.flatMap(({ text, content }, k) => {
    const track = make('dd'), fill = make('i');
    fill.style.width = `${100 * mean[k] / most}%`;
    track.append(fill);
    return [make('dt', text, content ? '' : 'function'), track, make('dd', attended(mean[k]))];
  }));
  const [start, content, end, padding] = [0, 1, 2, 3].map((j) => masses.reduce((sum, mass) => sum + mass[j], 0) / masses.length);
  find('said').textContent = `Shares of the words' attention, on the grid of ${h}×${w} positions, over ${counted(steps, 'call')}. Of all attention the words got ${attended(content)}, the start token ${attended(start)}, the end token ${attended(end)}, padding ${attended(padding)}.`;
}
watch('value', show);
show();
