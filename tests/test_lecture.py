"""The guided lecture: its stops lead somewhere, its figures and answers are runs of one's own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from playground.diffusion.errors import rmse
from playground.page import page
from playground.page.lecture import check, fair, figures, lens, stops
from playground.page.samplers.views import lecture as lanes
from playground.recipe import Recipe, RecipeError

RECIPE = Recipe(prompt="a cat", steps=4, seed=3, width=64, height=64)
ALL = list(stops.STOPS.values())


@pytest.fixture(scope="module")
def elements() -> set[str]:
    """The ids of all elements of the page."""

    async def components():  # gradio wants a loop
        return page.build().get_config_file()["components"]

    with ThreadPoolExecutor() as threads:  # this one may have the browser's
        found = threads.submit(asyncio.run, components()).result()
    return {each["props"].get("elem_id") for each in found}


def test_the_document_is_the_table():
    assert stops.DOCUMENT.read_text() == stops.document(), (
        "write it again: python -m playground.page.lecture.stops"
    )


def test_there_are_eleven_stops_with_a_figure_each():
    assert list(figures.FIGURES) == list(stops.STOPS)
    assert len(ALL) == 11


@pytest.mark.parametrize("stop", ALL, ids=lambda stop: stop.name)
def test_a_stop_leads_into_the_lab(stop, elements):
    assert stop.lab in [each.name for each in page.LENSES]
    assert {stop.section, f"stop-{stop.name}"} <= elements
    assert Recipe(**stop.fields)
    assert stop.text.count(". ") <= 2
    assert stop.source.startswith("https://")


def test_the_self_check_comes_last_and_every_stop_is_hidden_but_one():
    given = lens.laid_out(["prompt"])["stops"]
    assert [one["name"] for one in given] == [*stops.STOPS, lens.CHECK]
    for one in given:
        assert f'#lecture:not([data-stop="{one["name"]}"]) #stop-{one["name"]}' in lens.style()


@pytest.fixture
def measured(session):
    """What the answers are measured on, and the answers by their questions."""
    recipe = check.recipe_of(RECIPE)
    *progress, last = check.measure(RECIPE)
    assert all(shown["kind"] == "message" for shown in progress)
    names = [question.name for question in check.QUESTIONS]
    return session, recipe, dict(zip(names, last["answers"], strict=True)), last["text"]


def test_answers_are_measured_on_the_spot(measured):
    _, recipe, found, text = measured
    assert (recipe.prompt, recipe.seed, recipe.steps) == ("a cat", 3, check.LONG)
    assert "“a cat”, seed 3" in text
    assert found["calls"] == {"right": 0, "said": "Heun with 10 steps: 19 network calls; DDIM with "
                              "15: 15."}  # fmt: skip
    assert found["rows"]["right"] == 1  # half as many
    assert "At w = 5 40 rows, at w = 1 20." in found["rows"]["said"]
    assert found["latents"]["right"] == 2
    assert (
        "12,288 numbers of the picture are 256 in the latents: 48 times"
        in (found["latents"]["said"])
    )


def test_which_is_nearer_is_what_the_two_pictures_say(measured):
    session, recipe, found, _ = measured
    *steps, long = session.submit([recipe])
    *_, short = session.submit([replace(recipe, steps=check.SHORT)])
    state = session.decode(steps[check.SHORT].latents[None])[0]
    apart = [
        float(rmse(one[None].astype(float), long.image[None].astype(float))[0])
        for one in (state, short.image)
    ]
    assert found["stopped"]["right"] == int(np.argmin(apart))
    assert f"{apart[0]:.0f} of 255" in found["stopped"]["said"]


@pytest.mark.parametrize("prompt", [" ", "!!!", "()"])
def test_questions_about_words_need_some(prompt, session):
    with pytest.raises(RecipeError, match="type some first"):
        list(check.measure(replace(RECIPE, prompt=prompt)))


def test_a_fair_race_has_as_many_calls_in_every_lane(session):
    *progress, last = fair.race(RECIPE)
    assert all(0 <= shown["share"] < 1 for shown in progress)
    found = last["lanes"]
    assert [lane["label"] for lane in found] == [
        "DDIM, 8 steps", "DPM-Solver++ 2M, 8 steps", "Heun, 4 steps"
    ]  # fmt: skip
    assert [lane["count"] for lane in found] == [8, 8, 7]
    alone = session.engine.draw(replace(RECIPE, sampler="ddim", steps=8))
    assert found[0]["image"] == lanes.ended("", 8, 0, alone.image).image


def test_the_sweep_of_the_lecture_is_of_its_six_scales(session):
    *_, last = figures.sweep(RECIPE)
    assert [frame["label"] for frame in last["frames"]] == [
        f"w = {w}" for w in figures.SCALES.split(", ")
    ]


def test_the_middle_of_ones_own_picture_is_worked_out(session):
    *progress, last = figures.work_out(RECIPE)
    assert all(shown["kind"] == "message" for shown in progress)
    assert "cat" in last["tokens"]
    assert last["step"] == RECIPE.steps - 1
    layer = last["layers"][0]
    assert (layer["row"], layer["column"]) == (layer["h"] // 2, layer["w"] // 2)
