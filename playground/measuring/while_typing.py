"""How long live drawing takes, from input to what is seen: python -m playground.measuring typing

In headless Chromium, with the consistency student at 4 steps: the slider of w moves, and the
picture changes; in the Guidance lens a seed or a letter is typed, and eight pictures over w
change. What live.js waits before it asks is part of it, as a visitor feels it.
"""

import json
import os
import statistics
from collections.abc import Sequence

from playground.measuring import docs, hosting, report
from playground.measuring.browser import chromium
from playground.measuring.load_tables import FIGURES

ROUNDS, LONGEST = 20, 120_000  # ms
REST = 2500  # ms: every lens has followed the input before
PICTURE, STRIP = "#explorer .status", "#filmstrip .status"
STATUS = f"(document.querySelector('{PICTURE}')?.textContent ?? '')"
# Moves a slider or types a letter, and says after how many milliseconds the status has changed.
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


def measure(count: int = ROUNDS) -> None:
    """`count` inputs of each kind, on a page of its own."""
    busy = round(os.getloadavg()[0], 1)
    with hosting.page() as url, chromium() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(LONGEST)
        page.goto(url)
        page.wait_for_function(f"{STATUS}.startsWith('Drawn')")
        page.get_by_label("Emoji world, consistency").check()
        page.wait_for_function(f"{STATUS}.includes('LCM')")
        while "ONNX" not in page.evaluate(STATUS):  # it is prepared in the background
            page.click("#draw")
            page.wait_for_timeout(1000)
        found = {"w": timed(page, "guidance", [1.5 + i % 16 / 2 for i in range(count)], PICTURE)}
        page.get_by_role("tab", name="Guidance").click()
        page.wait_for_timeout(REST)
        found["eight by seed"] = timed(page, "seed", range(1, count + 1), STRIP)
        words = [f"{('a', 'red', 'two', 'blue')[i % 4]} cat" for i in range(count)]
        found["eight by words"] = timed(page, "prompt", words, STRIP)
        facts = {"chromium": browser.version, "rounds": count, "busy": busy}
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    all_ = {"typing": found | facts | report.environment()}
    FIGURES.write_text(json.dumps(known | all_, indent=1) + "\n", encoding="utf-8")
    docs.write()


def timed(page, name: str, values: Sequence, status: str) -> list[int]:
    """Milliseconds from input to what is seen: the median, the least, the most."""
    box = {"prompt": "textarea", "seed": "input"}.get(name, "input[type=range]")
    found = []
    for value in values:
        found.append(page.evaluate(ACT, [f"#recipe-{name} {box}", str(value), status]))
        page.wait_for_timeout(REST)
    print(name, *map(round, found), flush=True)
    return [round(f(found)) for f in (statistics.median, min, max)]
