  // ---- what this browser keeps: what was typed, and finished pictures with all that views show ----
  const KEY = "latent-playground", MOST = 24, LARGEST = 8e6;  // pictures; characters of what views show
  const PAUSE = 300;  // ms: browsers refuse to write addresses many times a second

  // Each tab has its own; a new one goes on with the newest.
  function remembered() {
    for (const storage of ["sessionStorage", "localStorage"]) {
      try {
        const kept = JSON.parse(window[storage].getItem(KEY));
        if (kept?.typed) return kept;
      } catch { /* forbidden, or not ours */ }
    }
    return null;
  }

  let noting;
  function note() {
    clearTimeout(noting);
    noting = setTimeout(noteNow, PAUSE);
  }
  function noteNow() {
    if (!state.typed || !state.ready || filling) return;
    clearTimeout(noting);
    write();
    const text = JSON.stringify({ typed: state.typed, link: state.link, lens: chosen()?.textContent.trim(), place: state.place });
    for (const storage of ["sessionStorage", "localStorage"]) {
      try { window[storage].setItem(KEY, text); } catch { /* no room, or forbidden: the address still has the recipe */ }
    }
  }
  on("typed", note);
  window.addEventListener("pagehide", noteNow);

  // Pictures {link, png, time}, and apart from them what views show {link, frames, stamp}.
  const opened = new Promise((done) => {
    let asked;
    try { asked = indexedDB.open(KEY, 1); } catch { return done(null); }
    asked.onupgradeneeded = () => { for (const name of ["pictures", "frames"]) asked.result.createObjectStore(name, { keyPath: "link" }); };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = asked.onblocked = () => done(null);
  });
  async function stored(name, ask, mode = "readwrite") {
    const base = await opened;
    if (!base) return null;
    return new Promise((done) => {
      const request = ask(base.transaction(name, mode).objectStore(name));
      request.onsuccess = () => done(request.result);
      request.onerror = () => done(null);
    });
  }
  const pictures = async () => ((await stored("pictures", (store) => store.getAll(), "readonly")) ?? []).sort((a, b) => b.time - a.time);
  // When a frame was asked for is a time of the visit's clock: the next visit's begins at 0.
  const timeless = (value) => value && { ...value, asked: undefined };
  const framesOf = async (link) => {
    const kept = await stored("frames", (store) => store.get(link), "readonly");
    return kept?.stamp === FACTS.stamp ? kept.frames.map(timeless) : null;
  };
  const forget = (link) => Promise.all(["pictures", "frames"].map((name) => stored(name, (store) => store.delete(link))));

  async function keep(frames) {
    const shown = frames.find((value) => value?.kind === "finished" && value.png && value.link && value.levels);
    if (!shown) return;
    const { link, png } = shown, text = JSON.stringify(frames);  // gradio's are proxies, which cannot be stored
    await stored("pictures", (store) => store.put({ link, png, time: Date.now() }));
    if (text.length < LARGEST) await stored("frames", (store) => store.put({ link, frames: JSON.parse(text), stamp: FACTS.stamp }));
    for (const old of (await pictures()).slice(MOST)) await forget(old.link);
    showStrip();
  }
  on("drawn", keep);
