"""A section that computes: what starts it, what it is given, and what ends it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest

from playground.page import panel as recipe_panel
from playground.page import sections
from playground.page.samplers.views import counting
from playground.page.sections import Section, buttons
from playground.recipe import Recipe, RecipeError

ME = gr.Request(session_hash="me")


def frames(recipe: Recipe, text: str, owner: str):
    yield f"{recipe.prompt}, {text}, {owner}"
    if not text:
        raise ValueError("The list is empty.")


async def built() -> tuple:
    """A section, its events (gradio makes two of a cancelling click), a recipe as values."""
    with gr.Blocks() as page:
        panel = recipe_panel.build(Recipe(), gr.Column(), gr.Column())
        views, field = [gr.HTML(), gr.HTML()], gr.Textbox()
        section = Section(*buttons("some", "Go"), views, counting, frames, 3, fields=(field,))
        before = len(page.fns)
        section.connect(panel)
    running, *stopping = list(page.fns.values())[before:]
    return section, running, stopping, panel.updates(Recipe(prompt="a cat"))


@pytest.fixture(scope="module")
def page():
    """Built inside a loop, since gradio leaves one open that it makes itself; in a thread of its
    own, since Playwright's loop runs in ours.
    """
    with ThreadPoolExecutor() as threads:
        return threads.submit(asyncio.run, built()).result()


def test_it_starts_by_its_button_and_by_enter_in_its_field(page):
    section, running, stopping, _ = page
    (field,) = section.fields
    assert set(running.targets) == {(section.start._id, "click"), (field._id, "submit")}
    said, ended = stopping
    assert said.targets == ended.targets == [(section.stop._id, "click")]
    assert said.fn() == counting.stopped()
    assert ended.cancels == [running._id]
    assert running.trigger_mode == "multiple"


def test_it_is_given_recipe_fields_and_owner(page):
    _, running, _, recipe = page
    assert list(running.fn(ME, "1, 2", *recipe)) == ["a cat, 1, 2, me"]


@pytest.mark.parametrize(("sent", "given"), [(None, ""), (5, "5"), ([], "[]")])
def test_a_text_field_is_text_whatever_was_sent(page, sent, given):
    _, running, _, recipe = page
    assert not running.preprocess  # gradio's own answers what is not offered by a traceback
    assert next(running.fn(ME, sent, *recipe)) == f"a cat, {given}, me"


def test_who_finds_no_place_is_told_so_and_begins_when_one_is_free(page):
    _, running, _, recipe = page
    inside = [running.fn(gr.Request(session_hash=str(n)), "1", *recipe) for n in range(3)]
    assert [next(run) for run in inside] == [f"a cat, 1, {n}" for n in range(3)]
    fourth = running.fn(gr.Request(session_hash="3"), "1", *recipe)
    (said,) = next(fourth).values()
    assert said["text"].startswith("3 others are computing here; yours begins when")
    inside[1].close()
    assert next(fourth) == "a cat, 1, 3"
    assert list(fourth) == list(inside[0]) == list(inside[2]) == []
    again = running.fn(gr.Request(session_hash="3"), "2", *recipe)
    assert list(again) == ["a cat, 2, 3"]


def test_lists_of_names_and_sets_of_values_are_told_from_anything_else():
    assert sections.chosen(["a", "b"]) == ["a", "b"]
    assert sections.chosen(None) == []
    for sent in ("ab", 5, {}, [None], [["a"]]):
        with pytest.raises(RecipeError, match=r"list of names was expected\.$"):
            sections.chosen(sent)
    assert sections.asked(gr.EventData(None, {"a": 1})) == {"a": 1}
    for sent in (None, "a", 5, [("a", 1)]):
        assert sections.asked(gr.EventData(None, sent)) == {}


def test_a_refusal_is_one_sentence_of_its_first_view(page):
    section, running, _, recipe = page
    *_, last = running.fn(ME, "", *recipe)
    assert last == {section.views[0]: counting.message("The list is empty.", error=True)}
    (only,) = running.fn(ME, "1", recipe[0], "much", *recipe[2:])  # no recipe: nothing begins
    assert only[section.views[0]]["error"]
