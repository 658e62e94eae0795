// Wavy lines under words of a field, on a layer over it. The field keeps its text, its caret and its
// scrolling; the layer takes the same lines of text, shows nothing of them but what is drawn under
// some words, and lets every click through. What was typed is only ever text in it, never HTML.
const SHAPE = ['direction', 'fontFamily', 'fontFeatureSettings', 'fontKerning', 'fontSize', 'fontStretch', 'fontStyle', 'fontVariant', 'fontWeight', 'letterSpacing', 'lineHeight', 'overflowWrap', 'paddingBottom', 'paddingLeft', 'paddingRight', 'paddingTop', 'tabSize', 'textAlign', 'textIndent', 'textRendering', 'textTransform', 'unicodeBidi', 'whiteSpace', 'wordBreak', 'wordSpacing'];  // what decides where a letter stands

function underlining(field) {
  const layer = make('div'), text = layer.appendChild(make('div')), oneLine = field.matches('input');
  layer.setAttribute('aria-hidden', 'true');
  layer.className = 'underlines';
  Object.assign(layer.style, { position: 'absolute', overflow: 'hidden', pointerEvents: 'none', userSelect: 'none', visibility: 'hidden', forcedColorAdjust: 'none' });
  Object.assign(text.style, { boxSizing: 'border-box', minWidth: '100%', width: oneLine ? 'max-content' : '100%' });
  if (getComputedStyle(field.parentElement).position === 'static') field.parentElement.style.position = 'relative';  // then the layer moves with it
  field.after(layer);

  function follow() {
    text.style.transform = `translate(${-field.scrollLeft}px, ${-field.scrollTop}px)`;
  }
  // Over what borders and scrollbar leave of the field, to a fraction of a pixel: lines break by it.
  function place() {
    const style = getComputedStyle(field), px = (length) => `${length}px`;
    const borders = parseFloat(style.borderLeftWidth) + parseFloat(style.borderRightWidth), bar = Math.round(field.offsetWidth - borders - field.clientWidth);
    for (const name of SHAPE) text.style[name] = style[name];
    if (oneLine) text.style.lineHeight = px(field.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom));
    Object.assign(layer.style, { zIndex: style.zIndex, left: px(field.offsetLeft + field.clientLeft), top: px(field.offsetTop + field.clientTop), width: px(field.getBoundingClientRect().width - borders - bar), height: px(field.clientHeight) });
    follow();
  }
  // Words as {start, end} of the field's value.
  function draw(words) {
    layer.hidden = !words.length;
    if (!words.length) return text.replaceChildren();
    const { value } = field, cuts = words.map(({ end }) => end);
    text.replaceChildren(...words.flatMap(({ start, end }, i) => {
      const word = make('span', value.slice(start, end));
      Object.assign(word.style, { visibility: 'visible', color: 'transparent', textDecoration: 'underline wavy var(--error-text-color, #b91c1c)', textDecorationSkipInk: 'none', textUnderlineOffset: '3px' });
      return [value.slice(cuts[i - 1] ?? 0, start), word];
    }), value.slice(cuts.at(-1)), '\u200b');  // a last line break counts only before something
    place();
  }
  field.addEventListener('scroll', follow);
  const sized = new ResizeObserver(place);
  for (const part of [field, field.parentElement]) sized.observe(part);
  return { draw, field, get gone() { return !layer.isConnected || layer.previousSibling !== field; } };
}
