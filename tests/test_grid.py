"""Grids over two fields: what may be asked for, what is drawn, and the file that is kept of it."""

import base64
import io
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from viewer import mount

from playground.page.grid import axes, drawing, files, section, view
from playground.page.grid.axes import AXES, NONE
from playground.page.grid.plan import Ask, Plan, Refused, cost, plan
from playground.recipe import Recipe, RecipeError, grid_from_png

SMALL = Recipe(prompt="a cat and a cat", steps=2, width=64, height=64, seed=3)


def asked(across="guidance", columns="1, 3", down="seed", rows="7-8", recipe=SMALL) -> Ask:
    return Ask(recipe, across, columns, down, rows)


def last(frames) -> dict:
    *_, final = frames
    return final


def test_cells_are_every_combination_of_the_two_lists():
    made = plan(asked())
    assert [[(r.seed, r.guidance) for r in row] for row in made.cells] == [
        [(7, 1), (7, 3)], [(8, 1), (8, 3)],
    ]  # fmt: skip
    assert [value.label for value in made.columns] == ["w = 1", "w = 3"]
    assert [value.label for value in made.rows] == ["seed 7", "seed 8"]
    batch = plan(asked("seed", "1-10 (+3)", NONE, ""))
    assert [recipe.seed for recipe in batch.cells[0]] == [1, 4, 7, 10]


VALUES = {
    "seed": ("5, 7-8", [5, 7, 8]),
    "guidance": ("0,5; 1,5", [0.5, 1.5]),
    "steps": ("2-10 [3]", [2, 6, 10]),
    "sampler": ("ddim euler", ["ddim", "euler"]),
    "prompt": ("cat, dog", ["a cat and a cat", "a dog and a dog"]),
    "guidance_stop": ("0.4-1 (+0.3)", [0.4, 0.7, 1.0]),
    "width": ("64, 96", [64, 96]),
}


@pytest.mark.parametrize("field", VALUES)
def test_what_a_list_means_along_a_field(field, session):
    text, expected = VALUES[field]
    (row,) = plan(asked(field, text, NONE)).cells
    assert [getattr(recipe, field) for recipe in row] == expected


@pytest.mark.parametrize("field", AXES)
def test_what_is_offered_can_be_drawn(field):
    if AXES[field].offered:
        assert len(plan(asked(field, AXES[field].offered, NONE)).recipes) > 1


def test_words_are_replaced_as_words_with_commas_in_them_where_semicolons_separate():
    recipe = replace(SMALL, prompt="a cat, a category", negative="cat.")
    (row,) = plan(asked("prompt", "a cat; a dog, a fox", NONE, recipe=recipe)).cells
    assert [one.prompt for one in row] == ["a cat, a category", "a dog, a fox, a category"]
    (row,) = plan(asked("negative", r"cat, \1", NONE, recipe=recipe)).cells
    assert [one.negative for one in row] == ["cat.", r"\1."]


