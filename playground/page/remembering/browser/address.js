  // ---- the address: recipe, lens, step and chosen words of what is shown --------------------------
  const PARTS = ["lens", "step", "word"];
  const tabs = () => [...document.querySelectorAll("#lenses [role=tab]")].filter((tab) => !tab.closest("[role=tabpanel]"));
  const chosen = () => tabs().find((tab) => tab.getAttribute("aria-selected") === "true");

  function write() {
    const url = new URL(location.href), lens = chosen();
    const say = (name, value) => (value === null || value === undefined || value === "" ? url.searchParams.delete(name) : url.searchParams.set(name, value));
    if (state.link && (state.link !== FACTS.example || url.searchParams.has(FACTS.query))) say(FACTS.query, state.link);
    say("lens", lens && lens !== tabs()[0] ? lens.textContent.trim() : null);
    if (lens?.textContent.trim() !== "Lecture") say("stop", null);
    say("step", state.place.step);
    say("word", (state.place.words ?? []).join(","));
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }
  on("place", (place) => {
    Object.assign(state.place, place);
    note();
  });
  on("line", () => { if (!state.busy) note(); });

  const turnTo = (name) => tabs().find((tab) => tab.textContent.trim() === name)?.click();
  // What an address says of the place in a picture.
  function placeOf(params) {
    const step = params.get("step") ?? "", word = params.get("word") ?? "";
    return { step: /^\d{1,4}$/.test(step) ? +step : null, words: /^\d{1,4}(,\d{1,4})*$/.test(word) ? word.split(",").map(Number) : [] };
  }

  document.addEventListener("click", ({ target }) => { if (target.closest?.("#lenses [role=tab]")) setTimeout(note); });
  // Arrow keys move between lenses, as WAI-ARIA has it of tabs.
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.("#lenses [role=tab]")) return;
    const all = tabs(), at = all.indexOf(event.target);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const next = all[(to + all.length) % all.length];
    next.click();
    next.focus();
  });
