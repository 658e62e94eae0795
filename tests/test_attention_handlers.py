"""What the Attention lens answers to anything that a browser, or something else, may send."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest

from playground.page import panel as recipe_panel
from playground.page.attention import lens
from playground.recipe import Recipe

ANN = gr.Request(session_hash="ann")
ODD = [None, "text", [1, 2], 7, {}, {"kind": None, "link": None, "step": None, "x": [], "y": "1"}]


async def built() -> tuple[dict, recipe_panel.Panel]:
    """The lens's handlers by their names, and the panel beside it."""
    with gr.Blocks(analytics_enabled=False) as page:
        panel = recipe_panel.build(Recipe(), gr.Column(), gr.Column())
        with gr.Tab() as tab:
            lens.build({}).connect(panel, tab)
    return {f.name: f.fn for f in page.fns.values() if f.fn}, panel


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
