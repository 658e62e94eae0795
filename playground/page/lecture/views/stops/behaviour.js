// The way: one stop at a time. Which were seen is remembered by this browser.
const SEEN = 'latent-playground.lecture', SHORT = 'Check';
const TRIES = 600, PAUSE = 50;  // ms
let stops = [], parameter = 'stop', names = [], at = 0, fields = null, seen = new Set();

const lens = () => element.closest('#lecture');
const tabs = () => [...document.querySelectorAll('#lenses [role=tab]')];
const turnTo = (name) => tabs().find((tab) => tab.textContent.trim() === name)?.click();

function remembered() {
  try { return JSON.parse(localStorage.getItem(SEEN)) ?? {}; } catch { return {}; }
}
function remember() {
  try { localStorage.setItem(SEEN, JSON.stringify({ at, seen: [...seen] })); } catch { /* then it is not remembered */ }
}

function address() {
  const url = new URL(location.href);
  url.searchParams.set('lens', 'Lecture');
  url.searchParams.set(parameter, at + 1);
  return url.href;
}

function go(to, focus) {
  at = Math.min(Math.max(to, 0), stops.length - 1);
  const stop = stops[at], last = stops.length - 1;
  seen.add(stop.name);
  remember();
  if (lens()) lens().dataset.stop = stop.name;
  [...find('all').children].forEach(({ firstChild: button }, i) => {
    button.classList.toggle('seen', seen.has(stops[i].name));
    if (i === at) button.setAttribute('aria-current', 'step'); else button.removeAttribute('aria-current');
    button.setAttribute('aria-label', `${button.textContent}: ${stops[i].title}${seen.has(stops[i].name) ? ', seen' : ''}`);
  });
  find('previous').disabled = at === 0;
  find('next').disabled = at === last;
  find('count').textContent = (at === last ? 'Five questions' : `Stop ${at + 1} of ${last}`) + `, ${stops.filter(({ name }) => seen.has(name)).length} of ${stops.length} seen`;
  find('title').textContent = stop.title;
  find('text').textContent = stop.text;
  find('trying').textContent = stop.attempt;
  find('attempt').hidden = !stop.attempt;
  find('lab').hidden = !stop.lab;
  find('lab').textContent = `Open in the lab: ${stop.lab}` + (Object.keys(stop.fields).length ? ', with this recipe' : '');
  find('link').href = address();
  const url = new URL(location.href);
  if (url.searchParams.has(parameter)) {  // a reload comes back to where one is, not to where one came from
    url.searchParams.set(parameter, at + 1);
    history.replaceState(history.state, '', url);
  }
  find('source').hidden = !stop.source;
  find('source').href = stop.source;
  if (focus) find('title').focus();
}

// The lens in which it can be played with; its recipe's fields are set and drawn.
function open() {
  const stop = stops[at];
  fields = stop.fields;
  if (Object.keys(fields).length) trigger('lab', {});
  turnTo(stop.lab);
  requestAnimationFrame(() => requestAnimationFrame(() => reveal(stop.section, TRIES)));
}
// A lens that is opened for the first time may still lay itself out: what comes above would push the section away.
function reveal(section, tries) {
  const part = document.getElementById(section);
  if (part?.offsetParent && !part.closest('[role=tabpanel][aria-busy=true]')) part.scrollIntoView({ behavior: CALM.matches ? 'auto' : 'smooth', block: 'center' });
  else if (tries) setTimeout(() => reveal(section, tries - 1), PAUSE);
}
// The page hands over the values of the recipe's widgets and takes what they shall be.
document.addEventListener('playground:lecture', ({ detail }) => {
  detail.values = detail.values.map((value, i) => (fields && names[i] in fields ? fields[names[i]] : value));
  fields = null;
});

function asked() {
  const wanted = +new URLSearchParams(location.search).get(parameter);
  return Number.isInteger(wanted) && wanted >= 1 && wanted <= stops.length ? wanted - 1 : null;
}

find('previous').onclick = () => go(at - 1, true);
find('next').onclick = () => go(at + 1, true);
find('lab').onclick = open;
find('link').onclick = async (event) => {
  event.preventDefault();
  try { await navigator.clipboard.writeText(address()); find('link').textContent = 'Link copied'; } catch {
    history.replaceState(null, '', address());
    find('link').textContent = 'The link is in the address bar';
  }
  setTimeout(() => { find('link').textContent = 'Link to this stop'; }, 2000);
};

function show() {
  const value = props.value;
  if (!value || !value.stops || stops.length) return;
  ({ stops, parameter, names } = value);
  const kept = remembered(), wanted = asked();
  seen = new Set((Array.isArray(kept.seen) ? kept.seen : []).filter((name) => stops.some((stop) => stop.name === name)));
  find('all').replaceChildren(...stops.map((stop, i) => {
    const item = make('li'), button = make('button', i === stops.length - 1 ? SHORT : i + 1);
    Object.assign(button, { type: 'button', title: stop.title });
    button.onclick = () => go(i, false);
    item.append(button);
    return item;
  }));
  const before = new Set(seen);
  go(wanted ?? (Number.isInteger(kept.at) ? kept.at : 0), false);
  if (wanted === null && !before.has(stops[at].name)) { seen = before; remember(); }
}
watch('value', show);
show();
