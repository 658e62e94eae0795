  // ---- a file that is refused: its sentence stands below what it was given to ---------------------------
  // Gradio tells it in a toast far from there, with the answer's status or in words of its own.
  const REFUSALS = [
    [/^HTTP \d+: */, ""],
    [/^File\(s\) exceed the maximum.*/s, `A file may have at most ${FACTS.megabytes} MB.`],  // as the server says it
    [/^Connection errored out\..*/s, "This file did not arrive: the server does not answer."],
  ];
  const UPLOADS = "input[type=file], .upload-container, [data-testid=image]";
  const refusals = new Map();  // sentences by what was given the file
  let given = null;

  function give({ target }) {
    const place = target.closest?.(UPLOADS);
    if (!place) return;
    const widget = place.closest(".block") ?? place.nextElementSibling;  // a button stands behind its input
    given = widget.parentElement.matches(".row") ? widget.parentElement : widget;
    refusals.get(given)?.remove();
  }
  for (const name of ["change", "drop", "click"]) document.addEventListener(name, give, true);

  function plainly(text) {
    const [pattern, sentence] = REFUSALS.find(([one]) => one.test(text)) ?? [];
    return pattern && text.replace(pattern, sentence);
  }
  const told = new WeakMap();  // sentences by toast: one that fades out may take the next
  function heardOf() {
    for (const toast of document.querySelectorAll(".toast-body.error")) {
      const text = toast.querySelector("[data-testid=toast-text]")?.textContent.trim() ?? "";
      const sentence = given?.isConnected && plainly(text), { style } = toast.parentElement;
      if (!sentence) style.visibility = style.pointerEvents = "";  // gradio's own, to be seen
      if (!sentence || told.get(toast) === text) continue;
      told.set(toast, text);
      const line = make("p", sentence, "refused-file");
      line.setAttribute("role", "alert");
      refusals.get(given)?.remove();
      refusals.set(given, line);
      given.after(line);
      line.scrollIntoView({ block: "nearest" });  // a file may have been dropped far from there
      // It fades out unseen: what is not displayed has no animation, and would stay for ever.
      style.visibility = "hidden";
      style.pointerEvents = "none";
      toast.querySelector(".toast-close").click();
    }
  }
  const toasts = find(".toast-wrap");
  if (toasts) new MutationObserver(heardOf).observe(toasts, { childList: true, characterData: true, subtree: true });
