"""Text in saved pictures: nothing runs over, nothing is lost unless it says so."""

import numpy as np
import pytest
from PIL import Image

from playground.page.shared import labels
from playground.page.shared.labels import label


def ink(image: Image.Image) -> np.ndarray:
    """How much of each pixel is covered, [h, w]."""
    assert image.mode == "RGBA"
    return np.asarray(image)[..., 3]


def lines(text: str, width: int, most: int | None = None, size: int = 12) -> list[str]:
    families, said = labels._families(labels._visible(text))
    return labels._wrapped(said, width, labels._measure(families, size), most)


def test_a_label_is_as_wide_as_asked_and_as_high_as_its_lines():
    one, all_ = label("Euler ancestral", 64), label("Euler ancestral", 64, lines=None)
    assert one.size == (64, 16)
    assert all_.size == (64, 32)
    assert ink(one).any()
    assert (np.asarray(label("x", 20, colour="#ff0000"))[..., :3][ink(label("x", 20)) > 0]
            == (255, 0, 0)).all()  # fmt: skip


def test_words_are_wrapped_and_nothing_is_lost():
    text = "DPM-Solver++ 2M Karras, 24 network calls, w = 7.5"
    for width in (30, 64, 128, 400):
        found = lines(text, width)
        assert "".join(found).replace(" ", "") == text.replace(" ", "")
        measure = labels._measure((labels.FONT,), 12)
        assert all(measure(line) <= width for line in found)
    assert lines(text, 400) == [text]
    assert lines("one two", 40) == ["one", "two"]


def test_what_is_cut_ends_with_an_ellipsis():
    assert lines("a cat wearing a top hat", 60, most=1) == ["a cat w…"]
    two = lines("a cat wearing a top hat", 60, most=2)
    assert two[0] == "a cat"
    assert two[1].startswith("wearin")
    assert two[1].endswith("…")
    assert lines("a cat", 60, most=1) == ["a cat"]
    assert lines("wide", 1, most=1) == ["…"]


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "\x00\x07"])
def test_nothing_to_say_is_an_empty_line(text):
    assert label(text, 30).size == (30, 16)
    assert not ink(label(text, 30)).any()


def test_line_breaks_are_spaces_and_formulas_are_text():
    same = label("one two\r\nthree", 200), label("one two three", 200)
    assert (ink(same[0]) == ink(same[1])).all()
    assert (ink(label("$x^2$", 80)) != ink(label("x2", 80))).any()
    label("$\\frac{", 80)  # no formula, so no formula that is wrong


@pytest.mark.parametrize("text", ["Bär", "привет", "γάτα", "שלום", "مرحبا", "🐱", "∿ η ≈ ★"])
def test_letters_of_many_scripts_are_drawn(text):
    assert labels._families(text)[1] == text
    assert (ink(label(text, 90)) != ink(label("?" * len(text), 90))).any()


def test_a_letter_that_no_font_has_is_a_box(monkeypatch):
    first = labels._fonts()[:1]
    monkeypatch.setattr(labels, "_fonts", lambda: first)
    labels._families.cache_clear()
    try:
        assert labels._families("a 熊") == ((labels.FONT,), "a □")
        assert ink(label("a 熊", 60)).any()
    finally:
        labels._families.cache_clear()


def test_emoji_of_several_parts_show_what_has_a_letter():
    assert labels._visible("👩\u200d🚀 ☀\ufe0f") == "👩🚀 ☀"
