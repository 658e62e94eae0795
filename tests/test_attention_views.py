"""The Attention lens's views with data, in a real browser but without the page."""

import numpy as np
from test_overlay import explored
from viewer import give, mount

from playground.models.words import Word
from playground.page.attention.views import attention, edits, worked
from playground.page.studio.views import explorer

GRAY = np.full((8, 8, 3), 128, np.uint8)


def test_an_edit_that_was_stopped_can_be_drawn_again(page):
    mount(page, edits.VIEW, edits.ready("a cat", [Word("cat", 2, 5, (2,))], "link"))
    give(page, edits.sampling([GRAY, GRAY], 2, 10, 1.0))
    assert page.is_disabled(".go button")
    give(page, edits.stopped())
    give(page, edits.sampling([GRAY, GRAY], 3, 10, 0.9))  # was on its way
    assert page.text_content(".status") == "Stopped."
    assert page.is_enabled(".go button")
    give(page, edits.message("Getting ready …"))  # a new one
    give(page, edits.sampling([GRAY, GRAY], 1, 10, 1.0))
    assert page.is_disabled(".go button")


def test_what_does_not_fit_a_new_picture_takes_the_old_ones_away(page):
    """Neither the form, nor results, nor numbers of another picture stay as if they were its."""
    ready = edits.ready("a cat", [Word("cat", 2, 5, (2,))], "link")
    mount(page, edits.VIEW, ready)
    give(page, edits.sampling([GRAY, GRAY], 2, 10, 1.0))
    assert page.is_visible(".result")
    give(page, edits.unfit("Not with this model."))
    assert page.text_content(".status") == "Not with this model."
    assert page.is_visible(".status")
    assert not any(map(page.is_visible, (".kinds", ".go button", ".result")))
    give(page, ready)
    assert page.is_visible(".go button")
    assert not page.is_visible(".result")
    mount(page, worked.VIEW, worked.unfit("Not with weighted words."))
    assert page.text_content(".worked .status") == "Not with weighted words."
    assert not page.is_visible(".worked .pick")


def test_what_comes_with_every_call_is_not_read_out(page):
    mount(page, explorer.VIEW, explorer.message("Getting ready …"))
    live = "document.querySelector('.status').ariaLive"
    assert page.evaluate(live) == "polite"
    give(page, explorer.sampling("run", GRAY, (64, 64), 1, 10, 0.9))
    assert page.evaluate(live) == "off"
    give(page, explorer.message("This picture failed.", error=True))
    assert page.evaluate(live) == "polite"


def test_a_picture_whose_words_were_not_read_says_nothing_of_words(page):
    mount(page, explorer.VIEW, explored())
    page.wait_for_function("document.querySelector('.ranking').textContent !== ''")
    give(page, explored() | {"levels": [], "words": [], "text": "Drawn at w = 0"})
    page.wait_for_function("document.querySelector('.status').textContent === 'Drawn at w = 0'")
    assert page.text_content(".hint") == ""
    assert page.text_content(".ranking") == ""


def test_a_closer_look_that_was_stopped_stays_stopped(page):
    mount(page, attention.VIEW, attention.message("Recording call 2 of 10", 0.2))
    give(page, attention.stopped())
    give(page, attention.message("Recording call 3 of 10", 0.3))
    assert page.text_content(".status") == "Stopped."
    for text, share in (("Getting ready …", None), ("Recording call 1 of 10", 0.1)):
        give(page, attention.message(text, share))
        assert page.text_content(".status") == text


def test_a_drawing_that_was_stopped_before_its_first_frame_stays_stopped(page):
    mount(page, explorer.VIEW, explorer.message("Getting ready …"))
    give(page, explorer.stopped())
    give(page, explorer.sampling("first", GRAY, (64, 64), 1, 10, 0.9))  # was on its way
    assert page.text_content(".status") == "Stopped."
    give(page, explorer.message("Getting ready …"))
    give(page, explorer.sampling("second", GRAY, (64, 64), 1, 10, 0.9))
    assert page.text_content(".status") == "Call 1 of 10, about 0.9 s left"
