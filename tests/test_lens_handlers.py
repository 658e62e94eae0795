"""What the Guidance and Attention lenses answer to anything that a browser, or another program,
may send.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest

from playground.page import panel as recipe_panel
from playground.page.attention import lens as attention
from playground.page.guidance import lens as guidance
from playground.recipe import Recipe

ANN = gr.Request(session_hash="ann")
ODD = [None, "text", [1, 2], 7, {}, {"kind": None, "link": None, "step": None, "x": [], "y": "1"}]


async def built() -> tuple[dict, recipe_panel.Panel]:
    """The lenses' handlers by their names and how many values they take, and the panel."""
    with gr.Blocks(analytics_enabled=False) as page:
        panel = recipe_panel.build(Recipe(), gr.Column(), gr.Column())
        for lens in (guidance, attention):
            with gr.Tab() as tab:
                lens.build({}).connect(panel, tab)
    found = {(f.name, len(f.inputs)): f.fn for f in page.fns.values() if f.fn}
    return found | {name: fn for (name, _), fn in found.items()}, panel


@pytest.fixture(scope="module")
def laid_out() -> tuple[dict, recipe_panel.Panel]:
    """Built inside a loop, since gradio leaves one open that it makes itself; in a thread of its
    own, since Playwright's loop runs in ours.
    """
    with ThreadPoolExecutor() as threads:
        return threads.submit(asyncio.run, built()).result()


@pytest.fixture
def handlers(laid_out, session) -> dict:
    return laid_out[0]


@pytest.mark.parametrize("sent", ODD, ids=repr)
@pytest.mark.parametrize("name", ["on_place", "on_keep", "on_edit"])
def test_whatever_is_asked_for_the_answer_is_a_sentence(name, sent, handlers):
    held = [] if name == "on_edit" else [None]
    *_, last = handlers[name](ANN, *held, gr.EventData(None, sent))
    shown = last if name == "on_edit" else last[0]
    assert shown["text"].endswith(".")
    assert "argument" not in shown["text"]
    assert not shown.get("content")  # no file


@pytest.mark.parametrize("value", [None, [], "nonsense", float("nan")], ids=repr)
def test_a_recipe_that_is_none_is_a_sentence(value, handlers, laid_out):
    ((shown, *rest),) = handlers["on_look"](ANN, *[value] * len(laid_out[1].inputs))
    assert shown["error"]
    assert shown["text"].endswith(".")
    assert rest == [gr.skip()] * 3


@pytest.mark.parametrize("value", [None, [], {}, "nonsense", float("nan")], ids=repr)
@pytest.mark.parametrize("fields", [1, 2], ids=["own table", "sweep"])
def test_a_section_refuses_in_a_sentence(fields, value, handlers, laid_out):
    recipe = laid_out[1].updates(Recipe())
    run = handlers["run", fields + len(recipe)]
    for sent in ([value] * (fields + len(recipe)), [value] * fields + recipe):
        ((shown,),) = (frame.values() for frame in run(ANN, *sent))
        assert shown["error"]
        assert shown["text"].endswith(".")


@pytest.mark.parametrize("value", [None, [], {}, "nonsense", float("nan")], ids=repr)
def test_the_price_of_what_is_none_is_a_sentence(value, handlers, laid_out):
    recipe = laid_out[1].updates(Recipe())
    assert handlers["on_change"](value, *recipe).endswith(".")
    assert handlers["on_change"]("1, 2", *[value] * len(recipe)).endswith(".")
    assert handlers["on_change"]("1, 2", *recipe).startswith("2 values × 8 seeds")


def test_a_look_is_held_and_answers_what_follows(handlers, laid_out):
    recipe = Recipe(prompt="a cat", steps=2, width=64, height=64)
    *_, (shown, worked, form, look) = handlers["on_look"](ANN, *laid_out[1].updates(recipe))
    assert (shown["kind"], worked["kind"], form["kind"]) == ("finished", "worked", "ready")
    assert look.recipe == recipe
    asked = {"link": shown["link"], "step": 1, "x": 0.5, "y": 0.5}
    ((again, _),) = handlers["on_place"](ANN, look, gr.EventData(None, asked))
    assert again == worked
    asked = {"link": shown["link"], "kind": "png"}
    ((file, _),) = handlers["on_keep"](ANN, look, gr.EventData(None, asked))
    assert file["name"] == "latent-playground-7-attention.png"
    assert file["content"]
