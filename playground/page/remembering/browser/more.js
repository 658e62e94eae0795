  // ---- lenses that show more than the run: whose picture it is, and the button that asks for it ---------
  function sayMore() {
    if (!state.shown) return;
    for (const [lens, { view, button, does, example, fields }] of Object.entries(FACTS.more)) {
      const line = document.getElementById("of-" + lens.toLowerCase())?.querySelector(".of-run"), kept = document.querySelector(`#${view} [data-of]`)?.dataset.of;
      if (!line) continue;
      const of = read(kept ?? example), other = differing(of, state.shown, fields);
      const key = other.length ? (kept ?? example) + other : "";
      if (line.dataset.key === key) continue;
      line.dataset.key = key;
      line.hidden = !other.length;
      const ask = make("button", does);
      ask.type = "button";
      ask.onclick = () => document.getElementById(button)?.click();
      const what = [titled(of), ...other.filter((name) => name !== "prompt").map((name) => fact(name, of))].join(", ");
      line.replaceChildren(`What stands below is of another picture: ${what}. For the one that is shown now: `, ask);
    }
  }
  on("line", sayMore);
  on("lens", sayMore);
