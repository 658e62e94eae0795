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
  function heardOf() {
    for (const toast of document.querySelectorAll(".toast-item:not([data-told]) > .toast-body.error")) {
      const sentence = plainly(toast.querySelector("[data-testid=toast-text]")?.textContent.trim() ?? "");
      if (!sentence || !given?.isConnected) continue;
      const line = make("p", sentence, "refused-file");
      line.setAttribute("role", "alert");
      refusals.get(given)?.remove();
      refusals.set(given, line);
      given.after(line);
      line.scrollIntoView({ block: "nearest" });  // a file may have been dropped far from there
      // It fades out unseen: what is not displayed has no animation, so it would stay and take the next.
      Object.assign(toast.parentElement.style, { visibility: "hidden", pointerEvents: "none" });
      toast.parentElement.dataset.told = "";
      toast.querySelector(".toast-close").click();
    }
  }
  const toasts = find(".toast-wrap");
  if (toasts) new MutationObserver(heardOf).observe(toasts, { childList: true });
