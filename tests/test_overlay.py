"""Maps over pictures: readable on anything, the same on the page and in files, nothing moves."""

import base64
import io

import numpy as np
import pytest
from contourpy import contour_generator
from PIL import Image
from viewer import give, mount

from playground.models.words import Word
from playground.page.attention.views import attention
from playground.page.attention.views.attention import Branch, Level
from playground.page.shared import overlay
from playground.page.shared.view import COLOURMAP, OVERLAY, SHARED, Summing
from playground.page.studio.views import explorer

GROUNDS = {"black": (0, 0, 0), "white": (255, 255, 255), "red": (222, 44, 48),
           "blue": (52, 104, 224), "yellow": (250, 213, 50)}  # fmt: skip
SCRIPTS = f"const COLOURMAP = {COLOURMAP.read_text()}; const element = document.body;" + "".join(
    file.read_text(encoding="utf-8") for file in (SHARED, OVERLAY[0])
)
WORDS = [Word(t, 0, 1, (i,)) for i, t in enumerate(("a", "cat", "wearing", "a", "top", "hat"), 1)]
CLAIM = "On 757 nouns"


def lightness(colour) -> float:
    """L* of CIE 1976 of an sRGB colour 0 … 255."""
    linear = np.asarray(colour) / 255
    linear = np.where(linear > 0.04045, ((linear + 0.055) / 1.055) ** 2.4, linear / 12.92)
    y = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116 * np.cbrt(y) - 16 if y > (6 / 29) ** 3 else y * (29 / 3) ** 3


def test_the_colours_are_matplotlibs_and_grow_lighter():
    from matplotlib import colormaps

    assert np.abs(overlay.ramp() / 255 - colormaps["viridis"].colors).max() < 0.5 / 255 + 1e-9
    steps = np.diff([lightness(colour) for colour in overlay.ramp()])
    assert (steps > -0.05).all()  # rounding to bytes
    assert steps.max() < 3 * steps.mean()  # uniform: no step that looks like an edge


@pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS)
def test_more_attention_is_lighter_on_anything(ground):
    picture = Image.new("RGB", (64, 1), ground)
    row = np.asarray(overlay.laid(picture, np.linspace(0, 1, 64)[None], "colour"))[0]
    found = np.array([lightness(colour) for colour in row])
    assert (np.diff(found) > -0.3).all()  # rounding to bytes
    assert found[-1] - found[0] > 40


@pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS)
def test_a_contour_is_seen_on_anything(ground):
    ramp = np.tile(np.linspace(0, 1, 64), (64, 1))
    found = overlay.laid(Image.new("RGB", (64, 64), ground), ramp, "contour")
    row = [lightness(colour) for colour in np.asarray(found)[32]]
    line = row[round(0.4 * 63) - 4 : round(0.4 * 63) + 5]
    assert (min(line), max(line)) == (0, pytest.approx(100, abs=0.1))
    assert np.asarray(found)[32, :16].tolist() == [list(ground)] * 16  # the picture stays


@pytest.fixture(scope="module")
def scripts(browser):
    """A page with what the views have at hand."""
    page = browser.new_page()
    page.evaluate(f"{SCRIPTS}; Object.assign(window, {{contour, lay, still, use: (kind) => {{"
                  " overlay = kind; }});")  # fmt: skip
    yield page
    page.close()


def test_the_browsers_contour_is_contourpys(scripts):
    map_ = np.random.default_rng(0).random((9, 13))
    found = scripts.evaluate("m => contour(m.flat(), 9, 13, 0.5)", map_.tolist())
    ends = {tuple(np.round(point, 4)) for segment in found for point in segment}
    padded = np.pad(map_, 1, mode="edge")
    lines = contour_generator(z=padded).lines(0.5)
    expected = {tuple(np.round((p - 0.5) / (13, 9), 4)) for line in lines for p in line}
    assert ends == expected
    assert len(found) == sum(len(line) - 1 for line in lines)


@pytest.mark.parametrize("kind", ["colour", "light"])
def test_files_show_what_the_page_shows(scripts, kind):
    rng = np.random.default_rng(1)
    map_, pixels = rng.random((8, 8)), rng.integers(0, 256, (64, 64, 3), np.uint8)
    url = scripts.evaluate(
        """([kind, map, rgb]) => {
          use(kind);
          const data = new ImageData(64, 64);
          rgb.forEach((c, i) => data.data.set([...c, 255], 4 * i));
          const canvas = still(data), low = Math.min(...map), high = Math.max(...map);
          lay(canvas.getContext('2d'), map, 8, 8, low, high);
          return canvas.toDataURL();
        }""",
        [kind, map_.flatten().tolist(), pixels.reshape(-1, 3).tolist()],
    )
    page = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB")
    file = overlay.laid(Image.fromarray(pixels), map_, kind)
    apart = np.abs(np.asarray(page, int) - np.asarray(file, int))
    assert apart.mean() < 1.5
    assert apart.max() < 8  # the page paints colours at twice the resolution


def picture(side: int = 32) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), "black").save(file, "PNG")
    return file.getvalue()


SUMMING = Summing((0, 1), (0.5, 1.0), 0.0, "Summed as measured best: so.", CLAIM)
PREVIEWS = [np.zeros((8, 8, 3), np.uint8)] * 2


