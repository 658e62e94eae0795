"""A recipe keeps its bounds, and says in words what is wrong."""

import dataclasses
import enum
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator
from markupsafe import Markup

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


class Five(enum.IntEnum):
    ITSELF = 5


class Word(str, enum.Enum):
    ITSELF = "a cat"


FIVES = [
    5, 5.0, Five.ITSELF, Fraction(5), Decimal(5), Decimal("5.000"), np.array(5), np.array(5.0),
    torch.tensor(5), torch.tensor(5.0, dtype=torch.bfloat16),
    *(kind(5) for kind in (np.int8, np.uint8, np.int64, np.uint64)),
    *(kind(5) for kind in (np.float16, np.float32, np.float64, np.longdouble)),
]  # fmt: skip


@pytest.mark.parametrize("five", FIVES, ids=lambda five: f"{type(five).__name__}-{five}")
def test_every_kind_of_number_is_a_number(five):
    """What is kept is Python's own, so that the recipe is the same key and the same link."""
    recipe, usual = Recipe(guidance=five, steps=five), Recipe(guidance=5.0, steps=5)
    assert (type(recipe.guidance), type(recipe.steps)) == (float, int)
    assert recipe == usual
    assert hash(recipe) == hash(usual)
    assert recipe.to_query() == usual.to_query()


@pytest.mark.parametrize(
    "value",
    [
        np.bool_(True), np.array(True), torch.tensor(True), np.array([5]), torch.tensor([5]), "5",
        np.str_("5"), np.array("5"), b"5", 5 + 0j, np.complex64(5), Decimal("NaN"),
        Decimal("sNaN"), np.float16("nan"), np.array(math.nan), np.datetime64(5, "s"), range(5),
    ],
    ids=lambda value: f"{type(value).__name__}-{value}",
)  # fmt: skip
@pytest.mark.parametrize("name", ["guidance", "steps"])
def test_what_only_looks_like_a_number_is_none(name, value):
    with pytest.raises(RecipeError, match=r"(w|Steps) must be a number\.$"):
        Recipe(**{name: value})


@pytest.mark.parametrize(
    "value",
    [
        math.inf, -math.inf, np.float16("inf"), Decimal("-Infinity"), Decimal("1e999999999"),
        10**5000, -(10**5000), Fraction(10**400), np.uint64(2**64 - 1), 100 + Fraction(1, 10**40),
        Decimal("100.00000000000000000000000001"), np.nextafter(100, 101),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
@pytest.mark.parametrize("name", ["guidance", "steps"])
def test_bounds_hold_exactly_for_every_kind_of_number(name, value):
    bounds = r"(w must be between 0 and 30|Steps must be between 1 and 100)\.$"
    with pytest.raises(RecipeError, match=bounds):
        Recipe(**{name: value})


@pytest.mark.parametrize(
    "value", [5.5, np.float32(5.5), np.array(5.5), Fraction(11, 2), Decimal("5.5"), 5 + 2**-40]
)
def test_no_number_is_rounded_to_a_whole_one(value):
    with pytest.raises(RecipeError, match=r"Steps must be a whole number\.$"):
        Recipe(steps=value)


def test_a_number_is_kept_as_exactly_as_a_float_can():
    assert Recipe(guidance=np.float32(7.3)).guidance == float(np.float32(7.3)) != 7.3
    assert Recipe(guidance=Fraction(1, 3)).guidance == 1 / 3
    assert Recipe(seed=np.uint32(2**32 - 1)).seed == 2**32 - 1
    assert Recipe(guidance=-0.0).to_query() == Recipe(guidance=0.0).to_query()


@pytest.mark.parametrize(
    "text", [np.str_("a cat"), np.array("a cat"), Markup("a cat"), Word.ITSELF]
)
def test_every_kind_of_text_is_kept_as_plain_text(text):
    """Markup escapes what is added to it; an enum's member says something else in f-strings."""
    recipe = Recipe(prompt=text, sampler=text)
    assert type(recipe.prompt) is type(recipe.sampler) is str
    assert recipe == Recipe(prompt="a cat", sampler="a cat")


@pytest.mark.parametrize("f", TEXTS, ids=name_of)
def test_texts_have_lengths_and_are_texts(f):
    low, high = f.metadata["low"], f.metadata["high"]
    assert getattr(Recipe(**{f.name: "x" * high}), f.name) == "x" * high
    for value in ("x" * (high + 1), "" if low else None, 5, np.bytes_("x"), b"x", ["x"]):
        with pytest.raises(RecipeError) as caught:
            Recipe(**{f.name: value})
        check_message(caught.value)


def test_whole_numbers():
    """JSON from a browser writes 20 as 20.0."""
    recipe = Recipe.from_dict({"v": 1, "steps": 20.0, "seed": 3.0, "guidance": 4})
    assert (type(recipe.steps), type(recipe.seed), type(recipe.guidance)) == (int, int, float)
    for wrong in ({"width": 100}, {"height": 129}):
        with pytest.raises(RecipeError, match="multiple of 8"):
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


def test_a_model_has_defaults_of_its_own():
    defaults = {"width": 512, "height": 512, "steps": 30, "guidance": 7.5, "sampler": "euler"}
    recipe = Recipe.for_model("some/model", defaults)
    assert recipe == Recipe(**defaults, model="some/model")
    assert Recipe.from_query(recipe.to_query()) == recipe  # its link needs no table of models
    with pytest.raises(RecipeError, match=r"'size'.*Known are: prompt, negative, guidance"):
        Recipe.for_model("some/model", {"size": 512})
    with pytest.raises(RecipeError, match="Width must be a multiple of 8"):
        Recipe.for_model("some/model", {"width": 500})


def test_the_json_schema_says_what_the_fields_say():
    schema = Recipe.json_schema()
    Draft202012Validator.check_schema(schema)
    fields = schema["properties"]
    assert list(fields) == ["v", *FIELDS]
    assert fields["steps"] == {
        "title": "Steps", "description": "Steps of the sampler, not network calls.",
        "type": "integer", "minimum": 1, "maximum": 100, "multipleOf": 1, "default": 15,
    }  # fmt: skip
    assert fields["eta"] == {
        "title": "η",
        "description": FIELDS["eta"].metadata["help"],
        "type": "number", "minimum": 0.0, "maximum": 1.0, "default": 0.0,
    }  # fmt: skip
    assert fields["model"] == {
        "title": "Model", "description": FIELDS["model"].metadata["help"],
        "type": "string", "minLength": 1, "maxLength": 300, "default": "emoji-world",
    }  # fmt: skip
    assert fields["width"]["multipleOf"] == 8
    assert schema["additionalProperties"] is False
