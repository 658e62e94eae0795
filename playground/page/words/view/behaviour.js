// Words under the prompt. The fields themselves stand outside of this view, and may be filled by others.
const SIDE = 24, PAUSE = 500;  // pixels of a sprite; ms without a key before the tokens are asked for
const FIELDS = [['prompt', 'It does not know: '], ['negative', 'And in the negative words: ']];
const field = (name = 'prompt') => document.querySelector(`#recipe-${name} textarea`);
const near = () => document.querySelector('#now .reach .words');  // on a phone, the prompt once more
let words = null, read = null, phrases = [], last = '', pause, caret = null;

const box = find('complete');
box.id = 'complete-' + Math.random().toString(36).slice(2);
const list = completing(box, () => phrases, (word) => !words?.known || words.known.includes(word));

// ---- marks: unknown words, or tokens ----------------------------------------------------------------
// Those of a field. One that is still being typed may become a known word.
function unknown(target) {
  const begun = ({ end, word }) => document.activeElement === target && target.selectionEnd === end && words.known.some((one) => one.startsWith(word));
  return target && words.known ? unknownWords(target.value, words).filter((one) => !begun(one)) : [];
}

// In the fields themselves.
const layers = new WeakMap();
function underline(target, found) {
  if (layers.get(target)?.gone ?? true) layers.set(target, underlining(target));
  layers.get(target).draw(found);
  target.spellcheck = !words.known;  // a browser would mark other words in the same way
}

function mark() {
  if (!words) return;
  const targets = [...FIELDS.map(([name]) => field(name)), near()], found = targets.map(unknown);
  const key = JSON.stringify([targets.map((target) => target?.value), words.model, read, found]);
  if (key === last) return;
  last = key;
  targets.forEach((target, i) => { if (target) underline(target, found[i]); });
  if (!words.known) return ask(field()?.value ?? '');
  find('marks').replaceChildren(...FIELDS.flatMap(([name, said], i) => (found[i].length ? [said, ...found[i].map((one) => named(one, name))] : [])));
}

// An unknown word, and the known one that is nearest.
function named(one, name) {
  const part = make('span'), by = nearest(one.word, words.known);
  part.append(make('b', one.text), ' ');
  if (by) {
    const button = Object.assign(make('button', by), { type: 'button', title: `Write ${by} instead` });
    button.onclick = () => write(field(name), one.start, one.end, by);
    part.append('→ ', button);
  }
  return part;
}

function ask(text) {
  if (read?.prompt === text) return showTokens();
  clearTimeout(pause);
  pause = setTimeout(() => trigger('describe', { prompt: text }), PAUSE);
}

function showTokens() {
  const marks = find('marks');
  if (read.kind === 'unread') { marks.textContent = read.text; return; }
  const tokens = make('span', '', 'tokens');
  tokens.append(...read.names.map((name) => make('i', name.replace(/<\/w>$/, '').replace(/^[▁Ġ]/, ''))));
  marks.replaceChildren(`${read.used} of ${read.most} tokens: `, tokens, ...(read.cut.length ? [make('b', ` not read: ${read.cut.join(' ')}`)] : []));
}

// ---- the list -----------------------------------------------------------------------------------------
// What an entry adds after this text: its bare name behind an article, its plural behind a number.
function said(entry, joins, before) {
  const word = before.trimEnd().match(/[\p{L}]+$/u)?.[0].toLowerCase() ?? '';
  if (['two', 'three'].includes(word) && entry.many) return entry.many;
  const worn = entry.said.startsWith('wearing ') ? entry.said.slice(8) : '';
  if (worn && ['wearing', 'with', 'in'].includes(word)) return worn;
  return joins.includes(word) || !entry.said ? entry.text : entry.said;
}

// The caret, also where the event of its change comes only when the focus has gone elsewhere.
function follow(target) {
  caret = [target.selectionStart, target.selectionEnd];
}

function insert(entry, joins) {
  const target = field(), [start, end] = caret ?? [target.value.length, target.value.length];
  const before = target.value.slice(0, start), after = target.value.slice(end);
  const text = (before && !/\s$/u.test(before) ? ' ' : '') + said(entry, joins, before) + (after && !/^[\s,.]/u.test(after) ? ' ' : '');
  write(target, start, end, text);
  follow(target);
  list.close();
}

function fill() {
  const groups = words.groups.map(({ name, entries, joins }) => {
    const part = make('div'), all = make('div', '', 'group');
    all.setAttribute('role', 'group');
    all.setAttribute('aria-label', name);
    all.append(...entries.map((entry, i) => {
      const button = make('button');
      Object.assign(button, { type: 'button', tabIndex: i ? -1 : 0 });
      if (entry.sprite !== null) Object.assign(button.appendChild(make('span', '', 'sprite')).style, { backgroundImage: `url(${words.sheet})`, backgroundPosition: `${-SIDE * entry.sprite}px 0` });
      if (entry.colour) button.appendChild(make('span', '', 'swatch')).style.background = entry.colour;
      button.append([entry.sign, entry.text].filter(Boolean).join(' '));
      button.onpointerdown = (event) => event.preventDefault();  // the words keep the focus and the caret
      button.onclick = ({ detail }) => { insert(entry, joins); if (!detail) button.focus(); };  // by keyboard: stay here
      return button;
    }));
    all.onkeydown = (event) => {
      const buttons = [...all.children], to = buttons.indexOf(event.target) + ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key] ?? NaN);
      if (!buttons[to]) return;
      event.preventDefault();
      buttons.forEach((button, i) => { button.tabIndex = i === to ? 0 : -1; });
      buttons[to].focus();
    };
    part.append(make('h4', name), all);
    return part;
  });
  find('list').replaceChildren(...groups, make('p', words.help));
}

find('toggle').onclick = () => {
  const section = find('list');
  section.hidden = !section.hidden;
  find('toggle').setAttribute('aria-expanded', !section.hidden);
};
find('surprise').onclick = () => trigger('surprise', { held_out: !find('never').hidden && find('never').querySelector('input').checked });

// ---- the fields ------------------------------------------------------------------------------------------
const isField = (target) => target && FIELDS.some(([name]) => target === field(name));
document.addEventListener('input', (event) => {
  if (!isField(event.target)) return;
  mark();
  // A change that nobody typed, as of an example, completes nothing.
  if (document.activeElement === event.target && !event.isComposing) list.look(event.target);
});
document.addEventListener('keydown', (event) => { if (isField(event.target)) list.key(event); }, true);
document.addEventListener('selectionchange', () => {
  const target = field(), { activeElement } = document;
  if (activeElement === target) follow(target);
  if (isField(activeElement) || activeElement === near()) mark();
});
document.addEventListener('focusout', (event) => {
  if (event.target === field()) follow(event.target);
  if (isField(event.target)) list.close();
  if (isField(event.target) || event.target === near()) setTimeout(mark);
});
document.addEventListener('focusin', ({ target }) => {
  if (!isField(target)) return;
  target.setAttribute('aria-autocomplete', 'list');
  target.setAttribute('aria-controls', box.id);
});
document.addEventListener('playground:typed', () => requestAnimationFrame(mark));

// ---- what arrives ----------------------------------------------------------------------------------------
function show() {
  const value = props.value;
  if (!value?.kind) return;
  if (value.kind === 'words') {
    [words, read, last] = [value, null, ''];
    const names = value.groups.flatMap(({ entries }) => entries.map(({ text }) => text));
    phrases = [...new Set([...names, ...(value.known ?? [])])];
    find('never').hidden = !value.known;
    fill();
  } else read = value;
  mark();
}
watch('value', show);
show();