def explored(**more) -> dict:
    shares = np.random.default_rng(0).random((2, 6, 8, 8))
    return explorer.finished(
        picture(), (128, 128), WORDS, PREVIEWS, {(8, 8): shares / shares.sum(1, keepdims=True)},
        {(8, 8): np.full((2, 4), 0.1 if more.get("joint") else 0.25)}, "Drawn", [], "x.png", "x",
        SUMMING, **more,
    )  # fmt: skip


def looked(**more) -> dict:
    codes = np.random.default_rng(0).integers(0, 90, (2, 4, 10, 8, 8), np.uint8)
    levels = [Level(("up", "down"), codes)]
    branches = [Branch(n, WORDS, [0, 1], levels) for n in ("with words", "negative words")]
    return attention.finished(
        picture(), (128, 128), PREVIEWS, branches, "Look", "x.png", "x", SUMMING, **more
    )


SHOWN = {"explorer": (explorer.VIEW, explored), "laboratory": (attention.VIEW, looked)}
BOXES = """() => [...document.querySelectorAll('*')].filter((e) => !e.closest('.ranking > *')
  && !e.closest('.colourbar > *')).map((e) => {
    const { x, y, width, height } = e.getBoundingClientRect();
    return [e.tagName, x, y + scrollY, width, height].join(' '); })"""


@pytest.fixture(scope="module", params=SHOWN)
def shown(request, browser):
    """A view with a finished picture in a page of its own, which has a place to remember."""
    view, data = SHOWN[request.param]
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.route("**", lambda route: route.fulfill(body="<body>", content_type="text/html"))
    page.goto("http://page.test/")
    mount(page, view, data())
    page.wait_for_selector("[data-ready]")
    yield page
    page.close()


def pixels(page) -> str:
    return page.evaluate("document.querySelector('.picture').toDataURL()")


@pytest.mark.parametrize("width", [900, 390])
def test_nothing_moves_while_one_points(shown, width):
    shown.set_viewport_size({"width": width, "height": 900})
    shown.mouse.move(0, 0)
    before = shown.evaluate(BOXES)
    for chip in shown.query_selector_all(".words button"):
        chip.hover()
        assert shown.evaluate(BOXES) == before, chip.text_content()
        assert "share of" in shown.text_content(".hint")
    for x in (0.1, 0.5, 0.9):
        box = shown.locator(".picture").bounding_box()
        shown.mouse.move(box["x"] + x * box["width"], box["y"] + 0.5 * box["height"])
        assert shown.evaluate(BOXES) == before
        assert shown.locator(".ranking b").count() == 4
    shown.mouse.move(0, 0)


def test_the_overlay_is_chosen_once_and_remembered(shown):
    chip = shown.locator(".words button", has_text="hat")
    chip.click()
    shown.mouse.move(0, 0)
    seen = []
    for kind in (*overlay.KINDS[1:], overlay.KINDS[0]):
        shown.get_by_label(kind, exact=True).check()
        assert shown.evaluate("localStorage.getItem('latent-playground.overlay')") == kind
        seen.append(pixels(shown))
    assert len(set(seen)) == 3
    assert "%" in shown.text_content(".colourbar")
    chip.click()


def test_what_was_measured_is_said_of_that_alone(browser):
    page = browser.new_page()
    mount(page, attention.VIEW, looked())
    page.wait_for_selector("[data-ready]")

    def readout() -> str:
        return page.text_content(".readout")

    assert CLAIM in readout()
    for name in ("shared, absolute", "8×8", "negative words"):
        page.get_by_label(name, exact=True).check()
        assert CLAIM not in readout(), name
        page.get_by_label({"shared, absolute": "relative", "8×8": "best measured"}.get(
            name, "with words"), exact=True).check()  # fmt: skip
        assert CLAIM in readout()
    page.select_option(".head", "best")
    assert "not measured" in readout()
    page.close()


def test_joint_attention_says_what_the_text_gets(browser):
    page = browser.new_page()
    mount(page, explorer.VIEW, explored(joint=True))
    page.wait_for_selector("[data-ready]")
    said = page.text_content(".mass")
    assert "Of all attention at 8×8 the text gets 40 %" in said
    assert "the image itself 60 %" in said
    mount(page, attention.VIEW, looked(joint=True))
    page.wait_for_selector("[data-ready] .laboratory")
    assert "text " in page.text_content(".legend b")
    page.close()


def test_a_verdict_stands_under_its_picture_alone(browser):
    page = browser.new_page()
    parts = [("Asked", "a cat wearing a top hat"), ("Missing", "the top hat")]
    said = {"parts": parts, "right": False, "reason": "", "accuracy": "In 98.3 %."}
    mount(page, explorer.VIEW, explored(verdict=said))
    page.wait_for_selector("[data-ready] .verdict.wrong")
    assert "Asked: a cat wearing a top hat. Missing: the top hat." in page.text_content(".verdict")
    page.click(".verdict summary")
    assert page.is_visible("text=In 98.3 %.")
    give(page, explorer.sampling("next", PREVIEWS[0], (128, 128), 1, 2, 1.0))
    assert page.is_hidden(".verdict")  # it was of another picture
    page.close()
