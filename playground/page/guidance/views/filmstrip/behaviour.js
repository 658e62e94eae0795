// The filmstrip. Strips are kept here by their key: pictures of later runs join or begin one.
const slider = find('at'), KEPT = 8;

const strips = new Map();  // key → {axis, label, frames: Map of at → frame}
let key = null;            // of the strip shown
let lit = null;            // text of the word that lights its pixels
let pinned = null;         // text of the word that was chosen, which does so while none is hovered
let busy = null;           // key of the strip that a sweep is filling
let run = null, ignored = null;  // names of the sweep that is running, and of the one stopped
let newest = 0;            // when what was shown last while typing was asked for

const frames = () => [...strips.get(key).frames.values()].sort((a, b) => a.at - b.at);
const nearest = () => frames().reduce((best, f) => (Math.abs(f.at - slider.value) < Math.abs(best.at - slider.value) ? f : best));

// ---- drawing -------------------------------------------------------------------------------
function paint(canvas, frame, side) {
  const { image } = frame, ratio = image ? image.width / image.height : 1;
  const width = ratio < 1 ? Math.round(side * ratio) : side, height = ratio > 1 ? Math.round(side / ratio) : side;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const brush = canvas.getContext('2d'), word = lit && (frame.words ?? []).find((w) => w.text === lit);
  brush.clearRect(0, 0, width, height);
  brush.imageSmoothingQuality = 'high';
  if (image) brush.drawImage(image, 0, 0, width, height);
  if (!word) return;
  const map = bytes(word.map);
  lay(brush, map, word.h, word.w, Math.min(...map), Math.max(...map));
}

const progress = (f) => f.reason ?? (f.finished ? '' : `preview of step ${f.step} of ${f.count}`);

function choose() {
  const frame = nearest(), strip = strips.get(key);
  paint(find('picture'), frame, 512);
  const told = lit && frame.words?.find((word) => word.text === lit), map = told && bytes(told.map);
  if (map) showBar(Math.min(...map) / 255, Math.max(...map) / 255); else showBar();
  find('axis').textContent = strip.axis;
  find('at-out').textContent = frame.label;
  find('facts').textContent = frame.finished ? frame.text : progress(frame);
  find('keep').hidden = !frame.finished;
  if (frame.finished) {
    Object.assign(find('save'), { href: 'data:image/png;base64,' + frame.png, download: `latent-playground-${frame.at}.png` });
    find('link').href = addressOf(frame.link);
  }
  strip.buttons.forEach((button, at) => button.setAttribute('aria-pressed', at === frame.at));
}

function draw() {
  const strip = strips.get(key), all = frames();
  find('all').hidden = false;
  strip.buttons ??= new Map();
  for (const frame of all) {
    const button = strip.buttons.get(frame.at) ?? make('button');
    if (!button.firstChild) {
      button.type = 'button';
      button.append(make('canvas'), make('span'), make('small'));
      button.onclick = () => { slider.value = frame.at; choose(); };
      strip.buttons.set(frame.at, button);
    }
    const [canvas, label, note] = button.children;
    paint(canvas, frame, 128);
    label.textContent = frame.label;
    note.textContent = progress(frame);
  }
  const wanted = all.map((frame) => strip.buttons.get(frame.at)), box = find('frames');
  if (wanted.some((button, i) => box.children[i] !== button) || box.children.length !== wanted.length) box.replaceChildren(...wanted);
  slider.min = all[0].at;
  slider.max = all.at(-1).at;
  slider.disabled = all.length === 1;
  choose();
}

function chips() {
  const words = [...new Set(frames().flatMap((f) => (f.words ?? []).map((w) => w.text)))];
  if (!words.includes(pinned)) pinned = null;
  if (!words.includes(lit)) lit = pinned;
  find('hint').hidden = find('of-maps').hidden = !words.length;
  find('words').replaceChildren(...words.map((text) => {
    const chip = make('button', text);
    chip.type = 'button';
    chip.setAttribute('aria-pressed', text === pinned);
    chip.onpointerenter = (event) => { if (event.pointerType === 'mouse') { lit = text; draw(); } };
    chip.onpointerleave = chip.onblur = () => { lit = pinned; draw(); };
    chip.onfocus = () => { if (chip.matches(':focus-visible')) { lit = text; draw(); } };
    chip.onclick = () => {
      pinned = pinned === text ? null : text;
      lit = pinned;
      for (const one of find('words').children) one.setAttribute('aria-pressed', one.textContent === pinned);
      draw();
    };
    return chip;
  }));
}

// The choice of strips; rebuilt only if it differs, because it may be open.
function list() {
  const said = [...strips].map(([name, strip]) => [name, `${strip.axis}: ${strip.label} (${strip.frames.size})`]);
  const box = find('strips'), shown = [...box.options].map((option) => [option.value, option.text]);
  if (JSON.stringify(said) !== JSON.stringify(shown)) box.replaceChildren(...said.map(([value, text]) => Object.assign(make('option', text), { value })));
  box.value = key;
  box.hidden = strips.size === 1;
}

function turnTo(next, at) {
  key = next;
  list();
  const all = frames();
  slider.min = all[0].at;
  slider.max = all.at(-1).at;
  if (at !== undefined) slider.value = at;
  chips();
  draw();
}
slider.oninput = choose;
offerOverlays(() => { if (key !== null) draw(); });
find('strips').onchange = (event) => turnTo(event.target.value);

// ---- what arrives --------------------------------------------------------------------------
async function join(value) {
  const before = strips.get(value.key);
  const news = value.frames.filter((f) => !before?.frames.get(f.at)?.finished);
  const images = await Promise.all(news.map((f) => (f.finished ? imageOf(f.png) : f.preview && bitmap(f.preview))));
  const strip = strips.get(value.key) ?? before ?? { axis: value.axis, label: value.label, frames: new Map() };
  strips.delete(value.key);
  strips.set(value.key, strip);  // moved to the end: the strip that was used last is dropped last
  news.forEach((frame, i) => { if (!strip.frames.get(frame.at)?.finished) strip.frames.set(frame.at, { ...frame, image: images[i] }); });
  const needed = [key, busy, value.key];
  for (const name of strips.keys()) if (strips.size > KEPT && !needed.includes(name)) strips.delete(name);
  const single = value.run === null, begins = single ? busy === null : value.run !== run && value.run !== ignored;
  if (!single && value.run !== ignored) {
    const running = value.share < 1;
    run = value.run;
    busy = running ? value.key : null;
    advance(running ? value.share : null);
    say(value.text, false, value.share);
  }
  if (key === null || begins) turnTo(value.key, single ? value.frames[0].at : undefined);
  else {  // what the visitor has chosen meanwhile stays
    list();
    if (key === value.key) { chips(); draw(); }
  }
  element.dataset.shown = strips.get(key).frames.size;
}

function show(value) {
  if (!value || !value.kind || value.asked < newest) return;
  newest = value.asked ?? newest;
  if (value.kind === 'strip') { join(value); return; }
  if (value.kind === 'stopped') ignored = run;
  if (value.kind === 'stopped' || value.error) { busy = null; advance(null); }
  say(value.text, value.error);
}
shows(show);
