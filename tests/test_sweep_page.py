"""The Guidance lens in a real browser: the filmstrip and its sweeps."""

import base64
import io

import pytest
from browser import answered
from lens import QUICK, STRIP, pixels, quiet, slide

from playground.recipe import Recipe


def swept(page, values: str) -> None:
    page.fill("#sweep-values textarea, #sweep-values input", values)
    page.click("#sweep-start")
    page.wait_for_function(
        f"document.querySelector('{STRIP} .status').textContent.includes('rows computed')",
    )


def test_a_sweep_and_scrubbing_its_pictures(lens):
    page = lens(Recipe(**QUICK, guidance=5.0))
    assert page.text_content(f"{STRIP} .at-out") == "w = 5"  # the drawn picture began the strip
    swept(page, "0, 1, 9, 25")
    labels = page.locator(f"{STRIP} .frames span").all_text_contents()
    assert labels == ["w = 0", "w = 1", "w = 5", "w = 9", "w = 25"]
    requests = quiet(page)
    seen = set()
    for at, nearest in [
        (0.2, "w = 0"),
        (1.4, "w = 1"),
        (6, "w = 5"),
        (16, "w = 9"),
        (25, "w = 25"),
    ]:
        slide(page, f"{STRIP} .at", at)
        assert page.text_content(f"{STRIP} .at-out") == nearest
        seen.add(pixels(page, f"{STRIP} .picture").tobytes())
    assert len(seen) == 5
    page.click(f"{STRIP} .frames button:nth-child(2)")
    assert page.text_content(f"{STRIP} .at-out") == "w = 1"
    before = pixels(page, f"{STRIP} .picture")
    page.click(f"{STRIP} .words button:nth-child(3)")
    assert (pixels(page, f"{STRIP} .picture") != before).any()  # the map of “square” lies over it
    assert requests == []
    saved = base64.b64decode(page.get_attribute(f"{STRIP} .save", "href").split(",")[1])
    assert Recipe.from_png(io.BytesIO(saved)) == Recipe(**QUICK, guidance=1.0)


@pytest.mark.slow
def test_another_recipe_begins_another_strip_and_the_first_is_kept(lens):
    page = lens(Recipe(**QUICK, guidance=5.0))
    first = pixels(page, f"{STRIP} .picture")
    page.fill("#recipe-prompt textarea", "a panda")
    page.click("#draw")
    page.wait_for_selector(f"{STRIP} .strips:not([hidden])")
    chosen = page.locator(f"{STRIP} .strips option:checked").text_content()
    assert "a panda, seed 3" in chosen
    assert page.locator(f"{STRIP} .frames button").count() == 1
    assert (pixels(page, f"{STRIP} .picture") != first).any()
    page.select_option(f"{STRIP} .strips", index=0)
    assert (pixels(page, f"{STRIP} .picture") == first).all()


@pytest.mark.slow
def test_nonsense_is_a_sentence_and_stays_to_be_mended(lens):
    page = lens(Recipe(**QUICK))
    for text, words in [("1, <b>x</b>", "“<b>x</b>” in the list"), ("1e9", "between 0 and 30")]:
        page.fill("#sweep-values textarea, #sweep-values input", text)
        page.click("#sweep-start")
        page.wait_for_function(
            f"w => document.querySelector('{STRIP} .status').textContent.includes(w)", arg=words
        )
        assert page.input_value("#sweep-values textarea, #sweep-values input") == text
    assert page.locator(f"{STRIP} .frames button").count() == 1


@pytest.mark.slow
def test_stopping_a_sweep_keeps_what_there_is(lens):
    page = lens(Recipe(**QUICK | {"steps": 60}))
    page.click("#sweep-start")
    page.wait_for_function(f"document.querySelectorAll('{STRIP} .frames button').length >= 8")
    page.click("#sweep-stop")
    page.wait_for_function(
        f"document.querySelector('{STRIP} .status').textContent.startsWith('Stopped')"
    )
    answered(page, lambda: page.click("#sweep-stop"))  # what was on its way has come before
    notes = page.locator(f"{STRIP} .frames small").all_text_contents()
    previews = [note for note in notes if note.startswith("preview of step") and "of 60" in note]
    assert len(previews) >= 7
    assert "" in notes  # the finished picture of w = 5, drawn before
    assert page.text_content(f"{STRIP} .status").startswith("Stopped")
    assert page.is_hidden(f"{STRIP} .progress")
