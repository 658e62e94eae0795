"""A run in a notebook: the explorer in a frame of its own, figures, and the documents' examples."""

import html
import re

import numpy as np
import pytest
from browser import LONGEST
from PIL import Image

from playground import client as module
from playground import notebook
from playground.client import Drawings, Playground
from playground.measuring.docs import ROOT
from playground.recipe import Recipe

PYTHON = re.compile(r"```python\n(from playground import Playground\n.*?)```", re.S)
EXAMPLES = {
    f"{path.name} {i}": text
    for path in (ROOT / "docs" / "api.md", ROOT / "docs" / "architecture.md")
    for i, text in enumerate(PYTHON.findall(path.read_text()))
} | {"client.py": module.__doc__.partition("\n\n")[2]}


@pytest.fixture
def playground(session) -> Playground:
    return Playground(session=session)


@pytest.fixture
def run(playground):
    return playground.draw("a <b>red</b> $x$ square", steps=2)


def test_the_explorer_is_a_frame_that_can_reach_nothing(run):
    frame = run._repr_html_()
    (tag,) = re.findall(r"<iframe[^>]*>", frame)
    assert re.findall(r'sandbox="([^"]*)"', tag) == ["allow-scripts allow-downloads"]
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', tag).group(1))
    assert notebook.POLICY in page
    assert "default-src 'none'" in notebook.POLICY
    assert re.findall(r'(?:src|href)="(?!data:)[^"]', page) == []
    assert "<title>a &lt;b&gt;red" in page


def test_words_show_their_pixels_in_a_notebook(run, page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(f"<!doctype html><body>{run._repr_html_()}")
    frame = page.frame_locator("iframe")
    word = frame.locator(".words button", has_text="square").first
    word.wait_for(timeout=LONGEST)
    word.click()
    with page.expect_download() as kept:
        frame.get_by_text("Save PNG").click()
    assert Recipe.from_png(kept.value.path()) == run.recipe
    assert not frame.get_by_text("Copy a link").is_visible()  # there is no page to lead to
    assert frame.locator(".words button").count() == len(run.words)
    assert frame.locator("h1, .status").first.is_visible()
    assert [url for url in asked if url.startswith("http")] == []


def test_a_figure_has_the_picture_under_each_words_map(run):
    figure = run.figure()
    assert [place.get_title() for place in figure.axes if place.images] == ["", *run.words]
    shown = figure.axes[0].images[0].get_array()
    np.testing.assert_array_equal(shown, np.asarray(run.image))
    assert notebook.png(figure).startswith(b"\x89PNG")


def test_a_sweep_shows_itself_side_by_side(playground):
    runs = playground.sweep("a red square", "guidance", [0, 5], steps=2)
    assert isinstance(runs, Drawings)
    assert [place.get_title() for place in runs.figure().axes] == ["guidance = 0", "guidance = 5"]
    assert runs._repr_png_().startswith(b"\x89PNG")
    many = notebook.row([np.zeros((8, 8, 3), np.uint8)] * 9, [""] * 9)
    assert [bool(place.images) for place in many.axes] == [True] * 9 + [False] * 7


def test_a_reading_shows_itself(playground):
    picture = Image.new("RGB", (140, 128), "red")
    assert playground.read(picture, "a square")._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("text", EXAMPLES.values(), ids=EXAMPLES)
def test_the_documents_examples_run(text, session, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "open_session", lambda *_: session)
    monkeypatch.chdir(tmp_path)
    for name in ("photo.jpg", "mine.jpg"):
        Image.new("RGB", (128, 128), "red").save(name)
    shapes = re.findall(r"^(\S.*?)\s+# (\([\d, ]+\))", text, re.M)
    names: dict = {}
    exec(text, names)
    for expression, shape in shapes:
        assert str(eval(expression, names)) == shape
