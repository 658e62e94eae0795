  // ---- on a phone the words, w and Draw stand at the bottom: the same fields once more -----------------
  const LINKED = { words: "#recipe-prompt textarea", scale: "#recipe-guidance input[type=number]" };
  for (const [name, selector] of Object.entries(LINKED)) {
    const near = part(name), field = () => find(selector);
    near.oninput = () => {
      const far = field();
      if (!far) return;
      far.value = near.value;
      far.dispatchEvent(new Event("input", { bubbles: true }));
    };
    near.onkeydown = ({ key, ctrlKey, metaKey }) => { if (key === "Enter" && !ctrlKey && !metaKey) settle(0); };
    const follow = () => { if (document.activeElement !== near && state.typed) near.value = plain(state.typed[{ words: "prompt", scale: "guidance" }[name]]); };
    on("typed", follow);
    follow();
  }
  const words = find("#recipe-prompt");
  if (words) new IntersectionObserver(([{ isIntersecting }]) => now.classList.toggle("near", isIntersecting)).observe(words);

  // ---- what the keyboard comes to is seen whole, beside what sticks and in rows that scroll -----------
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches(":focus-visible") && !target.closest("#drawing, dialog")) target.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  // A list of choices that was left by Tab stays open in gradio, over what follows.
  document.addEventListener("focusout", ({ target }) => {
    if (target.role === "combobox") setTimeout(() => {
      if (document.activeElement !== target && target.ariaExpanded === "true") target.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    }, 100);
  });
