"""How long live drawing takes, from input to what is seen: `python tests/latency.py`.

In headless Chromium, with the consistency student at 4 steps: the slider of w moves, and the
picture changes; a letter is typed while the Guidance lens is open, and eight pictures change. The
pause after the last key (80 ms) is part of the second, as a visitor feels it.
"""

import statistics

from browser import DRAWN, LONGEST, chromium, running_app

ROUNDS = 20
STATUS = "document.querySelector('#explorer .status').textContent"
# Moves a slider or types a letter, and says after how many milliseconds the status changed.
ACT = """([field, value, status]) => new Promise((done) => {
  const said = document.querySelector(status), input = document.querySelector(field);
  said.textContent = '';
  const kind = input.tagName === 'INPUT' ? HTMLInputElement : HTMLTextAreaElement;
  const started = performance.now();
  Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(input, value);
  input.dispatchEvent(new Event('input', { bubbles: true }));
  const watching = new MutationObserver(() => {
    if (!/Drawn in|pictures in/.test(said.textContent)) return;
    watching.disconnect();
    requestAnimationFrame(() => done(performance.now() - started));
  });
  watching.observe(said, { childList: true, subtree: true, characterData: true });
})"""


def timed(page, field: str, values: list, status: str) -> list[float]:
    """Milliseconds of each of these inputs, the lenses having followed the one before."""
    found = []
    for value in values:
        found.append(page.evaluate(ACT, [field, str(value), status]))
        page.wait_for_timeout(2500)  # ms: a benchmark, not a test
    return found


def told(what: str, found: list[float]) -> None:
    low, *_, high = sorted(found)
    print(f"{what}: median {statistics.median(found):.0f} ms, {low:.0f} to {high:.0f}")


def main() -> None:
    with running_app() as url, chromium() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.goto(url)
        page.wait_for_function(DRAWN, timeout=LONGEST)
        page.get_by_label("Emoji world, consistency").check()
        page.click("#draw")
        page.wait_for_function(f"{STATUS}.includes('LCM')", timeout=LONGEST)
        while "ONNX" not in page.evaluate(STATUS):  # prepared in the background
            page.click("#draw")
            page.wait_for_timeout(1000)
        slider = "#recipe-guidance input[type=range]"
        values = [1.5 + 0.5 * (i % 16) for i in range(ROUNDS)]
        told("picture", timed(page, slider, values, "#explorer .status"))
        page.get_by_role("tab", name="Guidance").click()
        words = [f"{['a', 'red', 'two', 'blue'][i % 4]} cat" for i in range(ROUNDS)]
        told("eight", timed(page, "#recipe-prompt textarea", words, "#filmstrip .status"))


if __name__ == "__main__":
    main()
