"""The Samplers lens in a real browser: a race from start to export."""

import base64
import io

import numpy as np
import pytest
from browser import LONGEST
from lens import pixels, quiet, slide
from PIL import Image
from viewer import table_of

from playground.recipe import Recipe, grid_from_png

RACE, PAIR = "#race", "#race .both > .picture"


@pytest.fixture
def lab(visit):
    """Opens the page at the Samplers lens, whose finished race is there already."""

    def opener(**options):
        page = visit(**options)
        page.set_default_timeout(LONGEST)
        page.get_by_role("tab", name="Samplers").click()
        page.wait_for_selector(f"{RACE}[data-shown='6'], {RACE} [data-shown='6']")
        return page

    return opener


def says(page, text: str) -> None:
    """Wait until the race's status says this."""
    page.wait_for_function(
        f"t => document.querySelector('{RACE} .status').textContent.includes(t)", arg=text
    )


def notes(page) -> list[str]:
    return page.locator(f"{RACE} .card .note").all_text_contents()


def fill(page, name: str, text: str) -> None:
    page.fill(f"#race-{name} textarea, #race-{name} input", text)


def downloaded(page, button: str) -> bytes:
    with page.expect_download() as waiting:
        page.click(button)
    with open(waiting.value.path(), "rb") as file:
        return file.read()


def test_opens_with_a_finished_race_that_is_explored_without_a_request(lab):
    page = lab()
    assert page.locator(f"{RACE} .card .title").all_text_contents() == [
        "DDIM, 8 steps", "DPM-Solver++ 2M, 8 steps", "UniPC, 8 steps", "Heun, 4 steps",
        "Euler ancestral ∿, 8 steps", "DDPM ∿, 8 steps",
    ]  # fmt: skip
    assert notes(page)[3] == "cannot make exactly 8"
    heading, *lanes = table_of(page, RACE)
    assert heading.startswith("sampler,guidance,asked for,steps,network calls,rows,seconds")
    assert lanes[3].startswith("Heun,5,8 network calls,4,7,14,")
    requests = quiet(page)
    # replay
    finished = pixels(page, f"{RACE} .card canvas")
    slide(page, f"{RACE} .replay input", 2)
    assert page.text_content(f"{RACE} .replay output") == "After network call 2"
    assert notes(page)[0] == "preview of call 2 of 8"
    assert (pixels(page, f"{RACE} .card canvas") != finished).any()
    page.click(f"{RACE} .play")
    page.wait_for_selector(f"{RACE} .replay output:text('After the last network call')")
    assert (pixels(page, f"{RACE} .card canvas") == finished).all()
    # one click to the recipe
    page.click(f"{RACE} .card:nth-child(4) .look")
    link = page.get_attribute(f"{RACE} .link", "href").split("r=")[1]
    assert Recipe.from_query(link) == Recipe(sampler="heun", steps=4)
    saved = page.get_attribute(f"{RACE} .save", "href").split(",")[1]
    assert Recipe.from_png(io.BytesIO(base64.b64decode(saved))) == Recipe(sampler="heun", steps=4)
    assert requests == []


