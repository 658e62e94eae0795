  // ---- the line under Draw: what the picture is, what is going on, what has not been drawn yet ----
  const BASE = ["sampler", "steps", "guidance", "seed", "model"];  // always said, like size and words
  const now = find("#now .now"), part = (name) => now.querySelector("." + name);
  const thumb = part("thumb"), brush = thumb.getContext("2d");

  // The recipe in full: what is not as the model begins is set apart.
  function describe(recipe) {
    const usual = { ...FACTS.usual[recipe.model] ?? recipe, prompt: recipe.prompt, negative: "", seed: recipe.seed };
    const other = new Set(differing(recipe, usual, NAMES.filter((name) => !["prompt", "model"].includes(name))));
    const sized = other.delete("width") | other.delete("height");
    const said = [...BASE, ...[...other].filter((name) => !BASE.includes(name))].map((name) => [fact(name, recipe), other.has(name)]);
    said.splice(4, 0, [`${recipe.width} × ${recipe.height}`, !!sized]);
    return said.flatMap(([text, set], i) => [i ? ", " : "", make(set ? "b" : "span", text)]);
  }

  function sayWhat() {
    if (!state.shown) return;
    part("is").replaceChildren(make("span", titled(state.shown), "title"), ": ", ...describe(state.shown), ".");
    sayHidden();
  }

  // What is set in the part of the recipe that may be closed.
  function sayHidden() {
    const more = document.getElementById("recipe-more");
    if (!more || !state.typed) return;
    const usual = FACTS.usual[state.typed.model] ?? {};
    const set = FACTS.hidden.filter((name) => !same(name, state.typed[name], usual[name] ?? FACTS.fields[name].default));
    more.dataset.set = set.map((name) => fact(name, state.typed)).join(", ");
  }

  const keys = make("span", "", "keys");
  keys.append(make("kbd", "Ctrl+Enter"), " draws.");
  function sayStale() {
    const names = undrawn();
    if (!names.length && part("doing").matches(".error") && state.refused) say();  // it has been taken back
    const said = names.map((name) => (name === "prompt" ? "words" : fact(name, state.typed)));
    const text = names.length ? `Changed, not drawn yet: ${said.join(", ")}. ` : "";
    now.classList.toggle("old", !!text);
    if (part("stale").dataset.text === text) return;
    part("stale").dataset.text = text;
    part("stale").hidden = !text;
    part("stale").replaceChildren(...(text ? [text, keys] : []));
  }

  function say(text = "", error = false, quiet = false) {
    part("doing").ariaLive = quiet ? "off" : "polite";  // nobody wants every call read out
    part("doing").textContent = text;
    part("doing").classList.toggle("error", error);
  }

  function advance(share) {
    part("progress").hidden = share === null;
    part("progress").firstElementChild.style.width = `${100 * (share ?? 0)}%`;
  }

  function paint(image, width, height) {
    const side = 96, scale = side / Math.max(width, height);
    Object.assign(thumb, { width: Math.round(width * scale), height: Math.round(height * scale) });
    brush.imageSmoothingQuality = "high";
    brush.drawImage(image, 0, 0, thumb.width, thumb.height);
  }

  function preview({ h, w, rgb }, height, width) {
    const pixels = new ImageData(w, h), from = atob(rgb), small = Object.assign(document.createElement("canvas"), { width: w, height: h });
    for (let i = 0; i < w * h; i++) pixels.data.set([from.charCodeAt(3 * i), from.charCodeAt(3 * i + 1), from.charCodeAt(3 * i + 2), 255], 4 * i);
    small.getContext("2d").putImageData(pixels, 0, 0);
    paint(small, width, height);
  }

  let painted = 0;
  async function showPicture(value) {
    Object.assign(state, { shown: read(value.link), link: value.link });
    const image = new Image(), ticket = ++painted;
    image.src = "data:image/png;base64," + value.png;
    await image.decode().catch(() => {});
    if (ticket === painted) paint(image, value.width, value.height);
  }

  // Everything that the explorer shows is told here too.
  let last = null;
  function frame(value) {
    if (!value?.kind) return;
    state.busy = value.kind === "sampling" || (value.kind === "message" && !value.error);
    advance(value.kind === "sampling" ? value.share : null);
    if (value.kind === "sampling") {
      painted += 1;
      preview(value.preview, value.height, value.width);
      say(`Call ${value.step} of ${value.count}, about ${value.left} s left`, false, true);
    } else if (value.kind === "finished") {
      last = value;
      Object.assign(state, { place: {}, asked: null });
      showPicture(value);
      say(value.notes.join(" "));
    } else {
      say(value.text, value.error);
      state.refused = !!value.error && undrawn().length > 0;
      if (!state.busy && last) showPicture(last);
    }
    refresh();
    tell("line");
  }
  on("frame", frame);

  function refresh() {
    sayWhat();
    sayStale();
  }
  on("recipe", (asked) => { asked.recipe = state.typed; });
  on("typed", (values) => { state.typed = byName(values); refresh(); });
  on("changed", ([name, value]) => { if (state.typed) tell("typed", NAMES.map((one) => (one === name ? value : state.typed[one]))); });
  // The same at once, and also without a server, where gradio hands over nothing any more.
  document.addEventListener("input", ({ target }) => {
    const name = target.closest?.("[id^=recipe-]")?.id.slice("recipe-".length);
    if (!state.typed || !(name in state.typed) || !target.matches("textarea, [type=number], [type=range]")) return;
    state.typed[name] = isNumber(name) ? (target.value === "" ? null : +target.value) : target.value;
    refresh();
    note();
  }, true);  // before it is drawn: see live.js
  // A drawing that ends without a word, because the queue was full say, is no longer under way.
  let running = 0;
  on("asked", (values) => {
    running += 1;
    Object.assign(state, { asked: byName(values), busy: true });
    refresh();
  });
  on("ended", () => {
    running = Math.max(0, running - 1);
    if (running || !state.busy) return;
    state.busy = false;
    advance(null);
    refresh();
  });
