  // ---- a saved PNG, dropped anywhere on the page ----------------------------------------------------
  const OTHERS = "#own-picture, [data-testid=image], .upload-container";  // these take files themselves
  const files = (event) => event.dataTransfer?.types.includes("Files");
  const theirs = (event) => event.target.closest?.(OTHERS);
  let over = 0;
  const lift = (by) => {
    over = Math.max(0, by ? over + by : 0);
    document.documentElement.classList.toggle("dropping", over > 0);
  };

  document.addEventListener("dragenter", (event) => { if (files(event)) lift(1); });
  document.addEventListener("dragleave", (event) => { if (files(event)) lift(-1); });
  document.addEventListener("dragover", (event) => { if (files(event) && !theirs(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!files(event)) return;
    lift(0);
    if (theirs(event)) return;
    event.preventDefault();
    const input = find("#recipe-rest input[type=file]"), one = new DataTransfer();
    if (!input || !event.dataTransfer.files.length) return;
    one.items.add(event.dataTransfer.files[0]);
    input.files = one.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
