"""Models in a real browser: teacher and student, then a folder of Stable Diffusion and back."""

import io
import re

import pytest
from browser import LONGEST
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import expect
from test_page import chips, pixels, saved_recipe, status

from playground.recipe import Recipe


def drawn(page, part: str) -> None:
    """Wait for a finished picture whose status says this."""
    page.wait_for_function(
        "t => { const s = document.querySelector('#explorer .status').textContent;"
        " return s.startsWith('Drawn') && s.includes(t); }",
        arg=part,
        timeout=LONGEST,
    )


def said(page, part: str) -> None:
    page.wait_for_function(
        "t => document.querySelector('#model-status').textContent.includes(t)",
        arg=part,
        timeout=LONGEST,
    )


def draws_in_four_steps(page, family: str, folder: str, told: str) -> None:
    """Open a folder as another model, and draw a red square with it."""
    page.fill("#model-text textarea", folder)
    page.click("#model-open")
    said(page, f"{family} is ready. ")
    page.fill("#recipe-prompt textarea", "a red square")
    page.fill("input[aria-label='number input for Steps']", "4")
    page.click("#draw")
    drawn(page, told)
    assert chips(page) == ["a", "red", "square"]


def hover_lights_a_word(page) -> None:
    plain = pixels(page)
    page.hover("#explorer .words button:nth-child(2)")
    page.wait_for_function("document.querySelector('#explorer .hint').textContent.includes('red')")
    assert pixels(page) != plain


@pytest.mark.slow
def test_teacher_and_student_are_one_click_apart_on_one_seed(visit):
    page = visit()
    marks = page.locator(".row.marks")
    assert marks.is_visible()
    page.get_by_label("Emoji world, consistency").check()
    drawn(page, "4 network calls, 4 rows")
    said(page, "Sampler LCM instead of DDIM, Steps 4 instead of 15.")
    assert not marks.is_visible()
    assert saved_recipe(page) == Recipe(model="emoji-world-lcm", sampler="lcm", steps=4)
    page.get_by_role("tab", name="Guidance").click()
    page.wait_for_selector("#lookahead .said:text('w is an input of the network')")
    page.get_by_role("tab", name="Studio").click()
    page.get_by_label("Emoji world", exact=True).check()
    drawn(page, "15 network calls")
    assert marks.is_visible()
    assert saved_recipe(page) == Recipe()


@pytest.mark.slow
@pytest.mark.parametrize("family", ["sdxl", "sd3", "flux"])
def test_other_families_draw_with_word_maps_and_race(family, visit, tiny_pipeline):
    page = visit()
    page.get_by_text("Other model …").click()
    draws_in_four_steps(page, family, str(tiny_pipeline(family)), "4 network calls")
    hover_lights_a_word(page)
    page.get_by_role("tab", name="Samplers").click()
    page.wait_for_selector("#race-cost:has-text('network calls')")
    page.fill("#race-counts textarea, #race-counts input", "3")
    before = page.text_content("#race .status")
    page.click("#race-start")
    page.wait_for_function(
        "before => (text => text !== before && / lanes? in /.test(text))"
        "(document.querySelector('#race .status').textContent)",
        arg=before,
    )
    page.get_by_role("tab", name="Studio").click()
    page.get_by_label("Emoji world", exact=True).check()
    drawn(page, "15 network calls")


def test_a_folder_is_opened_drawn_raced_and_left_again(visit, tiny_pipeline):
    page = visit()
    page.get_by_text("Other model …").click()
    page.fill("#model-text textarea", "/no/such/folder")
    page.click("#model-open")
    page.wait_for_selector("#model-status .error:text('There is no folder')")
    draws_in_four_steps(page, "sd15", str(tiny_pipeline("sd15")), "4 network calls, 8 rows")
    recipe = saved_recipe(page)
    assert (recipe.model, recipe.sampler, recipe.guidance) == (
        str(tiny_pipeline("sd15")), "dpmpp_2m", 7,
    )  # fmt: skip
    assert re.fullmatch("[0-9a-f]{12}", recipe.weights)
    hover_lights_a_word(page)
    page.get_by_role("tab", name="Samplers").click()
    for name in ("DDIM", "Heun (2 calls a step)", "Euler ancestral ∿", "DDPM ∿"):
        page.get_by_label(name, exact=True).click()  # gradio shows it a moment later
        expect(page.get_by_label(name, exact=True)).not_to_be_checked(timeout=LONGEST)
    page.fill("#race-counts textarea, #race-counts input", "3")
    page.click("#race-start")
    page.wait_for_selector("#race .status:text('2 lanes in')", timeout=LONGEST)
    page.get_by_role("tab", name="Studio").click()
    page.get_by_label("Emoji world", exact=True).check()
    drawn(page, "DDIM, w = 5")
    assert saved_recipe(page) == Recipe(prompt="a red square")


@pytest.mark.parametrize("width", [390, 320])
def test_the_chooser_fits_a_phone(width, visit):
    page = visit(viewport={"width": width, "height": 844}, has_touch=True)
    page.get_by_text("Other model …").click()
    page.wait_for_selector("#model-open", state="visible")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.slow
def test_a_picture_of_another_program_is_opened(visit):
    page, chunks, file = visit(), PngInfo(), io.BytesIO()
    chunks.add_text(
        "parameters",
        "a red square\nSteps: 3, Sampler: Euler, CFG scale: 4, Seed: 8, Size: 64x64, Clip skip: 2",
    )
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=chunks)
    page.get_by_text("More", exact=True).click()
    with page.expect_file_chooser() as chosen:
        page.get_by_text("Open a saved PNG").click()
    chosen.value.set_files({"name": "x.png", "mimeType": "image/png", "buffer": file.getvalue()})
    drawn(page, "Euler, w = 4, seed 8")
    assert "Not understood: Clip skip: 2." in page.text_content("#opened-notes")
    assert "seed 8" in status(page)
