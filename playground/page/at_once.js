() => {
  // What live.js presses, and the view that is filled past gradio's events (at_once.py).
  const PRESSED = { "#live-now": "explorer", "#live-strip": "filmstrip" };
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent("playground:" + name, { detail }));
  const root = window.gradio_config?.root ?? "";

  async function answered(view, body) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${root}/at-once/${view}`, { method: "POST", headers, body });
    if (answer.status === 204) return null; // something newer is being drawn
    const value = await answer.json();
    return answer.ok ? value : { kind: "message", text: value.error, error: true };
  }

  async function ask(view) {
    const typed = {};
    tell("recipe", typed);
    const visitor = document.querySelector("#visitor textarea, #visitor input")?.value;
    try {
      const body = JSON.stringify({ ...typed, visitor, asked: performance.now() });
      const value = await answered(view, body);
      if (value) tell("at-once", { view, value });
    } catch {
      tell("lost"); // it is said what has become of the server
    }
  }

  document.addEventListener("click", ({ target }) => {
    const pressed = Object.keys(PRESSED).find((button) => target.closest?.(button));
    if (pressed) ask(PRESSED[pressed]);
  }, true); // before gradio is told of it
}
