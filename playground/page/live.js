() => {
  // ms between two draws while a slider moves, and without a key before it is drawn; the first key
  // after such a pause is drawn at once.
  const PAUSE = 80;
  const QUIET = 900; // ms without a change before every lens follows
  const FIELDS = [
    "prompt", "negative", "guidance", "steps", "seed", "rescale", "guidance_start",
    "guidance_stop", "eta",
  ].map((name) => `#recipe-${name}`).join(", ");
  let drawn = -Infinity, typed = -Infinity, soon, later;

  const press = (id) => document.getElementById(id)?.click();
  // What else follows at once, where it is in sight: eight pictures over w, say, when w stays.
  const others = (w) => document.querySelectorAll(w ? ".live-too:not(.over-w)" : ".live-too");
  // Safari has checkVisibility since 17.4.
  const inSight = (button) => !!button.closest("[role=tabpanel]")?.offsetParent;
  const draw = (w) => {
    drawn = performance.now();
    const also = [...others(w)].filter(inSight);
    also.forEach((button) => button.click());
    // Two at once would share the processor: the picture, which is not in sight then, waits.
    if (!also.length) press("live-now");
    later = setTimeout(() => press("live-later"), QUIET);
  };

  document.addEventListener("input", (event) => {
    const on = document.querySelector("#live input")?.checked;
    if (!on || !event.target.closest(FIELDS)) return;
    clearTimeout(soon);
    clearTimeout(later);
    const slides = event.target.type === "range";
    const w = !!event.target.closest("#recipe-guidance");
    const now = performance.now(), fast = now - typed < PAUSE;
    typed = now;
    const wait = slides ? Math.max(0, drawn + PAUSE - now) : fast ? PAUSE : 0;
    if (wait) soon = setTimeout(() => draw(w), wait);
    else draw(w); // a timer would come after all that gradio does for the field
  });
  // Draw itself lets every lens follow, and after Stop nothing does.
  for (const id of ["draw", "stop"]) document.getElementById(id)?.addEventListener("click", () => {
    clearTimeout(soon);
    clearTimeout(later);
  });
}
