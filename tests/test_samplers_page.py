"""The Samplers lens on the real page: what is there at once, and what runs and stops."""

import numpy as np
import pytest
from browser import answered, painted
from lens import QUICK, pixels, quiet, slide
from PIL import Image

from playground.recipe import Recipe


@pytest.fixture
def laboratory(lens):
    def opener(recipe: Recipe, **options):
        page = lens(recipe, **options)
        page.get_by_role("tab", name="Samplers").click()
        page.wait_for_selector("#mixture canvas")
        return page

    return opener


def says(page, view: str, text: str) -> None:
    page.wait_for_function(
        f"text => document.querySelector('#{view} .status').textContent.includes(text)",
        arg=text,
    )


def test_plane_and_schedules_answer_without_a_request(laboratory):
    page = laboratory(Recipe(**QUICK))
    requests = quiet(page)
    before = pixels(page, "#mixture figure:first-child canvas")
    slide(page, "#mixture .scale", 6)
    assert (pixels(page, "#mixture figure:first-child canvas") != before).any()
    slide(page, "#schedules .steps", 4)
    assert page.locator("#schedules .rows button:first-child .tick").count() == 4
    assert requests == []


@pytest.mark.slow
def test_counting_steps_runs_from_the_recipe(laboratory):
    page = laboratory(Recipe(**QUICK))
    page.click("#counting-start")
    says(page, "counting", "4 runs from one noise")
    assert page.locator("#counting .strip button").count() == 4
    requests = quiet(page)
    slide(page, "#counting .at", 3)
    assert page.text_content("#counting .at-out") == "4 of 4"
    page.select_option("#counting .which", "stopped")
    ends = [page.get_attribute(f"#counting img.{name}", "src") for name in ("way", "full")]
    assert ends[0] == ends[1]  # after its last step the long run is finished too
    assert requests == []


@pytest.mark.slow
def test_the_thousand_steps_advance_and_stop(laboratory):
    page = laboratory(Recipe(**QUICK))
    page.click("#lecture-start")
    page.wait_for_selector("#lecture canvas")
    assert "DDIM, 50 steps" in page.text_content("#lecture .lanes")
    page.click("#lecture-stop")
    says(page, "lecture", "Stopped.")
    shown = page.text_content("#lecture .lanes")
    answered(page, lambda: page.click("#lecture-stop"))  # what was on its way has come before
    assert page.text_content("#lecture .lanes") == shown


@pytest.mark.slow
def test_measuring_starts_says_how_long_and_stops(laboratory):
    page = laboratory(Recipe(**QUICK))
    page.click("#errors-start")
    says(page, "errors", "s left")
    page.click("#errors-stop")
    says(page, "errors", "Stopped.")


def upload(page, file) -> None:
    with page.expect_file_chooser() as chooser:
        page.click("#noising-file")
    chooser.value.set_files(file)


REFUSED = ".row:has(> #noising-file) + .refused-file"


def refused(page) -> str:
    """The sentence on the file that was not taken, which stands there alone."""
    said = page.wait_for_selector(REFUSED).text_content()
    assert page.locator(".toast-body:visible").count() == 0
    return said


def test_an_upload_is_noised_and_nonsense_is_refused(laboratory, tmp_path):
    page = laboratory(Recipe(**QUICK))
    colours = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    Image.fromarray(colours).save(good)
    bad.write_text("<script>alert(1)</script>")
    upload(page, good)
    says(page, "noising", "Your picture")
    before = pixels(page, "#noising .mixed")
    slide(page, "#noising .time", 900)
    assert (pixels(page, "#noising .mixed") != before).any()
    upload(page, bad)
    assert refused(page) == "This is not a readable PNG, JPEG or WebP picture."
    assert page.is_visible("#noising .mixed")  # what was there stays
    quiet(page)  # gradio takes no file while it still answers to the one before
    bad.write_bytes(bytes(21_000_000))
    upload(page, bad)
    page.wait_for_function(f"document.querySelector('{REFUSED}')?.textContent.includes('MB')")
    assert refused(page) == "A file may have at most 20 MB."


@pytest.mark.slow
def test_noising_stops_and_begins_again(laboratory):
    page = laboratory(Recipe(**QUICK | {"steps": 100}))
    page.click("#noising-start")
    page.wait_for_selector("#noising .progress:not([hidden])")
    page.click("#noising-stop")
    says(page, "noising", "Stopped.")
    assert page.is_hidden("#noising .progress")
    page.wait_for_function(  # gradio takes no press while it still ends the stopped run
        "() => { const stopped = document.querySelector('#noising .status').textContent === "
        "'Stopped.'; if (stopped) document.querySelector('#noising-start').click();"
        " return !stopped; }",
        polling=500,
    )
    says(page, "noising", f"seed {QUICK['seed']}.")
    assert page.is_visible("#noising .decoded")


@pytest.mark.slow
def test_what_has_no_reference_is_one_sentence(laboratory):
    page = laboratory(Recipe(**QUICK, rescale=0.5))
    page.click("#errors-start")
    says(page, "errors", "φ to 0")
    assert "Traceback" not in page.content()


@pytest.mark.slow
def test_phone_width(laboratory):
    page = laboratory(Recipe(**QUICK))
    page.set_viewport_size({"width": 390, "height": 844})
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
