"""The filmstrip with data, in a real browser but without the page."""

import io

import numpy as np
from PIL import Image
from viewer import give, mount

from playground.page.guidance.views import filmstrip

CHOSEN = "document.querySelector('.strips').value"
LABELS = "[...document.querySelectorAll('.frames span')].map(s => s.textContent)"


def frame(at: float, finished: bool = True) -> dict:
    label = f"w = {at:g}"
    if not finished:
        return filmstrip.sampling(at, label, np.zeros((4, 4, 3), np.uint8), 1, 9)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return filmstrip.finished(at, label, (8, 8), file.getvalue(), [], "facts", "link")


def strip(key: str, *frames: dict, **progress) -> dict:
    return filmstrip.strip(key, "Guidance", f"recipe {key}", list(frames), **progress)


def joins(page, value: dict, shown: str) -> None:
    """Give the strip, and wait until `shown` is among the choices with so many pictures."""
    give(page, value)
    page.wait_for_function(
        "s => [...document.querySelectorAll('.strips option')].some(o => o.text.endsWith(s))",
        arg=shown,
    )


def swept(number: int, *frames: dict) -> dict:
    return strip("a", *frames, text=f"frame {number}", share=number / 10, run="sweep")


def test_a_sweep_does_not_take_the_choice_of_strips_away(page):
    mount(page, filmstrip.VIEW, strip("a", frame(5)))
    page.wait_for_selector(".frames button")
    joins(page, strip("b", frame(5)), "recipe b (1)")
    assert page.evaluate(CHOSEN) == "b"  # a picture just drawn is shown
    joins(page, swept(1, frame(1, finished=False)), "recipe a (2)")
    assert page.evaluate(CHOSEN) == "a"  # so is a sweep that begins
    page.select_option(".strips", "b")
    joins(page, swept(2, frame(1), frame(2, finished=False)), "recipe a (3)")
    assert page.evaluate(CHOSEN) == "b"
    assert page.evaluate(LABELS) == ["w = 5"]
    option = page.query_selector(".strips option")
    give(page, swept(3, frame(2)))
    page.wait_for_function("document.querySelector('.status').textContent === 'frame 3'")
    assert option.evaluate("o => o.isConnected")  # an open list is not rebuilt under the pointer
    page.select_option(".strips", "a")
    assert page.evaluate(LABELS) == ["w = 1", "w = 2", "w = 5"]


def test_the_strip_that_a_sweep_fills_is_not_let_go(page):
    mount(page, filmstrip.VIEW, strip("a", frame(5)))
    page.wait_for_selector(".frames button")
    for number in range(1, 8):
        joins(page, strip(f"b{number}", frame(5)), f"recipe b{number} (1)")
    joins(page, swept(1, frame(1)), "recipe a (2)")
    joins(page, strip("c", frame(5)), "recipe c (1)")  # drawn meanwhile: one is too many
    joins(page, swept(2, frame(2)), "recipe a (3)")
    kept = page.evaluate("[...document.querySelectorAll('.strips option')].map(o => o.value)")
    assert sorted(kept) == ["a", "b2", "b3", "b4", "b5", "b6", "b7", "c"]
    assert page.evaluate(LABELS) == ["w = 1", "w = 2", "w = 5"]
