// A table of what is public of each system.
const host = (url) => new URL(url).hostname.replace(/^www\./, '') + (url.includes('arxiv.org/abs/') ? ' ' + url.split('/').at(-1) : '');

function line(system, { columns, unknown, closed }) {
  const row = make('tr', '', system.weights === closed ? 'closed' : ''), name = Object.assign(make('th', '', 'name'), { scope: 'row' });
  name.style.paddingLeft = `${system.depth * 1.1}rem`;
  name.append(make('b', (system.depth ? '↳ ' : '') + system.name), make('small', `${system.year}, ${system.weights}`));
  for (const url of system.sources) {
    const link = Object.assign(make('a', host(url)), { href: url, target: '_blank', rel: 'noopener noreferrer' }), small = make('small');
    small.append(link);
    name.append(small);
  }
  row.append(name, ...columns.map(({ key, label }) => {
    const cell = make('td', system[key], system[key] === unknown ? 'unknown' : '');
    cell.dataset.label = label;
    return cell;
  }));
  return row;
}

function show() {
  const value = props.value;
  if (!value || !value.groups) return;
  element.querySelector('thead tr').replaceChildren(...['System', ...value.columns.map(({ label }) => label)].map((text) => Object.assign(make('th', text), { scope: 'col' })));
  element.querySelector('tbody').replaceChildren(...value.groups.flatMap(({ name, systems }) => {
    const row = make('tr');
    row.append(Object.assign(make('th', name, 'group'), { colSpan: value.columns.length + 1, scope: 'rowgroup' }));
    return [row, ...systems.map((system) => line(system, value))];
  }));
}
watch('value', show);
show();
