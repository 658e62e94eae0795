"""The script that draws while one types, with nothing but the elements that it presses."""

import pytest
from browser import ROOT

SCRIPT = (ROOT / "playground" / "page" / "live.js").read_text(encoding="utf-8")
PAGE = """
<label id="live"><input type="checkbox" checked></label>
<div id="recipe-prompt"><textarea></textarea></div>
<button id="draw"></button><button id="stop"></button>
<button id="live-now"></button><button id="live-later"></button>
<script>
window.pressed = [];
for (const id of ["live-now", "live-later"])
  document.getElementById(id).onclick = () => window.pressed.push(id);
</script>
"""


@pytest.mark.parametrize(
    ("button", "pressed"),
    [(None, ["live-now", "live-later"]), ("draw", ["live-now"]), ("stop", ["live-now"])],
)
def test_every_lens_follows_at_a_pause_unless_draw_or_stop_is_pressed(browser, button, pressed):
    page = browser.new_page()
    try:
        page.clock.install()
        page.set_content(PAGE)
        page.evaluate(SCRIPT)
        page.locator("textarea").press("a")
        if button:
            page.click(f"#{button}")
        page.clock.run_for(1000)
        assert page.evaluate("window.pressed") == pressed
    finally:
        page.close()
