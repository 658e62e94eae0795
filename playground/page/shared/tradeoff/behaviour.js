// A measured table: every number with a bar, as long as it is of its column's largest.
const shown = (value, column) => column.percent ? percent(value) : Number.isInteger(value) ? value : value.toPrecision(3);

let run = null, ignored = null;  // names of the measurement that runs, and of the one that was stopped

function show() {
  const value = props.value;
  if (!value) return;
  if (value.stopped && run === null) return;  // there was nothing to stop
  const late = value.run && value.run === ignored;
  if (value.stopped) ignored = run;
  if (!late) run = value.run ?? null;
  if (value.rows) fill(value);
  if (!late) say(value.text, value.error);
}

function fill({ heading, caption, columns, rows, folded }) {
  const table = element.querySelector('table'), closes = !!folded && rows.length > 0;
  if (find('name').hidden === closes) {  // later it stays as the visitor has left it
    find('name').hidden = !closes;
    find('fold').open = !closes;
  }
  table.hidden = find('help').hidden = find('keep').hidden = !rows.length;
  offerTable(find('csv'), `latent-playground-${heading.replace(/[^a-z0-9]+/gi, '-')}`, [[heading, ...columns.map(({ label }) => label)], ...rows.map(({ name, values }) => [name, ...values])]);
  table.caption.textContent = caption;
  const names = columns.map((column) => Object.assign(make('th', column.label), { scope: 'col' }));
  find('columns').replaceChildren(...columns.flatMap((column) => [make('dt', column.label), make('dd', column.help)]));
  element.querySelector('thead tr').replaceChildren(Object.assign(make('th', heading), { scope: 'col' }), ...names);
  const largest = columns.map((_, k) => Math.max(...rows.map((row) => row.values[k]), 1e-9));
  element.querySelector('tbody').replaceChildren(...rows.map((row) => {
    const line = make('tr');
    line.append(Object.assign(make('th', row.name), { scope: 'row' }));
    row.values.forEach((number, k) => {
      const cell = make('td', shown(number, columns[k])), bar = make('i');
      bar.style.width = `${100 * number / largest[k]}%`;
      cell.append(bar);
      line.append(cell);
    });
    return line;
  }));
}
watch('value', show);
show();