REFUSED = {
    "no axis": (asked("hue"), "There is no axis 'hue'"),
    "nothing across": (asked(NONE), "There is no axis 'nothing'"),
    "not even text": (asked(None), "There is no axis 'None'"),
    "equal": (asked(down="guidance"), "two different fields"),
    "empty": (asked(columns=" , "), "Guidance scale w: the list is empty; try 1, 3, 7."),
    "twice": (asked(columns="1, 1.0"), "twice"),
    "too many": (asked(columns="0-30", rows="1-2"), "31 × 2 = 62 pictures are too many"),
    "too long": (asked(columns="1-30", down="steps", rows="100"), "network calls; a grid has"),
    "out of bounds": (asked(columns="31"), "between 0 and 30"),
    "half": (asked("steps", "2.5"), "whole numbers only"),
    "no such word": (asked("prompt", "owl, dog"), "“owl” is not in the words"),
    "no model": (asked("model", "emoji"), "There is no model 'emoji'"),
    "not open": (asked("model", "a/b"), "open it first, as “Other model”"),
    "no sampler": (asked("sampler", "ddim, best"), "“best” is not one of"),
    "other model": (
        asked("sampler", "pndm", recipe=replace(SMALL, model="emoji-world-flow", sampler="euler")),
        "PNDM",
    ),
    "start after stop": (
        asked("guidance_start", "0.6", "guidance_stop", "0.4"), "start before it stops",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("ask", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_drawn_is_one_sentence(ask, says):
    with pytest.raises(ValueError, match=r"\.$") as caught:
        plan(ask)
    assert says in str(caught.value)


def test_along_what_a_model_does_not_read_nothing_is_drawn():
    student = Recipe.for_model("emoji-world-lcm", {"sampler": "lcm", "steps": 4})
    with pytest.raises(RecipeError, match="all pictures would be equal"):
        plan(asked("guider", "cfg, apg", NONE, recipe=student))


MODELS = "emoji-world, emoji-world-flow, emoji-world-lcm"


def named(made: Plan) -> list[list]:
    return [
        [(c.model, c.sampler, c.steps) if isinstance(c, Recipe) else c.reason for c in row]
        for row in made.cells
    ]


def test_models_are_an_axis_and_draw_with_what_they_can_of_the_recipe():
    ask = asked("model", MODELS, "sampler", "ddim, dpmpp_2m")
    made = plan(ask)
    assert [value.label for value in made.columns] == [
        "U-Net", "Flow transformer", "Consistency student",
    ]  # fmt: skip
    no = "DDIM cannot sample a model that predicts flow_prediction."
    assert named(made) == [
        [("emoji-world", "ddim", 2), no, ("emoji-world-lcm", "ddim", 4)],
        [
            ("emoji-world", "dpmpp_2m", 2),
            ("emoji-world-flow", "dpmpp_2m", 20),
            ("emoji-world-lcm", "dpmpp_2m", 4),
        ],
    ]
    assert made.notes == (
        "Flow transformer: Steps 20 instead of 2.", "Consistency student: Steps 4 instead of 2.",
    )  # fmt: skip
    assert cost(ask).endswith(f"1 place stays empty: {no}")
    turned = plan(asked("steps", "4", "model", MODELS))
    assert named(turned) == [
        [("emoji-world", "ddim", 4)], [("emoji-world-flow", "euler", 4)],
        [("emoji-world-lcm", "lcm", 4)],
    ]  # fmt: skip
    assert "Consistency student: Sampler LCM instead of DDIM." in turned.notes


def test_what_one_of_the_models_does_not_read_stays_empty_there():
    student = replace(SMALL, model="emoji-world-lcm", sampler="lcm")
    own, _, other = plan(asked("model", MODELS, "guider", "apg", recipe=student)).cells[0]
    assert (own.guider, own.model) == ("apg", "emoji-world")
    assert other == Refused("Guider changes nothing of this model’s pictures.")
    sides = plan(asked("guidance_start", "0, 0.6", "guidance_stop", "0.4"))
    assert sides.refused == [Refused("Guidance must start before it stops.")]


def test_a_cell_that_cannot_be_drawn_says_why_and_the_others_are_drawn():
    weighted = replace(SMALL, prompt="a (cat:1.3)")
    own, flow, _ = plan(asked("model", MODELS, recipe=weighted)).cells[0]
    assert own.prompt == weighted.prompt
    assert "so leave weights out" in flow.reason
    few, many = plan(asked("sampler", "lcm", "steps", "4, 60", recipe=SMALL)).cells
    assert few[0].steps == 4
    assert "LCM takes at most 50 steps here" in many[0].reason


def test_several_models_are_drawn_into_one_labelled_file(session):
    ask = asked("model", "emoji-world, emoji-world-flow", "sampler", "euler, ddim")
    frame = last(drawing.draw(*vars(ask).values()))
    cells = [cell for row in frame["cells"] for cell in row]
    assert [bool(cell.get("png")) for cell in cells] == [True, True, True, False]
    assert cells[3]["link"] is None
    assert cells[3]["note"].startswith("DDIM cannot sample")
    inside = grid_from_png(io.BytesIO(files.file(ask)[1]))
    assert [r.to_query() for r in inside.values()] == [cell["link"] for cell in cells[:3]]
    assert [r.model for r in inside.values()] == ["emoji-world", "emoji-world-flow", "emoji-world"]


def test_it_is_priced_drawn_and_kept(session):
    ask = asked()
    assert cost(ask).startswith("2 × 2: 4 pictures: 8 network calls")
    final = last(drawing.draw(*vars(ask).values()))
    assert final["share"] == 1
    cells = [cell for row in final["cells"] for cell in row]
    for cell in cells:
        recipe = Recipe.from_query(cell["link"])
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(cell["png"]))).convert("RGB"))
        assert np.abs(shown.astype(int) - session.engine.draw(recipe).image).max() <= 1
    assert cost(ask) == "2 × 2: 4 pictures, all of them kept from before: nothing is computed."
    wider = last(drawing.draw(SMALL, "guidance", "1, 3, 5", "seed", "7-8"))
    assert "4 of them kept from before" in wider["text"]
    name, content = files.file(Ask.from_dict(final["ask"]))
    assert name == "grid-a-cat-and-a-cat-guidance-seed.png"
    inside = grid_from_png(io.BytesIO(content))
    assert [r.to_query() for r in inside.values()] == [cell["link"] for cell in cells]
    with Image.open(io.BytesIO(content)) as whole:
        assert all(box[2] <= whole.width and box[3] <= whole.height for box in inside)


