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
