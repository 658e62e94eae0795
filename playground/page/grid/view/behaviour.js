// A grid over two fields of a recipe. Cells are known by their links, which are their recipes.
const SIDE = 192, BIG = 256;  // pixels
let data = null, run = null, ignored = null, chosen = null, arrived = 0, shown = 0;
const images = new Map();  // finished pictures by their links

const flat = () => data.cells.flatMap((row, y) => row.map((cell, x) => ({ ...cell, x, y })));
const titled = ({ x, y }) => [data.columns[x], data.rows[y]].filter(Boolean).join(', ');
const said = (link) => JSON.parse(new TextDecoder().decode(bytes(link.replace(/-/g, '+').replace(/_/g, '/'))));

function paint(canvas, { link, preview, h, w }, side) {
  const scale = side / Math.max(h, w), width = Math.round(w * scale), height = Math.round(h * scale), image = images.get(link) ?? (preview && bitmap(preview));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const brush = canvas.getContext('2d');
  brush.imageSmoothingQuality = 'high';
  brush.clearRect(0, 0, width, height);
  if (image) brush.drawImage(image, 0, 0, width, height);
}

// ---- the table ------------------------------------------------------------------------------------
function layOut() {
  const table = find('scroll').firstElementChild, head = make('tr'), [top, body] = [table.tHead, table.tBodies[0]];
  const name = (text, scope) => Object.assign(make('th', text), { scope });
  table.caption.textContent = `“${data.title}”: ${data.across} across${data.down ? `, ${data.down} down` : ''}.`;
  find('notes').replaceChildren(...data.notes.map((note) => make('li', note)));
  head.append(...(data.down ? [make('td')] : []), ...data.columns.map((text) => name(text, 'col')));
  top.replaceChildren(head);
  body.replaceChildren(...data.cells.map((row, y) => {
    const line = make('tr');
    line.append(...(data.down ? [name(data.rows[y], 'row')] : []), ...row.map((cell, x) => {
      const box = make('td'), button = Object.assign(make('button'), { type: 'button', tabIndex: x || y ? -1 : 0 });
      button.append(make('canvas'), make('small'));
      button.classList.toggle('no', !cell.link);
      button.setAttribute('aria-disabled', !cell.link);
      button.setAttribute('aria-label', `${titled({ x, y })}: ${cell.link ? 'show its recipe' : cell.note}`);
      button.onclick = () => choose(cell.link, button);
      button.onkeydown = (event) => move(event, x, y);
      box.append(button);
      return box;
    }));
    return line;
  }));
}
const buttons = () => [...find('scroll').querySelectorAll('td button')];
const buttonAt = (x, y) => buttons()[y * data.columns.length + x];

function move(event, x, y) {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
  if (dx === undefined || !data.cells[y + dy]?.[x + dx]) return;
  event.preventDefault();
  buttons().forEach((button) => { button.tabIndex = -1; });
  const next = buttonAt(x + dx, y + dy);
  next.tabIndex = 0;
  next.focus();
}

function refresh() {
  for (const cell of flat()) {
    const button = buttonAt(cell.x, cell.y);
    paint(button.firstChild, cell, SIDE);
    button.lastChild.textContent = cell.note ?? '';
    button.setAttribute('aria-pressed', !!cell.link && cell.link === chosen);
  }
  find('keep').disabled = !flat().some((cell) => cell.png);
}

// ---- one cell -------------------------------------------------------------------------------------
function choose(link) {
  const cell = link && flat().find((one) => one.link === link);  // an empty place has none
  chosen = cell ? link : null;
  find('one').hidden = !cell;
  refresh();
  if (!cell) return;
  const { v, weights, ...recipe } = said(link);
  paint(find('picture'), cell, BIG);
  element.querySelector('.one h4').textContent = titled(cell);
  find('facts').textContent = Object.entries(recipe).map(([name, value]) => `${name} ${value}`).join(', ');
  find('link').href = addressOf(link);
  find('save').hidden = !cell.png;
  if (cell.png) Object.assign(find('save'), { href: 'data:image/png;base64,' + cell.png, download: `grid-${titled(cell).replace(/[^\w]+/g, '-')}.png` });
}
find('keep').onclick = () => trigger('keep', { ...data.ask, finished: new Set(flat().filter((cell) => cell.png).map((cell) => cell.link)).size });

// ---- what arrives ---------------------------------------------------------------------------------
async function join(value) {
  const number = ++arrived, news = value.cells.flat().filter((cell) => cell.png && !images.has(cell.link));
  const loaded = await Promise.all(news.map((cell) => imageOf(cell.png)));
  if (value.run === ignored || number < shown) return;
  shown = number;
  const same = data && JSON.stringify(data.ask) === JSON.stringify(value.ask);
  news.forEach((cell, i) => images.set(cell.link, loaded[i]));
  data = value;
  const links = new Set(flat().map((cell) => cell.link));
  for (const link of images.keys()) if (!links.has(link)) images.delete(link);
  run = value.share < 1 ? value.run : null;
  find('all').hidden = false;
  if (!same) layOut();
  advance(run ? value.share : null);
  say(value.text, false, value.share);
  choose(chosen);
  element.dataset.shown = flat().filter((cell) => cell.png).length;
}

function show() {
  const value = props.value;
  if (!value?.kind) return;
  if (value.kind === 'grid') { join(value); return; }
  if (value.kind === 'stopped' || value.stopped) ignored = run;
  if (value.kind === 'stopped' || value.stopped || value.error) { run = null; advance(null); }
  say(value.text, value.error);
}
watch('value', show);
show();