@pytest.mark.slow
def test_two_lanes_are_wiped_subtracted_and_flickered(lab):
    page = lab()
    requests = quiet(page)
    page.select_option(f"{RACE} .a", label="DDIM, 8 steps")
    page.select_option(f"{RACE} .b", label="Heun, 4 steps")
    wipe = f"{RACE} .wipe input"
    slide(page, wipe, 1)
    one = pixels(page, PAIR).astype(int)
    slide(page, wipe, 0)
    two = pixels(page, PAIR).astype(int)
    slide(page, wipe, 0.5)
    half = pixels(page, PAIR).astype(int)
    middle = half.shape[1] // 2
    assert (half[:, : middle - 2] == one[:, : middle - 2]).all()
    assert (half[:, middle + 2 :] == two[:, middle + 2 :]).all()
    # The distance is that of the two pictures themselves.
    pair = []
    for number in (1, 4):
        page.click(f"{RACE} .card:nth-child({number}) .look")
        png = page.get_attribute(f"{RACE} .save", "href").split(",")[1]
        pair.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(png)))).astype(float))
    rmse = np.sqrt(np.mean((pair[0] - pair[1]) ** 2))
    said = page.text_content(f"{RACE} .facts")
    assert said.startswith(f"Root mean square difference {rmse:.1f} of 255, PSNR ")
    assert f"PSNR {20 * np.log10(255 / rmse):.1f} dB" in said
    page.click(f"{RACE} [data-mode=difference]")
    slide(page, f"{RACE} .gain input", 1)
    gap = np.abs(pair[0] - pair[1])
    assert pixels(page, PAIR).mean() == pytest.approx(gap.mean(), abs=1)
    # Fresh noise is judged over many pictures, never by the distance to one.
    page.select_option(f"{RACE} .b", label="DDPM ∿, 8 steps")
    assert "DDPM adds fresh noise: a distance" in page.text_content(f"{RACE} .facts")
    page.click(f"{RACE} [data-mode=flicker]")
    for shown in ("Now B.", "Now A."):
        page.wait_for_function(
            f"t => document.querySelector('{RACE} .facts').textContent.startsWith(t)", arg=shown
        )
    page.click(f"{RACE} [data-mode=wipe]")
    assert requests == []


def test_the_cost_follows_the_recipe(lab):
    """Half the calls guided: of 8 calls 4 have one row, of Heun's 7 three."""
    page = lab()
    page.wait_for_selector("#race-cost:has-text('made together in 8 of about 12 rows')")
    page.get_by_role("button", name="More").click()
    page.fill("input[aria-label='number input for Guidance from']", "0.5")
    page.wait_for_selector("#race-cost:has-text('made together in 8 of about 9 rows')")


@pytest.mark.slow
def test_a_race_of_six_lanes_one_cancelled_and_the_grid_kept(lab):
    page = lab()
    page.fill("#recipe-prompt textarea", "a red square")
    fill(page, "counts", "60")
    page.wait_for_selector("#race-cost:has-text('359 network calls'):has-text('as measured')")
    assert "6 lanes: 359 network calls, made together in 60 of about 12 rows" in (
        page.text_content("#race-cost")
    )
    page.click("#race-start")
    says(page, "6 lanes from one noise")
    page.wait_for_selector(f"{RACE} .card:nth-child(3) .drop:visible")
    page.wait_for_function(
        "document.querySelector('#race .card .note').textContent.startsWith('preview of call')"
    )
    page.click(f"{RACE} .card:nth-child(3) .drop")
    says(page, "6 lanes in")
    assert notes(page)[2].startswith("cancelled; preview of call ")
    assert [note for i, note in enumerate(notes(page)) if i not in (2, 3)] == [""] * 4
    cells = grid_from_png(io.BytesIO(downloaded(page, f"{RACE} [data-keep=png]")))
    assert {(r.sampler, r.steps, r.prompt) for r in cells.values()} == {
        (name, 30 if name == "heun" else 60, "a red square")
        for name in ("ddim", "dpmpp_2m", "heun", "euler_a", "ddpm")
    }
    # Once more: only the cancelled lane is computed.
    page.click("#race-start")
    says(page, "5 of them kept from before. 120 network rows computed")


