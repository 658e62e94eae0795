"""The Guidance lens in a real browser: the look-ahead and the toy."""

import numpy as np
import pytest
from lens import LOOK, QUICK, pixels, quiet, slide

from playground.diffusion.guidance import COND, UNCOND, guide
from playground.engine.engine import Engine
from playground.engine.local import LocalSession
from playground.engine.record import records
from playground.recipe import Recipe


def test_any_w_is_drawn_without_a_request_and_as_the_engine_would(lens, shipped):
    recipe = Recipe(**QUICK, guidance=5.0)
    page = lens(recipe)
    requests = quiet(page)
    session = LocalSession(Engine(shipped))
    *_, run = records(session, session.submit([recipe]))
    for index, w in [(0, 5.0), (1, 0.0), (1, 1.0), (2, 7.5), (3, 30.0)]:
        slide(page, f"{LOOK} .step", index)
        slide(page, f"{LOOK} .scale", w)
        clean = run.steps[index].clean
        colours = run.colours(guide(clean[UNCOND], clean[COND], w))
        expected = np.round((colours.clip(-1, 1) + 1) * 127.5)
        assert np.abs(pixels(page, f"{LOOK} .picture") - expected).max() <= 1
        assert page.text_content(f"{LOOK} .scale-out") == f"{w:g}"
        assert page.text_content(f"{LOOK} .step-out") == f"{index + 1} of 4"
    assert page.locator(f"{LOOK} .chart").count() == 3
    assert "°" in page.text_content(f"{LOOK} .charts")
    assert requests == []


def test_sixty_slider_moves_take_less_than_a_second(lens):
    page = lens(Recipe(**QUICK))
    spent = page.evaluate(
        f"""() => {{
          const slider = document.querySelector('{LOOK} .scale'), start = performance.now();
          for (let i = 0; i < 60; i++) {{
            slider.value = i / 2;
            slider.dispatchEvent(new Event('input'));
          }}
          return performance.now() - start;
        }}"""
    )
    assert spent < 1000


def test_keys_move_w_and_a_bar_leads_to_its_step(lens):
    page = lens(Recipe(**QUICK, guidance=5.0))
    page.focus(f"{LOOK} .scale")
    page.keyboard.press("ArrowRight")
    assert page.text_content(f"{LOOK} .scale-out") == "5.1"
    box = page.locator(f"{LOOK} .chart svg").first.bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 5)
    assert page.text_content(f"{LOOK} .step-out") == "4 of 4"


def test_a_w_between_those_that_can_be_slid_to_is_not_rounded(lens):
    page = lens(Recipe(**QUICK, guidance=7.25))
    assert page.text_content(f"{LOOK} .scale-out") == "7.25"
    assert "U + 7.25·(C − U). The run itself took w = 7.25" in page.text_content(f"{LOOK} .said")
    slide(page, f"{LOOK} .scale", 7.31)
    assert page.text_content(f"{LOOK} .scale-out") == "7.3"


@pytest.mark.parametrize("w", [0.0, 1.0])
def test_with_one_branch_there_is_nothing_to_slide_and_it_says_so(w, lens):
    page = lens(Recipe(**QUICK, guidance=w))
    assert f"w = {w:g}, so only the branch" in page.text_content(f"{LOOK} .said")
    assert page.is_disabled(f"{LOOK} .scale")
    assert page.is_hidden(f"{LOOK} .both")
    assert "4 network calls with 4 rows" in page.text_content(f"{LOOK} .cost")


@pytest.mark.slow
def test_the_toy_learns_and_is_explored_without_a_request(lens):
    page = lens(Recipe(**QUICK))
    page.click("#learn-start")
    page.wait_for_selector("#toy .progress:not([hidden])")
    page.click("#learn-stop")
    page.click("#learn-start")  # at once: the new training is heard, the stopped one is not
    page.wait_for_selector("#toy .all:not([hidden])")
    requests = quiet(page)
    first = [pixels(page, f"#toy figure:nth-child({i}) canvas") for i in (1, 2, 3)]
    slide(page, "#toy .slide input", 5)
    assert page.text_content("#toy .slide output") == "8"
    for i, before in enumerate(first, 1):
        assert (pixels(page, f"#toy figure:nth-child({i}) canvas") != before).any()
    assert requests == []


@pytest.mark.slow
def test_phone_width(lens):
    page = lens(Recipe(**QUICK), viewport={"width": 390, "height": 844}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    box = page.locator(f"{LOOK} .picture").bounding_box()
    assert box["width"] > 300
