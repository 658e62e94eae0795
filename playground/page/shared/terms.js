() => {
  // [name, sentence, pattern of its words] of every term; the one place is page/glossary.py.
  const TERMS = TABLE;
  const NOT_IN = "button, a, summary, option, select, textarea, input, output, code, pre, svg, canvas, script, style, [role=tab], [role=listbox], [role=img], [role=application], [data-term], .info-text, .label-text, label:has([type=radio], [type=checkbox]), #term-note";
  const UNITS = ".prose, .block, .tabitem";  // views, texts, widgets: the first of each term is marked in each
  const LIVE = "[role=status], [aria-live]", PAUSE = 300, STILL = 1200;  // ms without a change
  const WORDS = new RegExp(String.raw`(?<!ALONE)(?:${TERMS.map(([, , pattern]) => `(${pattern})`).join("|")})(?!ALONE)`, "gu");
  const note = Object.assign(document.createElement("div"), { id: "term-note", role: "tooltip", popover: "manual" });
  document.body.append(note);
  let anchor = null, opening, waiting, pinned = false;

  // ---- marking -----------------------------------------------------------------------------
  const termOf = (match) => TERMS[match.slice(1).findIndex((group) => group !== undefined)][0];

  function dress(element, name) {
    element.dataset.term = name;
    element.tabIndex = 0;
    element.setAttribute("aria-describedby", "term-note");
  }

  // Gradio goes on writing into the names of its own widgets: these are dressed as they are, if
  // most of them is a term.
  function label(element) {
    const text = element.textContent.trim(), match = [...text.matchAll(WORDS)].find(([word]) => 2 * word.length >= text.length);
    if (match) dress(element, termOf(match));
    else if (element.dataset.term) ["data-term", "tabindex", "aria-describedby"].forEach((name) => element.removeAttribute(name));
  }

  // Text that stands alone in a row or grid is one item of it, and stays one.
  function whole(text, told) {
    const match = [...text.data.matchAll(WORDS)].find((found) => !told.has(termOf(found)));
    if (!match) return;
    const span = document.createElement("dfn");
    told.add(termOf(match));
    dress(span, termOf(match));
    text.replaceWith(span);
    span.append(text);
  }

  function wrap(text, told) {
    if (/flex|grid/.test(getComputedStyle(text.parentElement).display)) { whole(text, told); return; }
    let rest = text, gone = 0;
    for (const match of text.data.matchAll(WORDS)) {
      const name = termOf(match);
      if (told.has(name)) continue;
      told.add(name);
      const word = rest.splitText(match.index - gone), span = document.createElement("dfn");
      rest = word.splitText(match[0].length);
      gone = match.index + match[0].length;
      dress(span, name);
      word.replaceWith(span);
      span.append(word);
    }
  }

  function mark(root) {
    if (!root.isConnected) return;
    const widget = "[data-testid=block-info]", units = new Map();
    root.querySelectorAll(widget).forEach(label);
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
      node.nodeType === Node.ELEMENT_NODE && node.matches(`${NOT_IN}, ${widget}, ${LIVE}`) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    const texts = [];
    while (walk.nextNode()) if (walk.currentNode.nodeType === Node.TEXT_NODE && walk.currentNode.data.trim()) texts.push(walk.currentNode);
    for (const text of texts) {
      const unit = text.parentElement.closest(UNITS) ?? root;
      if (!units.has(unit)) units.set(unit, new Set([...unit.querySelectorAll("[data-term]")].map((span) => span.dataset.term)));
      wrap(text, units.get(unit));
    }
    root.querySelectorAll(LIVE).forEach(markLater);
  }

  // What a screen reader reads out by itself is marked when it has come to rest, and silently.
  const resting = new WeakMap(), marked = new WeakMap();  // of regions: their timer, their text
  function markLater(region) {
    if (region.matches(NOT_IN) || marked.get(region) === region.textContent) return;
    clearTimeout(resting.get(region));
    resting.set(region, setTimeout(() => {
      const before = region.getAttribute("aria-live"), told = new Set();
      marked.set(region, region.textContent);
      region.setAttribute("aria-live", "off");
      const walk = document.createTreeWalker(region, NodeFilter.SHOW_TEXT), texts = [];
      while (walk.nextNode()) if (!walk.currentNode.parentElement.closest(NOT_IN)) texts.push(walk.currentNode);
      texts.forEach((text) => wrap(text, told));
      setTimeout(() => (before === null ? region.removeAttribute("aria-live") : region.setAttribute("aria-live", before)), PAUSE);
    }, STILL));
  }

  const page = document.querySelector(".gradio-container") ?? document.body;
  new MutationObserver((changes) => {
    if (anchor && !anchor.isConnected) hide();
    if (changes.every(({ target, addedNodes }) => target.dataset?.term || [...addedNodes].every((node) => node.dataset?.term))) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => mark(page), PAUSE);
  }).observe(page, { childList: true, subtree: true, characterData: true });
  mark(page);

  // ---- telling -----------------------------------------------------------------------------
  function show(element) {
    const found = TERMS.find(([name]) => name === element.dataset.term);
    if (!found) return;
    anchor = element;
    note.replaceChildren(Object.assign(document.createElement("b"), { textContent: found[0] + ": " }), found[1]);
    note.showPopover();
    const { left, top, bottom } = element.getClientRects()[0] ?? element.getBoundingClientRect(), box = note.getBoundingClientRect();
    note.style.left = Math.max(8, Math.min(left, innerWidth - box.width - 8)) + "px";
    note.style.top = (bottom + 6 + box.height < innerHeight ? bottom + 6 : Math.max(8, top - 6 - box.height)) + "px";
  }
  function hide() {
    clearTimeout(opening);
    anchor = null;
    pinned = false;
    if (note.matches(":popover-open")) note.hidePopover();
  }
  const term = (event) => event.target.closest?.("[data-term]");

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch" || pinned) return;
    clearTimeout(opening);
    const element = term(event);
    if (element) opening = setTimeout(() => show(element), 120);
    else if (anchor && anchor !== document.activeElement) hide();
  });
  document.addEventListener("click", (event) => {
    const element = term(event), again = element && element === anchor && pinned;
    if (anchor && !element) hide();
    if (!element) return;
    event.preventDefault();  // inside a label it would move the focus to the field
    if (again) { hide(); return; }
    show(element);
    pinned = true;
  });
  document.addEventListener("focusin", (event) => {
    if (term(event)) show(term(event));
    else if (anchor) hide();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && anchor) hide(); });
  addEventListener("scroll", () => { if (anchor) hide(); }, { capture: true, passive: true });
}
