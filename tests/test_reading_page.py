"""The section “Your own picture”: its frames, what it refuses, and the whole in a real browser."""

import base64
import io

import numpy as np
import pytest
from browser import LONGEST, asked, painted
from PIL import Image

from playground.attention.summing import Aggregation
from playground.models import specs
from playground.page.attention import reading
from playground.recipe import Recipe, RecipeError
from playground.wording import counted

BUILT_IN = specs.get("emoji-world")
HOW, CONFIG = Aggregation.of(BUILT_IN.card), BUILT_IN.scheduler_config


@pytest.fixture
def file(tmp_path):
    """A wide picture: blue, with a red square in its middle."""
    image = Image.new("RGB", (400, 200), (70, 120, 230))
    image.paste((220, 40, 40), (160, 60, 240, 140))
    image.save(tmp_path / "mine.jpg", quality=95)
    return tmp_path / "mine.jpg"


def frames(file, words="a red square", recipe=None) -> list[dict]:
    return list(reading.frames(recipe or Recipe(), {"path": str(file)}, words))


def test_a_reading_is_explored_like_a_drawn_picture(session, file):
    *told, found = frames(file)
    count = len(HOW.levels(CONFIG))
    calls = [f"Call {i + 1} of {count}" for i in range(count)]
    assert [t["text"] for t in told] == ["Getting ready …", "Encoding your picture …", *calls]
    assert found["kind"] == "finished"
    assert found["text"].startswith(f"“a red square”, read in {counted(count, 'network call')}")
    assert found["text"].endswith("middle square, made 128×128 pixels.")
    assert "in scenes, read this way" in found["summing"]["claim"]
    assert found["moments"] == [f"Read at t = {level.t:g}" for level in HOW.levels(CONFIG)]
    assert (found["link"], found["summing"]["calls"]) == ("", tuple(range(count)))
    (branch,) = found["branches"]
    assert [word["text"] for word in branch["words"]] == ["a", "red", "square"]
    shown = Image.open(io.BytesIO(base64.b64decode(found["png"])))
    assert shown.size == (128, 128)
    assert "latent-playground" not in shown.info  # no recipe draws it


def test_what_the_model_does_not_know_is_said(session, file):
    *_, found = frames(file, "a zzyzx")
    assert found["notes"] == ["The model has never seen: zzyzx."]


@pytest.mark.parametrize("sent", [None, [], 5, {}, {"path": None}, {"path": 5}], ids=repr)
def test_no_file_is_a_sentence(sent, session):
    with pytest.raises(RecipeError, match="Choose a picture first"):
        next(reading.frames(Recipe(), sent, "a cat"))


@pytest.mark.parametrize(
    ("words", "said"),
    [("", "Type what is in the picture"), ("  ", "Type what is"), ("x" * 301, "301 characters")],
)
def test_words_that_cannot_be_read_are_a_sentence(words, said, session, file):
    with pytest.raises(RecipeError, match=said):
        frames(file, words)


def test_a_file_that_is_no_picture_is_a_sentence(session, tmp_path):
    (tmp_path / "x.png").write_text("<script>alert(1)</script>")
    with pytest.raises(ValueError, match="not a readable PNG, JPEG or WebP picture"):
        frames(tmp_path / "x.png")


def test_closing_cancels_it_and_leaves_the_engine_free(session, file):
    running = reading.frames(Recipe(), {"path": str(file)}, "a cat", "me")
    next(running)
    running.close()
    assert frames(file)[-1]["kind"] == "finished"


def test_a_picture_is_opened_and_its_words_light_its_pixels(visit, file, tmp_path):
    page = visit()
    page.get_by_role("tab", name="Attention").click()
    status = "#reading .status"
    page.wait_for_selector(f"{status}:has-text('a unicorn')", timeout=LONGEST)  # ours, at once
    page.click("#own-picture button[title='Remove Image']")
    page.click("#reading-start")
    page.wait_for_selector(f"{status}:has-text('Choose a picture first')", timeout=LONGEST)
    (tmp_path / "x.png").write_text("<b>no picture</b>")
    page.set_input_files("#own-picture input[type=file]", tmp_path / "x.png")
    said = page.wait_for_selector(".refused-file", timeout=LONGEST).text_content()  # there, alone
    assert said == "This is not a readable PNG, JPEG or WebP picture."
    assert page.locator(".toast-body:visible").count() == 0
    _open(page, file)
    page.fill("#own-words textarea", "a red square on a blue background")
    page.press("#own-words textarea", "Enter")
    page.wait_for_selector(f"{status}:has-text('“a red square on a blue')", timeout=LONGEST)

    requests = asked(page)
    painted(page)
    plain = _pixels(page)
    page.locator("#reading").get_by_label("light", exact=True).check()
    page.hover("#reading .words button:text-is('square')")
    lit = _pixels(page)
    edge, middle = (20, 20), (len(lit) // 2, len(lit) // 2)
    assert lit[edge].sum() < 0.5 * plain[edge].sum()  # the rest is dark
    assert lit[middle].sum() > 0.8 * plain[middle].sum()
    page.hover("#reading .picture")  # its middle
    assert page.text_content("#reading .ranking b") in ("red", "square")
    page.locator("#reading .picture").click()  # no recipe: nothing more can be worked out
    assert page.is_hidden("#reading .keep")
    assert requests == []


def _open(page, path) -> None:
    with page.expect_response(lambda answer: "/upload" in answer.url):
        page.set_input_files("#own-picture input[type=file]", path)
    page.wait_for_selector("#own-picture button[title='Remove Image']", timeout=LONGEST)


def _pixels(page) -> np.ndarray:
    url = page.evaluate("document.querySelector('#reading .picture').toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))
