  // ---- what this browser keeps: what was typed, and finished pictures with all that views show ----
  const KEY = "latent-playground", MOST = 24;

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
  let saving;
  function remember() {
    clearTimeout(saving);
    saving = setTimeout(rememberNow, 150);
  }
  function rememberNow() {
    if (!state.typed || !state.ready) return;
    const text = JSON.stringify({ typed: state.typed, link: state.link, lens: chosen()?.textContent.trim(), place: state.place });
    for (const storage of ["sessionStorage", "localStorage"]) {
      try { window[storage].setItem(KEY, text); } catch { /* no room, or forbidden: the address still has the recipe */ }
    }
  }
  on("typed", remember);
  window.addEventListener("pagehide", rememberNow);

  // Pictures, by their links: {link, png, time, frames, stamp}.
  const opened = new Promise((done) => {
    let asked;
    try { asked = indexedDB.open(KEY, 1); } catch { done(null); return; }
    asked.onupgradeneeded = () => asked.result.createObjectStore("pictures", { keyPath: "link" });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = asked.onblocked = () => done(null);
  });
  async function stored(mode, ask) {
    const base = await opened;
    if (!base) return null;
    return new Promise((done) => {
      const request = ask(base.transaction("pictures", mode).objectStore("pictures"));
      request.onsuccess = () => done(request.result);
      request.onerror = () => done(null);
    });
  }
  const pictures = async () => ((await stored("readonly", (store) => store.getAll())) ?? []).sort((a, b) => b.time - a.time);
  const picture = (link) => stored("readonly", (store) => store.get(link));
  const forget = (link) => stored("readwrite", (store) => store.delete(link));

  async function keep(frames) {
    const shown = frames.find((value) => value?.kind === "finished" && value.png && value.link && "levels" in value);
    if (!shown) return;
    const { link, png } = shown, plain = JSON.parse(JSON.stringify(frames));  // gradio's are proxies
    await stored("readwrite", (store) => store.put({ link, png, time: Date.now(), frames: plain, stamp: FACTS.stamp }));
    for (const old of (await pictures()).slice(MOST)) await forget(old.link);
    showStrip();
  }
  on("drawn", keep);
