// A measured table: every number with a bar, as long as it is of its column's largest.
const shown = (value, column) => column.percent ? `${Math.round(100 * value)} %` : value.toPrecision(3);

function show() {
  const value = props.value;
  if (!value || !value.rows) return;
  const { columns, rows } = value;
  const names = columns.map((column) => Object.assign(make('th', column.label), { title: column.help, scope: 'col' }));
  element.querySelector('thead tr').replaceChildren(Object.assign(make('th', value.heading), { scope: 'col' }), ...names);
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
  element.querySelector('.text').textContent = value.text;
}
watch('value', show);
show();
