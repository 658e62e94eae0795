"""A recipe keeps its bounds, and says in words what is wrong."""

import dataclasses
import math

import pytest

from playground.recipe import FIELDS, Recipe, RecipeError

NUMBERS = [f for f in FIELDS.values() if type(f.default) in (int, float)]
TEXTS = [f for f in FIELDS.values() if type(f.default) is str]


def name_of(f: dataclasses.Field) -> str:
    return f.name


def check_message(error: RecipeError) -> None:
    """Something to show a visitor: short, one line, ending as a sentence does."""
    text = str(error)
    assert text.endswith(".")
    assert text[0].isupper() or text[0] == "η"
    assert text.isprintable()


def test_recipes_cannot_change_and_equal_ones_are_one():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().seed = 1
    assert len({Recipe(), Recipe(), Recipe(seed=1)}) == 2


@pytest.mark.parametrize("f", NUMBERS, ids=name_of)
def test_bounds_are_allowed_and_what_lies_beyond_is_refused(f):
    low, high = f.metadata["low"], f.metadata["high"]
    partner = {"guidance_start": "guidance_stop", "guidance_stop": "guidance_start"}.get(f.name)
    for bound in (low, high):
        both = {f.name: bound} | ({partner: bound} if partner else {})
        assert getattr(Recipe(**both), f.name) == bound
    beyond = (
        (low - f.metadata["step"], high + f.metadata["step"])
        if type(f.default) is int
        else (math.nextafter(low, -math.inf), math.nextafter(high, math.inf))
    )
    for value in beyond:
        with pytest.raises(RecipeError) as caught:
            Recipe(**{f.name: value})
        check_message(caught.value)


@pytest.mark.parametrize("f", NUMBERS, ids=name_of)
@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, True, False, "5", None, [1], 10**400],
    ids=lambda value: "10**400" if value == 10**400 else str(value),
)
def test_what_is_no_number_is_refused(f, value):
    with pytest.raises(RecipeError) as caught:
        Recipe(**{f.name: value})
    check_message(caught.value)


@pytest.mark.parametrize("f", TEXTS, ids=name_of)
def test_texts_have_lengths_and_are_texts(f):
    low, high = f.metadata["low"], f.metadata["high"]
    assert getattr(Recipe(**{f.name: "x" * high}), f.name) == "x" * high
    for value in ("x" * (high + 1), "" if low else None, 5, None, b"x", ["x"]):
        with pytest.raises(RecipeError) as caught:
            Recipe(**{f.name: value})
        check_message(caught.value)


def test_whole_numbers():
    """JSON from a browser writes 20 as 20.0."""
    recipe = Recipe.from_dict({"v": 1, "steps": 20.0, "seed": 3.0, "guidance": 4})
    assert (type(recipe.steps), type(recipe.seed), type(recipe.guidance)) == (int, int, float)
    for wrong in ({"width": 100}, {"height": 129}):
        with pytest.raises(RecipeError, match="multiple of 32"):
            Recipe(**wrong)
    for wrong in ({"steps": 20.5}, {"seed": 0.1}):
        with pytest.raises(RecipeError, match="must be a whole number"):
            Recipe(**wrong)


def test_a_bound_is_said_in_full():
    with pytest.raises(RecipeError, match=r"Seed must be between 0 and 4,294,967,295\."):
        Recipe(seed=2**32)
    with pytest.raises(RecipeError, match=r"η must be between 0 and 1\."):
        Recipe(eta=1.5)


def test_guidance_starts_before_it_stops():
    assert Recipe(guidance_start=0.5, guidance_stop=0.5)
    with pytest.raises(RecipeError, match="start before"):
        Recipe(guidance_start=0.6, guidance_stop=0.5)


@pytest.mark.parametrize("f", FIELDS.values(), ids=name_of)
def test_defaults_keep_their_own_bounds_and_every_field_explains_itself(f):
    assert Recipe(**{f.name: f.default}) == Recipe()
    assert f.metadata["label"]
    assert f.metadata["help"].endswith(".")
