"""The Samplers lens answers whatever a browser sends: by data for its views, or by a sentence."""

import asyncio
import base64
import io
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest
from races import SMALL, last

from playground.page import panel as recipe_panel
from playground.page.samplers import lens, racing
from playground.recipe import Recipe, grid_from_png

ME = gr.Request(session_hash="me")
ANYTHING = [None, "text", 5, True, [], [1, None], {}, {"link": None}, {"link": 5}, {"link": "?"},
            {"kind": ["png"], "rows": {}, "columns": 5, "page": []}, {"lanes": [None]},
            {"unit": "steps", "count": {}, "lanes": [{"link": [], "count": None}]}]  # fmt: skip


async def built() -> tuple:
    with gr.Blocks() as page:
        panel = recipe_panel.build(Recipe(), gr.Column(), gr.Column())
        with gr.Tab("Samplers") as tab:
            one = lens.build({})
        one.connect(panel, tab)
    return page, panel.updates(SMALL)


@pytest.fixture(scope="module")
def page():
    """Built inside a loop of its own, in a thread of its own (see test_sections)."""
    with ThreadPoolExecutor() as threads:
        return threads.submit(asyncio.run, built()).result()


def handler(page, name: str):
    named = [f for f in page[0].fns.values() if getattr(f.fn, "__name__", "") == name]
    (found,) = (f for f in named if f.fn.__module__ == lens.__name__)
    return found


@pytest.mark.parametrize("sent", ANYTHING, ids=repr)
def test_dropping_finishing_and_keeping_take_anything(page, session, sent):
    event = gr.EventData(None, sent)
    dropped = handler(page, "on_drop").fn(ME, event)
    assert dropped["error"]
    assert dropped["text"].endswith(".")
    ((frame, held),) = handler(page, "on_finish").fn(ME, event)
    assert frame["error"]
    assert frame["text"].endswith(".")
    assert held == gr.skip()
    held = last(racing.race(lens.usual(SMALL)[:2], "calls"))
    (file,) = handler(page, "on_keep").fn(held, ME, event)
    assert file.keys() == {"text"}
    assert file["text"].endswith(".")
    assert not session.engine._turns.runs


@pytest.mark.parametrize(
    "field", range(5), ids=("samplers", "unit", "counts", "guidances", "models")
)
@pytest.mark.parametrize("sent", [None, {"a": 1}, [[1]], "?"], ids=repr)
def test_a_race_and_its_price_take_anything(page, session, field, sent):
    values = [["ddim", "heun"], "calls", "2", "", [], *page[1]]
    values[field] = sent
    race, price = (handler(page, name) for name in ("on_race", "on_choice"))
    assert not race.preprocess  # gradio's own answers what is not offered by a traceback
    assert not price.preprocess
    *_, (frame, _) = race.fn(ME, *values)
    text = price.fn(*values)
    if field >= 3 and sent is None:  # no w of its own, no other models
        assert frame["share"] == 1
        assert text.startswith("2 lanes")
    else:
        assert frame["error"]
        assert frame["text"].endswith(".")
        assert text.endswith(".")


def test_a_recipe_of_nonsense_is_a_sentence(page, session):
    for sent in (None, [], {}, "x" * 301):
        *_, (frame, held) = handler(page, "on_race").fn(
            ME, ["ddim", "heun"], "calls", "2", "", *[sent] * len(page[1])
        )
        assert frame["error"]
        assert held == gr.skip()


def test_a_race_is_held_as_it_is_and_saved_from_there(page, session):
    values = [["ddim", "heun"], "calls", "2", "", [], *page[1]]
    *_, (frame, held) = handler(page, "on_race").fn(ME, *values)
    assert isinstance(held, racing.Race)
    assert frame == held.data()
    ask = {"kind": "png", "rows": "sampler", "columns": "count"}
    (file,) = handler(page, "on_keep").fn(held, ME, gr.EventData(None, ask))
    assert file["name"] == "race-a-cat-seed-3.png"
    png = io.BytesIO(base64.b64decode(file["content"]))
    assert len(grid_from_png(png)) == 2


def test_the_example_is_drawn_again_to_be_saved(page, session):
    """What stands there on opening came with the page; nobody has drawn it in this process."""
    ask = {"kind": "png", "rows": "sampler", "columns": "count"}
    (said,) = handler(page, "on_keep").fn(None, ME, gr.EventData(None, ask | {"link": "other"}))
    assert said["text"].startswith("This race is not kept any more")
    ask["link"] = lens.usual(Recipe())[0].recipe.to_query()
    said, file = handler(page, "on_keep").fn(None, ME, gr.EventData(None, ask))
    assert said["text"].startswith("Drawing the example")
    png = io.BytesIO(base64.b64decode(file["content"]))
    expected = {lane.recipe for lane in lens.usual(Recipe())}
    assert set(grid_from_png(png).values()) == expected
    assert lens.example()["race"]["text"].startswith("6 lanes in")


def test_one_lane_is_dropped_by_its_link(page, session, monkeypatch):
    dropped = []
    monkeypatch.setattr(session, "drop", lambda *a: dropped.append(a))
    ask = gr.EventData(None, {"link": SMALL.to_query()})
    assert handler(page, "on_drop").fn(ME, ask) == gr.skip()
    assert dropped == [("me", racing.SECTION, SMALL)]
