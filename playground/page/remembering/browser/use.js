  // ---- "use this recipe", below any picture: its link fills the recipe here, without a new page ----
  const plainClick = ({ button, ctrlKey, metaKey, shiftKey, altKey }) => !(button || ctrlKey || metaKey || shiftKey || altKey);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("#lenses a[href]");
    if (!link || event.defaultPrevented || !plainClick(event)) return;
    const url = new URL(link.href), recipe = url.searchParams.get(FACTS.query);
    if (!recipe || url.origin !== location.origin || link.target === "_blank") return;
    event.preventDefault();
    fill({ link: recipe }, pressDraw);
    say("The recipe of that picture is yours now.");
  });
