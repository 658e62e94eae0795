"""Sweeps: what may be asked for, what comes back, and what stays when one is stopped."""

import base64
import dataclasses
import io

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from playground.page import together
from playground.page.guidance import lens, sweeping
from playground.page.guidance.axis import AXES, place
from playground.recipe import Recipe, RecipeError

SMALL = Recipe(steps=3, width=64, height=64, prompt="a cat")


def last(frames) -> dict:
    *_, final = frames
    return final


def image(frame: dict) -> np.ndarray:
    file = io.BytesIO(base64.b64decode(frame["png"]))
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (AXES["guidance"], [0, 1, 2, 3, 5, 7, 12, 25]),
        ("5", [5]),
        (" 1, 2 ;3\n4 , ", [1, 2, 3, 4]),
        ("30 0.5 1e0", [30, 0.5, 1]),
    ],
)
def test_lists_of_values(text, values):
    recipes = sweeping.plan(SMALL, "guidance", text)
    assert [recipe.guidance for recipe in recipes] == values
    assert {recipe.seed for recipe in recipes} == {SMALL.seed}


NONSENSE = {
    "empty": ("", "is empty"),
    "separators": (" , ;; ", "is empty"),
    "no number": ("1, NaN, 3", "“NaN” in the list is not a number"),
    "words": ("1, two, 3", "“two” in the list is not a number"),
    "script": ("<script>alert(1)</script>", "“<script>alert(1)</sc”"),
    "gigantic": ("1, 1e9", "between 0 and 30"),
    "infinite": ("1e999", "in the list is too large"),
    "negative": ("-1", "between 0 and 30"),
    "many": (", ".join(map(str, range(40))), "40 values are too many: a sweep has at most 16"),
    "twice": ("1, 5, 5.0", "5 twice"),
}


@pytest.mark.parametrize(("text", "words"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_one_sentence(text, words):
    with pytest.raises(RecipeError) as caught:
        sweeping.plan(SMALL, "guidance", text)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("axis", AXES)
def test_what_is_offered_can_be_swept(axis):
    recipes = sweeping.plan(SMALL, axis, AXES[axis])
    places = [place(axis, getattr(recipe, axis)) for recipe in recipes]
    assert [at for at, _ in places] == sorted({at for at, _ in places})
    assert len({label for _, label in places}) == len(recipes)


@pytest.mark.parametrize("text", [None, [], {}, 7, True], ids=repr)
def test_what_is_no_text_is_an_empty_list(text):
    with pytest.raises(RecipeError, match="The list of values is empty; try 0, 1, "):
        sweeping.plan(SMALL, "guidance", text)


@pytest.mark.parametrize("axis", [None, [], {}, 7, "seed"], ids=repr)
def test_what_is_no_axis_is_one_sentence(axis):
    with pytest.raises(RecipeError, match="There is no sweep of"):
        sweeping.plan(SMALL, axis, "1, 2")
    assert lens.offered(axis) == gr.skip()  # what was typed stays
    assert lens.offered("rescale") == AXES["rescale"]


def test_other_axes_refuse_in_words():
    with pytest.raises(RecipeError, match="start before"):
        sweeping.plan(Recipe(guidance_stop=0.5), "guidance_start", "0, 0.6")
    with pytest.raises(RecipeError, match="“xyz” is not one of: cfg, "):
        sweeping.plan(SMALL, "guider", "cfg, xyz")


def test_a_sweep_equals_single_runs(session):
    final = last(sweeping.sweep(SMALL, "guidance", "0, 1, 4.5, 25"))
    assert final["share"] == 1
    assert [(f["at"], f["label"]) for f in final["frames"]] == [
        (0, "w = 0"), (1, "w = 1"), (4.5, "w = 4.5"), (25, "w = 25")
    ]  # fmt: skip
    for frame in final["frames"]:
        recipe = Recipe.from_query(frame["link"])
        assert Recipe.from_png(io.BytesIO(base64.b64decode(frame["png"]))) == recipe
        assert recipe == dataclasses.replace(SMALL, guidance=frame["at"])
        assert np.abs(image(frame) - session.engine.draw(recipe).image).max() <= 1
        assert [w["text"] for w in frame["words"]] == ([] if frame["at"] == 0 else ["a", "cat"])
    # Two guided pictures, one with and one without words: 6 rows a call, of the first only 2.
    assert "14 rows computed; the other 4 of 18" in final["text"]


def test_progress_is_told_before_the_end(session, monkeypatch):
    monkeypatch.setattr(together, "FRAME", 0.0)
    first, *middle, final = sweeping.sweep(SMALL, "guidance", "2, 5")
    assert "2 pictures, 2.0 times the work" in first["text"]
    shares = [frame["share"] for frame in (*middle, final)]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-2] < shares[-1] == 1
    assert "s left" in middle[0]["text"]
    assert {frame["key"] for frame in middle} == {final["key"]}
    assert middle[1]["frames"][0]["step"] == 1


def test_stopping_keeps_what_is_finished_and_frees_the_engine(session, monkeypatch):
    """Sixteen guided pictures want 32 rows, a tick has 16: the first half ends first."""
    monkeypatch.setattr(together, "FRAME", 0.0)
    frames = sweeping.sweep(SMALL, "guidance", ", ".join(str(w) for w in range(2, 18)))
    next(frames)
    for shown in frames:
        ended = [f for f in shown["frames"] if f["finished"]]
        if ended:
            break
    assert [f["at"] for f in ended] == [f["at"] for f in shown["frames"]][: len(ended)]
    assert len(ended) < 16
    assert all("preview" in f for f in shown["frames"] if not f["finished"])
    frames.close()
    assert session.engine.draw(SMALL)
    assert not any(run.cells for run in session.engine._turns.runs)


def test_drawing_and_sweeping_leave_each_other_alone(session):
    frames = sweeping.sweep(SMALL, "guidance", "2, 5", "ann")
    next(frames), next(frames)
    assert last(session.submit([SMALL], visitor="ann", section="draw")).image.any()
    assert last(frames)["share"] == 1


def test_a_new_sweep_takes_over(session):
    slow = Recipe(steps=100, width=64, height=64)
    old = sweeping.sweep(slow, "guidance", "2, 5", "ann")
    next(old), next(old)
    assert last(sweeping.sweep(SMALL, "guidance", "3", "ann"))["share"] == 1
    assert last(old) == {"kind": "message", "text": "Another sweep of yours took over."} | {
        "error": False
    }


def test_an_impossible_recipe_is_refused_before_anything_is_drawn(session):
    with pytest.raises(ValueError, match="at most 256 pixels"):
        next(sweeping.sweep(Recipe(width=512), "guidance", "1, 2"))
    assert session.engine._thread is None


def test_only_models_with_one_row_a_call_are_swept_while_one_types():
    assert sweeping.at_once(Recipe(), "me", 1.0) is None
