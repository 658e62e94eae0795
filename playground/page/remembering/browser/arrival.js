  // ---- arriving: by a link, by a reload, by a new visit --------------------------------------------
  let frames = null, wanted = "", after = null, going = null, typedSince = null, filling = false;
  on("frames", (asked) => { asked.values = frames; });
  on("wanted", (asked) => { asked.values = wanted; });

  // Fill the recipe's widgets; the server knows which of them a model has.
  function fill(what, then = arrived) {
    wanted = JSON.stringify(what);
    after = then;
    filling = true;  // until then the widgets say nothing that is worth keeping
    document.getElementById("remember-fill").click();
  }
  // Why nothing was filled, if so: the server's line on what arrived.
  function refusal(note) {
    const said = make("div");
    said.innerHTML = note;  // escaped by the server
    const wrong = said.querySelector(".error")?.textContent;
    if (wrong) say(wrong, true);
    return wrong;
  }
  on("filled", ([note]) => {
    const then = after;
    after = null;
    filling = false;
    if (!refusal(note)) then?.();
    else if (then) {
      const url = new URL(location.href);
      url.searchParams.delete(FACTS.query);
      history.replaceState(history.state, "", url);
      const since = typedSince;
      going = typedSince = null;  // of a picture that does not come
      if (since) fill({ fields: since });
      else arrived();
    }
  });
  // Cancelled while the recipe's model was opened: the recipe stays as it is.
  on("unfilled", () => {
    if (!filling) return;
    after = going = typedSince = null;
    filling = false;
    arrived();
  });
  on("opened", ([note]) => { if (!refusal(note)) pressDraw(); });

  // A kept picture, in every view that follows a run; false if it must be drawn again.
  async function show(link) {
    const kept = await framesOf(link);
    if (!kept) return false;
    frames = kept;
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
    const place = going, since = typedSince;
    going = typedSince = null;
    arrived();
    if (place.step !== null || place.words.length) tell("go", place);
    if (since && !undrawn().length) fill({ fields: since });
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
    const shown = own ? kept.link ?? FACTS.example : FACTS.example, back = shown === FACTS.example || await show(shown);
    going = place;
    if (!back) {  // it is drawn again, and then what was typed since stands there again
      typedSince = kept.typed;
      return fill({ link: shown }, pressDraw);
    }
    if (own && differing(kept.typed, state.typed).length) fill({ fields: kept.typed });
    if (shown === FACTS.example) frame(last);
  }
