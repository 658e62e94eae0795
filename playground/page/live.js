() => {
  const PAUSE = 100; // ms without a key before it is drawn; between two draws while a slider moves
  const QUIET = 900; // ms without a change before every lens follows
  const FIELDS = [
    "prompt", "negative", "guidance", "steps", "seed", "rescale", "guidance_start",
    "guidance_stop", "eta",
  ].map((name) => `#recipe-${name}`).join(", ");
  let drawn = -Infinity, soon, later;

  const press = (id) => document.getElementById(id)?.click();
  const draw = () => {
    drawn = performance.now();
    press("live-now");
    later = setTimeout(() => press("live-later"), QUIET);
  };

  document.addEventListener("input", (event) => {
    const on = document.querySelector("#live input")?.checked;
    if (!on || !event.target.closest(FIELDS)) return;
    clearTimeout(soon);
    clearTimeout(later);
    const slides = event.target.type === "range";
    soon = setTimeout(draw, slides ? Math.max(0, drawn + PAUSE - performance.now()) : PAUSE);
  });
  // Draw itself lets every lens follow.
  document.getElementById("draw")?.addEventListener("click", () => {
    clearTimeout(soon);
    clearTimeout(later);
  });
}
