  // ---- earlier pictures: a strip, and two of them compared ------------------------------------------------
  const FLICKER = 600;  // ms a picture: below the three flashes a second that can do harm
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const strip = find("#earlier .earlier"), dialog = find("#earlier dialog"), inDialog = (name) => dialog.querySelector("." + name);
  const source = (kept) => "data:image/png;base64," + kept.png;
  const aloud = (recipe) => `${titled(recipe)}, ${["sampler", "steps", "guidance", "seed"].map((name) => fact(name, recipe)).join(", ")}`;
  let compared = null, flicker = null;

  async function showStrip() {
    const all = await pictures();
    strip.hidden = all.length < 2;
    strip.querySelector("ul").replaceChildren(...all.map((kept) => {
      const item = make("li"), look = make("button"), image = make("img"), text = aloud(read(kept.link));
      Object.assign(image, { src: source(kept), alt: text, loading: "lazy" });
      Object.assign(look, { type: "button", title: text });
      look.dataset.link = kept.link;
      look.setAttribute("aria-current", kept.link === state.link);
      look.onclick = () => compare(kept);
      look.onkeydown = ({ key }) => { if (key === "Delete") remove(kept); };
      look.append(image);
      item.append(look);
      return item;
    }));
  }
  async function remove(kept) {
    await forget(kept.link);
    if (dialog.open) dialog.close();
    await showStrip();
    strip.querySelector("button")?.focus();
  }

  // The earlier picture beside or over the one that is shown.
  function compare(kept) {
    const of = read(kept.link), other = differing(of, state.shown), [before, after] = dialog.querySelectorAll("img");
    compared = kept;
    Object.assign(before, { src: source(kept), alt: `Earlier: ${aloud(of)}` });
    Object.assign(after, { src: last ? "data:image/png;base64," + last.png : "", alt: `Shown now: ${aloud(state.shown)}` });
    inDialog("what").textContent = aloud(of) + ".";
    inDialog("differs").textContent = other.length ? `In the picture shown now: ${other.map((name) => fact(name, state.shown)).join(", ")}.` : "This is the picture that is shown.";
    inDialog("modes").hidden = kept.link === state.link;
    wipe(0.5);
    blink(false);
    dialog.showModal();
  }
  function wipe(share) {
    inDialog("wipe").value = share;
    inDialog("both").style.setProperty("--share", `${100 * share}%`);
  }
  // Without motion it changes once at each press.
  function blink(go) {
    clearInterval(flicker);
    flicker = null;
    const turn = () => wipe(+inDialog("wipe").value >= 0.5 ? 0 : 1);
    if (go && calm.matches) turn();
    else if (go) flicker = setInterval(turn, FLICKER);
    inDialog("flicker").textContent = calm.matches ? "Swap" : flicker ? "Hold" : "Flicker";
  }
  inDialog("wipe").oninput = ({ target }) => {
    blink(false);
    wipe(target.value);
  };
  inDialog("flicker").onclick = () => blink(!flicker);
  inDialog("reopen").onclick = async () => {
    const { link } = compared;
    dialog.close();
    const back = await show(link);
    fill({ link }, back ? null : pressDraw);
  };
  inDialog("delete").onclick = () => remove(compared);
  inDialog("close").onclick = () => dialog.close();
  dialog.onclose = () => blink(false);
  dialog.onclick = ({ target }) => { if (target === dialog) dialog.close(); };
  on("line", () => {
    for (const look of strip.querySelectorAll("button")) look.setAttribute("aria-current", look.dataset.link === state.link);
  });
