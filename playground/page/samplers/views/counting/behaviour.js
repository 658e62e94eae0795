// Two rows, one slider: the long run, stopped, above; finished short runs below.
let columns = null;

function choose() {
  const column = columns[+find('at').value], which = find('which').value, last = columns.at(-1).steps;
  find('at-out').textContent = `${column.steps} of ${last}`;
  find('way').src = column[which];
  find('full').src = column.full;
  find('way-said').textContent = `A run of ${counted(last, 'step')}, after ${column.steps} of them`;
  find('full-said').textContent = `A run of ${counted(column.steps, 'step')}, finished`;
  [...find('strip').children].forEach((button, i) => {
    button.setAttribute('aria-pressed', i === +find('at').value);
    button.firstChild.src = columns[i][which];
  });
}

function layOut() {
  find('strip').replaceChildren(...columns.map((column, i) => {
    const button = make('button');
    button.type = 'button';
    button.append(Object.assign(make('img'), { alt: 'on its way' }), Object.assign(make('img'), { alt: 'finished', src: column.full }), make('span', column.steps));
    button.onclick = () => { find('at').value = i; choose(); };
    return button;
  }));
}
find('at').oninput = find('which').oninput = choose;

function show() {
  const value = props.value;
  if (!value || !value.kind || late(value)) return;
  say(value.text, value.error, value.share);
  advance(value.share);
  if (value.kind !== 'finished') return;
  columns = value.columns;
  find('at').max = columns.length - 1;
  find('at').value = Math.floor((columns.length - 1) / 2);
  find('all').hidden = false;
  layOut();
  choose();
}
watch('value', show);
show();