@pytest.mark.slow
def test_a_kept_page_shows_the_grid_alone(lab, browser, address, tmp_path):
    page = lab()
    fill(page, "counts", "2, 3")
    fill(page, "guidances", "1, 5")
    page.click("#race-start")
    says(page, "24 lanes in")
    page.wait_for_selector(f"{RACE} .grid:not(.flow)")
    painted = "all => all.every(c => c.getContext('2d').getImageData(9, 9, 1, 1).data[3] === 255)"
    assert page.locator(f"{RACE} .card canvas").evaluate_all(painted)
    page.select_option(f"{RACE} .rows", "guidance")
    file = tmp_path / "race.html"
    file.write_bytes(downloaded(page, f"{RACE} [data-keep=html]"))
    alone = browser.new_page(viewport={"width": 1000, "height": 900})
    try:
        errors = []
        alone.on("pageerror", lambda error: errors.append(str(error)))
        alone.goto(file.as_uri())
        alone.wait_for_selector(".grid .card")
        assert alone.locator(".rows option:checked").text_content() == "guidance w"
        rows = alone.locator(".grid .name:not(.top)")
        assert rows.all_text_contents()[5:7] == ["w = 1, DDPM", "w = 5, DDIM"]
        alone.select_option(".rows", "sampler")
        assert rows.all_text_contents()[:2] == ["DDIM", "DPM-Solver++ 2M"]
        assert alone.locator(".grid .name.top").all_text_contents() == [
            f"{count} network calls, w = {w}" for count in (2, 3) for w in (1, 5)
        ]
        alone.click(".grid .card .look")
        link = alone.get_attribute(".link", "href")
        assert link.startswith(f"{address}/?r=")
        assert Recipe.from_query(link.split("?r=")[1]).prompt == Recipe().prompt
        assert alone.is_hidden(".finish")
        assert errors == []
    finally:
        alone.close()


@pytest.mark.slow
def test_a_draft_is_starred_and_finished(lab):
    page = lab()
    assert page.is_disabled(f"{RACE} .finish button")
    page.click(f"{RACE} .card:nth-child(2) .star")
    assert page.text_content(f"{RACE} .starred") == "★ 1 starred."
    assert "composition may change" in page.text_content(f"{RACE} .finish")
    page.fill(f"{RACE} .finish input", "12")
    page.click(f"{RACE} .finish button")
    page.wait_for_selector(f"{RACE} .card >> text=DPM-Solver++ 2M, 12 steps")
    says(page, "7 lanes in")
    titles = page.locator(f"{RACE} .card .title").all_text_contents()
    assert len(titles) == 7
    assert page.locator(f"{RACE} .star[aria-pressed=true]").count() == 1


@pytest.mark.slow
def test_stopping_labels_what_is_only_a_preview(lab):
    page = lab()
    fill(page, "counts", "100")
    fill(page, "guidances", "3, 5")  # twelve lanes: there is time to stop on a busy machine
    page.click("#race-start")
    page.wait_for_selector(f"{RACE} .card .drop:visible")
    page.wait_for_function(
        f"document.querySelector('{RACE} .note').textContent.startsWith('preview')"
    )
    page.click("#race-stop")
    says(page, "Stopped. Finished pictures are kept")
    fill(page, "counts", "5")  # a question that is answered after what was still on its way
    page.wait_for_selector("#race-cost:has-text('12 lanes: 60 network calls')")
    assert notes(page)[0].endswith("of 100, not finished")
    assert page.is_hidden(f"{RACE} .progress")
    assert page.is_disabled(f"{RACE} [data-keep=png]")


def test_nonsense_is_a_sentence_and_stays_to_be_mended(lab):
    page = lab()
    for text, words in [("1, <b>x</b>", "“<b>x</b>” in the list"), ("10000", "not 10,000.")]:
        fill(page, "counts", text)
        page.click("#race-start")
        says(page, words)
        assert page.input_value("#race-counts textarea, #race-counts input") == text
        page.wait_for_function(
            "w => document.querySelector('#race-cost').textContent.includes(w)", arg=words
        )
    assert page.locator(f"{RACE} .card").count() == 6
    assert page.locator("#race-cost b").count() == 0


@pytest.mark.slow
def test_phone_width(lab):
    page = lab(viewport={"width": 390, "height": 844}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator(PAIR).bounding_box()["width"] > 300
