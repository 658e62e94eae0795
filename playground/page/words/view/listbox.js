// The list that completes the word before the caret. Arrows choose, Tab or Enter takes, Escape closes.
// Enter alone still draws, and Tab moves on, as long as nothing was chosen and the word is complete.
const MOST = 6;

// What completes the text before the caret: {from, entries}; also names of two words.
function completions(before, phrases) {
  for (const pattern of [/[\p{L}]+[ ][\p{L}]+$/u, /[\p{L}]+$/u]) {
    const typed = before.match(pattern)?.[0].toLowerCase();
    const entries = typed ? phrases.filter((phrase) => phrase.startsWith(typed) && phrase !== typed).slice(0, MOST) : [];
    if (entries.length) return { from: before.length - typed.length, typed, entries };
  }
  return null;
}

// Type into a field as a visitor does, so that the page's own listeners hear it.
function write(field, start, end, text) {
  field.focus();
  field.setSelectionRange(start, end);
  const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set;
  set.call(field, field.value.slice(0, start) + text + field.value.slice(end));
  field.setSelectionRange(start + text.length, start + text.length);
  field.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: 'insertText', data: text }));
}

function completing(box, phrases, isKnown) {
  let open = null, at = -1, field = null;

  function close() {
    open = null;
    at = -1;
    box.hidden = true;
    field?.removeAttribute('aria-activedescendant');
  }
  function show() {
    box.hidden = !open;
    if (!open) return;
    box.replaceChildren(...open.entries.map((text, i) => {
      const item = make('li', text);
      Object.assign(item, { id: box.id + i, role: 'option' });
      item.setAttribute('aria-selected', i === at);
      item.onpointerdown = (event) => { event.preventDefault(); take(i); };  // the field keeps the focus
      return item;
    }));
    if (at < 0) field.removeAttribute('aria-activedescendant');
    else field.setAttribute('aria-activedescendant', box.id + at);
  }
  function take(i) {
    const { from } = open, text = open.entries[i], end = field.selectionEnd;
    close();
    write(field, from, end, text);
    close();  // writing has looked for what could follow
  }

  function look(target) {
    field = target;
    const end = field.selectionEnd, inside = /^[\p{L}]/u.test(field.value.slice(end));
    open = field.selectionStart === end && !inside ? completions(field.value.slice(0, end), phrases()) : null;
    at = -1;
    if (!open) return close();
    const frame = field.getBoundingClientRect(), own = box.parentElement.getBoundingClientRect();
    Object.assign(box.style, { top: `${frame.bottom - own.top + 2}px`, left: `${frame.left - own.left}px`, minWidth: `${Math.min(frame.width, 180)}px`, maxWidth: `${frame.width}px` });
    show();
  }
  function key(event) {
    if (!open || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const { length } = open.entries, move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const takes = event.key === 'Enter' ? at >= 0 : event.key === 'Tab' && !event.shiftKey && (at >= 0 || !isKnown(open.typed));
    if (move) at = at < 0 && move < 0 ? length - 1 : (at + move + length) % length;
    else if (takes) take(Math.max(at, 0));
    else if (event.key === 'Escape') close();
    else { if (event.key !== 'Shift') close(); return; }
    event.preventDefault();
    event.stopPropagation();
    show();
  }
  return { look, key, close };
}
