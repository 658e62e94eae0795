"""The Attention lens in a real browser."""

import numpy as np
import pytest
from browser import LONGEST
from viewer import give, mount, table_of

from playground.models.words import Word
from playground.page.attention.views import attention, edits
from playground.recipe import Recipe

GRAY = np.full((8, 8, 3), 128, np.uint8)


@pytest.fixture
def lab(visit):
    """Opens the page and looks closer at a picture."""

    def opener(prompt="a red square", **options):
        page = visit(**options)
        page.fill("#recipe-prompt textarea", prompt)
        page.fill("input[aria-label='number input for Steps']", "6")
        page.get_by_role("tab", name="Attention").click()
        page.click("#look-closer")
        # Not the example, which is there on opening.
        done = f"“{prompt}”, seed 7: every head of 6 steps"
        page.wait_for_selector(f"#attention .status:has-text('{done}')", timeout=LONGEST)
        return page

    return opener


def pixels(page, canvas="#attention canvas", number=0) -> str:
    return page.evaluate(f"document.querySelectorAll('{canvas}')[{number}].toDataURL()")


def chip(page, text: str):
    return page.locator("#attention .words button").get_by_text(text, exact=True)


def text(page, selector: str) -> str:
    return page.text_content(f"#attention {selector}")


def drag(page, start, end) -> None:
    page.locator("#attention .picture").scroll_into_view_if_needed()
    frame = page.locator("#attention .picture").bounding_box()
    for (x, y), act in ((start, page.mouse.down), (end, page.mouse.up)):
        page.mouse.move(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"], steps=4)
        act()


def test_words_levels_heads_and_scales_change_the_map_without_a_request(lab):
    page = lab()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    seen = [pixels(page)]
    chip(page, "square").click()
    page.mouse.move(0, 0)
    seen.append(pixels(page))
    chip(page, "red").click()
    page.mouse.move(0, 0)
    assert "red + square" in text(page, ".hint")
    seen.append(pixels(page))
    page.locator("#attention").get_by_label("8×8", exact=True).check()
    seen.append(pixels(page))
    page.select_option("#attention .head", label="up 2.1, head 1")
    seen.append(pixels(page))
    page.select_option("#attention .head", "best")
    seen.append(pixels(page))
    page.locator("#attention").get_by_label("shared, absolute").check()
    assert "of all attention" in text(page, ".hint")
    seen.append(pixels(page))
    page.locator("#attention .range").press("ArrowLeft")
    assert "Step 6 of 6" in text(page, ".readout")
    seen.append(pixels(page))
    assert len(set(seen)) == len(seen)
    assert requests == []


@pytest.mark.slow
def test_a_phrase_is_taken_with_shift_and_rows_can_be_changed(lab):
    page = lab()
    chip(page, "a").click()
    chip(page, "square").click(modifiers=["Shift"])
    assert "a + red + square" in text(page, ".hint")
    page.get_by_role("radio", name="without words").check()
    assert page.locator("#attention .words button").all_text_contents() == [
        "start",
        "end",
        "padding",
    ]
    chip(page, "padding").click()
    assert "of all attention" in text(page, ".hint")


def test_a_box_ranks_its_words_and_a_bar_leads_to_its_step(lab):
    page = lab()
    drag(page, (0.3, 0.3), (0.7, 0.6))
    assert text(page, ".where") == "Box of 6×8 positions of 16×16"
    shares = page.locator("#attention .ranking span").all_text_contents()
    values = [float(share.removesuffix(" %")) for share in shares]
    assert values == sorted(values, reverse=True)
    assert 99 <= sum(values) <= 101
    page.locator("#attention .masses > div").nth(2).click()
    assert "Step 3 of 6" in text(page, ".readout")
    page.locator("#attention .clear").click()
    assert text(page, ".where") == ""


@pytest.mark.slow
def test_the_keyboard_walks_boxes_and_works_a_place_out(lab):
    page = lab()
    page.focus("#attention .picture")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert text(page, ".where").startswith("Box of 2×1")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_selector("#worked tbody tr", timeout=LONGEST)
    tokens = page.locator("#worked tbody td:first-child").all_text_contents()
    assert tokens == ["start", "a", "red", "square", "end", "all padding"]
    weights = page.locator("#worked tbody tr td:nth-child(3) span").all_text_contents()
    assert sum(float(w.removesuffix(" %")) for w in weights) == pytest.approx(100, abs=0.5)
    heading, *rows = table_of(page, "#worked")
    assert heading == "token,score,weight,moves the feature by"
    assert [row.rsplit(",", 3)[0] for row in rows] == tokens
    page.select_option("#worked .layer", label="middle (4×4)")
    assert "of 4×4" in page.text_content("#worked .sum")
    page.locator("#attention .range").press("Home")  # another step: worked out again
    page.wait_for_function("document.querySelector('#worked .sum').textContent.includes('Step 1,')")


def test_the_place_worked_out_is_of_the_picture_above(lab):
    """Not of the example, whose place is there on opening."""
    page = lab("a panda at the beach")
    page.wait_for_selector("#worked td:has-text('panda')", timeout=LONGEST)
    tokens = page.locator("#worked tbody td:first-child").all_text_contents()
    assert tokens == ["start", "a", "panda", "at", "the", "beach", "end", "all padding"]
    assert "Step 6, row 9, column 9 of 16×16" in page.text_content("#worked .sum")


@pytest.mark.slow
def test_the_example_can_be_worked_out_and_kept_too(visit, tmp_path):
    """Nothing is held yet: the server draws it once more."""
    page = visit()
    page.get_by_role("tab", name="Attention").click()
    page.wait_for_selector("#attention .status:has-text('“a red square”, seed 7')")
    drag(page, (0.1, 0.1), (0.1, 0.1))
    page.wait_for_selector("#worked .sum:has-text('row 2, column 2 of 16×16')", timeout=LONGEST)
    path = kept(page, "png", tmp_path)
    assert Recipe.from_png(path) == Recipe(prompt="a red square", steps=10)


def test_edits_are_drawn_and_bad_ones_are_a_sentence(lab):
    page = lab()
    page.select_option("#edits .word", label="red")
    page.fill("#edits .by", "very blue")
    page.click("#edits .go button")
    page.wait_for_selector("#edits .status.error", timeout=LONGEST)
    assert "keeps the number of tokens" in page.text_content("#edits .status")
    page.fill("#edits .by", "blue")
    page.click("#edits .go button")
    page.wait_for_function("document.querySelector('#edits .verdict').textContent.includes('IoU')")
    original, edited = (pixels(page, "#edits canvas", i) for i in (0, 1))
    assert original != edited
    chips = page.locator("#edits .result .words").nth(1).locator("button")
    assert chips.all_text_contents() == ["a", "blue", "square"]
    chips.nth(1).click()
    assert pixels(page, "#edits canvas", 1) != edited


def test_what_was_on_its_way_when_stopped_is_not_shown(browser):
    page = browser.new_page()
    mount(page, attention.VIEW, attention.message("Recording", share=0.25))
    give(page, attention.stopped())
    give(page, attention.message("still recording", share=0.5))
    assert page.text_content(".status") == "Stopped."
    words = [Word("a", 0, 1, (1,)), Word("cat", 2, 5, (2,))]
    mount(page, edits.VIEW, edits.ready("a cat", words, "link"))
    give(page, edits.sampling([GRAY, GRAY], 1, 4, 1.0))
    assert page.is_disabled("button[type=submit]")
    give(page, edits.stopped())
    give(page, edits.sampling([GRAY, GRAY], 2, 4, 1.0))
    assert page.text_content(".status") == "Stopped."
    assert page.is_enabled("button[type=submit]")
    give(page, edits.sampling([GRAY, GRAY], 1, 4, 1.0) | {"share": 0})  # a new edit
    assert page.is_disabled("button[type=submit]")
    page.close()


def test_a_swap_begins_with_the_word_after_the_article(browser):
    page = browser.new_page()
    words = [Word("a", 0, 1, (1,)), Word("cat", 2, 5, (2,))]
    mount(page, edits.VIEW, edits.ready("a cat", words, "link"))
    assert page.eval_on_selector(".word", "e => e.selectedOptions[0].text") == "cat"
    mount(page, edits.VIEW, edits.ready("cats", words[1:], "link"))
    assert page.eval_on_selector(".word", "e => e.selectedOptions[0].text") == "cat"
    page.close()


def kept(page, kind: str, folder) -> str:
    with page.expect_download(timeout=LONGEST) as download:
        page.click(f"#attention .keep a[data-kind={kind}]")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


@pytest.mark.slow
def test_what_is_kept_is_complete(lab, browser, tmp_path):
    page = lab("a <b>red</b> square")
    arrays = np.load(kept(page, "npz", tmp_path))
    assert arrays["first_16x16"].shape == (6, 12, len(arrays["first_words"]) + 4, 16, 16)
    file = kept(page, "html", tmp_path)
    assert file.stat().st_size < 10_000_000
    alone, errors, requests = browser.new_page(), [], []
    alone.on("pageerror", lambda error: errors.append(error))
    alone.on("request", lambda request: requests.append(request.url))
    alone.goto(file.as_uri())
    alone.wait_for_function("document.querySelector('.status').textContent.includes('every head')")
    plain = pixels(alone, "canvas")
    alone.locator(".words button").get_by_text("square", exact=True).click()
    assert pixels(alone, "canvas") != plain
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert errors == []
    alone.close()


@pytest.mark.slow
def test_phone_width_and_touch(lab):
    page = lab(viewport={"width": 390, "height": 844}, has_touch=True)
    plain = pixels(page)
    chip(page, "square").tap()
    assert pixels(page) != plain
    page.locator("#attention .picture").tap()
    page.wait_for_selector("#worked tbody tr", timeout=LONGEST)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
