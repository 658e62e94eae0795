  // ---- when it is drawn: whatever is settled is drawn; what is being typed is marked as not drawn ----
  // A field is settled by Enter, by leaving it, by letting a slider go, by an arrow key, by a choice.
  // Of a choice gradio tells the value a little later, on a slow machine after SOON; of one by keys
  // it tells nothing else. So what is chosen settles again when its value is told.
  const SOON = 250;  // ms after it was settled: an arrow key that is held down draws once
  const OWN = "#recipe-model, #recipe-lora, #other-model, #live";  // these have rules of their own
  let soon, held = false, chose = false;

  // What was refused is not asked for again before it has changed.
  const refused = () => state.asked && !differing(state.typed, state.asked).length;
  function settle(wait = SOON) {
    clearTimeout(soon);
    soon = setTimeout(() => {
      if (held) settle();
      else if (undrawn().length && !refused()) pressDraw();
    }, wait);
  }
  const settles = (target) => target?.matches?.("input, textarea") && target.closest("#recipe, #recipe-rest, #now") && !target.closest(OWN);
  const live = (target) => "live" in target.dataset && find("#live input")?.checked;

  document.addEventListener("pointerdown", ({ target }) => {
    held = target.type === "range";
    chose = false;
  });
  document.addEventListener("pointerup", () => { held = false; });
  document.addEventListener("pointercancel", () => { held = false; });
  document.addEventListener("change", ({ target }) => { if (settles(target) && !["checkbox", "radio", "file"].includes(target.type) && !live(target)) settle(); });
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    chose = key === "Enter" && target.role === "combobox" && settles(target);
    if (key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      clearTimeout(soon);
      setTimeout(pressDraw);  // after the widgets have taken what was typed
    } else if (key === "Enter" && settles(target) && target.type === "number") settle(0);
    else if (key === "Escape") document.querySelectorAll(".toast-close").forEach((button) => button.click());  // gradio's own
  }, true);
  on("settled", () => {
    chose = true;
    settle();
  });
  on("typed", () => {
    if (chose) settle();
    chose = false;
  });
  for (const id of ["draw", "stop"]) document.getElementById(id)?.addEventListener("click", () => clearTimeout(soon));