def test_handlers_take_anything(session):
    for said in (None, "x", [], {}, {"link": 5}, {"link": SMALL.to_query(), "across": ["a"]}):
        event = gr.EventData(None, said)
        assert section.on_keep(event)["text"].endswith(".")
    fresh = asked(columns="9").to_dict()
    assert "draw the grid again" in section.on_keep(gr.EventData(None, fresh))["text"]
    assert section.offered("seed") == "1-4"
    assert section.offered(["seed"]) == section.offered(NONE) == gr.skip()


def test_every_cell_opens_with_its_recipe(page, session):
    mount(page, view.VIEW, None)
    page.evaluate("window.trigger = (...asked) => { window.told = asked; }")
    *some, final = drawing.draw(SMALL, "guidance", "1, 3", "seed", "7-8")
    for frame in (*some, final):
        page.evaluate("(value) => give(value)", frame)
    page.wait_for_function("document.body.dataset.shown === '4'")
    assert page.locator("thead th").all_text_contents() == ["w = 1", "w = 3"]
    assert page.locator("tbody th").all_text_contents() == ["seed 7", "seed 8"]
    page.focus("td button")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.text_content(".one h4") == "w = 3, seed 8"
    wanted = final["cells"][1][1]["link"]
    assert f"r={wanted}" in page.get_attribute(".one .link", "href")
    assert "guidance 3" in page.text_content(".facts")
    page.click(".keep")
    assert page.evaluate("window.told") == ["keep", final["ask"] | {"finished": 4}]
    empty = final | {"notes": ["Said."], "ask": asked("model").to_dict(), "cells": [
        [view.refused(SMALL, "Not here."), final["cells"][0][1]], final["cells"][1],
    ]}  # fmt: skip
    page.evaluate("(value) => give(value)", empty)
    page.wait_for_function("document.body.dataset.shown === '3'")
    assert page.get_attribute("td button >> nth=0", "aria-disabled") == "true"
    page.focus("td button >> nth=0")
    page.keyboard.press("Enter")
    assert page.is_hidden(".one")  # there is nothing to show of it
    assert page.text_content("td button >> nth=0") == "Not here."
    assert page.text_content(".notes") == "Said."
    page.evaluate("(value) => give(value)", view.message("No.", error=True))
    assert page.text_content(".status") == "No."


def test_axes_are_named_as_the_page_names_them():
    assert axes.AXES["prompt"].label == "Words replaced"
    assert axes.AXES["guidance"].label == "Guidance scale w"
