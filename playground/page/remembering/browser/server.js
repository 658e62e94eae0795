  // ---- a server that does not answer ------------------------------------------------------------------
  const SILENT = 2500, PATIENCE = 6000;  // ms without a frame before it is asked, and for its answer
  const GONE = "The server does not answer. Your recipe and the picture are kept here; this page asks again every few seconds.";
  let heard = performance.now(), process = null, gone = false, asking = false;

  async function alive() {
    try {
      const answer = await fetch("gradio_api/app_id", { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
      return answer.ok ? (await answer.json()).app_id : null;
    } catch { return null; }
  }
  async function check() {
    if (asking) return;
    asking = true;
    const found = await alive();
    asking = false;
    heard = performance.now();
    process ??= found;
    if (found === null) {
      gone = true;
      state.busy = false;
      advance(null);
      say(GONE, true);
      refresh();
    } else if (gone) back(found);
  }
  // Another process knows nothing of this page: it is opened again, with all that is kept.
  function back(found) {
    gone = false;
    if (found !== process) {
      noteNow();
      location.reload();
    } else say("The server answers again.");
  }
  on("frame", () => { heard = performance.now(); });
  on("asked", check);
  on("lost", check);
  check();
  setInterval(() => {
    if (document.hidden) return;
    if (gone || (state.busy && performance.now() - heard > SILENT)) check();
  }, 1000);
