  // ---- arriving: by a link, by a reload, by a new visit --------------------------------------------
  let frames = null, wanted = "", after = null, going = null;
  on("frames", (asked) => { asked.values = frames; });
  on("wanted", (asked) => { asked.values = wanted; });

  // Fill the recipe's widgets; the server knows which of them a model has.
  function fill(what, then = arrived) {
    wanted = JSON.stringify(what);
    after = then;
    document.getElementById("remember-fill").click();
  }
  on("filled", () => {
    after?.();
    after = null;
  });
  on("fill-ended", () => {
    const wrong = find("#opened-notes .error")?.textContent;
    if (wrong) say(wrong, true);
    if (!after) return;  // else nothing was filled
    after = null;
    const url = new URL(location.href);
    url.searchParams.delete(FACTS.query);
    history.replaceState(history.state, "", url);
    arrived();
  });

  // A kept picture, in every view that follows a run; false if it must be drawn again.
  async function show(link) {
    const kept = await picture(link);
    if (!kept?.frames || kept.stamp !== FACTS.stamp) return false;
    frames = kept.frames;
    document.getElementById("remember-show").click();
    return true;
  }

  function arrived() {
    state.ready = true;
    note();
  }
  // From the first picture on, the address is the page's own.
  on("line", () => {
    if (state.busy || !going) return;
    const place = going;
    going = null;
    arrived();
    if (place.step !== null || place.words.length) tell("go", place);
  });

  async function arrive() {
    const address = new URLSearchParams(location.search), link = address.get(FACTS.query);
    const kept = remembered(), own = kept && (!link || link === kept.link);
    const place = own && !PARTS.some((name) => address.has(name)) ? { step: null, words: [], ...kept.place } : placeOf(address);
    turnTo(address.get("lens") ?? (own && !link ? kept.lens : null));
    if (!own && link) {
      going = place;
      const back = await show(link);
      return fill({ link }, back ? () => {} : pressDraw);
    }
    const back = own && kept.link && kept.link !== FACTS.example && await show(kept.link);
    going = place;
    if (own && differing(kept.typed, state.typed).length) {
      const redraw = kept.link && !back && !differing(read(kept.link), kept.typed).length;
      if (redraw) return fill({ fields: kept.typed }, pressDraw);
      fill({ fields: kept.typed });
    }
    if (!back) frame(last);
  }
