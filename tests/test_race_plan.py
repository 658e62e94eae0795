"""Which lanes may race: counts, pairs of equal work, drafts to finish, and nonsense."""

import dataclasses

import pytest
from races import SMALL, ask_to_finish, planned

from playground.page import together
from playground.page.samplers import race_plan, racing
from playground.recipe import Recipe, RecipeError


def test_every_sampler_with_every_count_and_every_w():
    lanes = planned("ddim euler", "4, 8", "1 5")
    assert [(x.recipe.guidance, x.count, x.recipe.sampler) for x in lanes] == [
        (w, count, name) for w in (1, 5) for count in (4, 8) for name in ("ddim", "euler")
    ]
    rest = {dataclasses.replace(x.recipe, sampler="ddim", steps=4, guidance=1.0) for x in lanes}
    assert rest == {dataclasses.replace(SMALL, sampler="ddim", steps=4, guidance=1.0)}
    assert {x.recipe.guidance for x in planned(recipe=Recipe(guidance=2.5))} == {2.5}


@pytest.mark.parametrize(
    ("name", "calls", "steps", "made"),
    [
        ("ddim", 7, 7, 7),
        ("heun", 7, 4, 7),  # 2·4 − 1
        ("heun", 8, 4, 7),  # an even number cannot be made
        ("heun", 1, 1, 1),
        ("heun", 100, 50, 99),
        ("pndm", 8, 7, 8),  # 7 + 1
        ("pndm", 2, 1, 1),  # one step is one call, two are three
        ("pndm", 1, 1, 1),
    ],
)
def test_equal_network_calls(name, calls, steps, made):
    lane = next(
        x for x in planned(f"unipc {name}", str(calls), unit="calls") if x.recipe.sampler == name
    )
    assert (lane.recipe.steps, together.calls(lane.recipe), lane.count) == (steps, made, calls)


NONSENSE = {
    "no lane": (("", "4"), "at least two lanes"),
    "one lane": (("ddim", "4"), "at least two lanes"),
    "the same twice": (("ddim ddim", "4, 4.0"), "at least two lanes"),
    "no count": (("ddim heun", " ,; "), "How many steps? The list is empty"),
    "a word": (("ddim heun", "many"), "“many” in the list is not a number"),
    "a script": (("ddim heun", "<script>"), "“<script>” in the list is not a number"),
    "half a step": (("ddim heun", "2.5"), "“2.5” in the list is not a whole number"),
    "ten thousand": (("ddim heun", "10000"), "1 to 100 steps, not 10,000."),
    "calls of a lane": (("ddim heun", "10000", "", "calls"), "1 to 100 network calls, not 10,000"),
    "infinite": (("ddim heun", "1e999"), "“1e999” in the list is too large"),
    "none": (("ddim heun", "0"), "1 to 100 steps, not 0"),
    "w too large": (("ddim heun", "4", "99"), "between 0 and 30"),
    "w a word": (("ddim heun", "4", "x"), "“x” in the list is not a number"),
    "unknown": (("ddim magic", "4"), "no sampler 'magic'; there are: ddpm"),
    "unit": (("ddim heun", "4", "", "pounds"), "no 'pounds' to be equal in"),
    "lanes": (("ddim heun", "1 2 3 4 5 6 7 8 9 10", "1 5"), "40 lanes are too many: a race has at"),
    "calls": (("ddim heun euler", "80 90 100", "1 3 5"), "3,231 network calls; a race has at most"),
}  # fmt: skip


@pytest.mark.parametrize(("ask", "words"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_one_sentence(ask, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        planned(*ask)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")


SENT = [None, "?", 8, True, [1], [None], [["ddim"]], {"a": 1}, [{}]]
FIELDS = ("names", "counts", "guidances", "unit")
FINE = {("counts", 8), ("guidances", 8), ("guidances", None)}  # numbers of text fields, no w


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("sent", SENT, ids=repr)
def test_whatever_a_browser_sends_is_a_race_or_one_sentence(field, sent):
    values = {"names": ["ddim", "heun"], "counts": "4", "guidances": "", "unit": "steps"}
    values[field] = sent
    if isinstance(sent, int | None) and (field, sent) in FINE:
        assert len(race_plan.plan(SMALL, **values)) == 2
        return
    with pytest.raises(RecipeError) as caught:
        race_plan.plan(SMALL, **values)
    assert str(caught.value).endswith(".")


def test_a_recipe_that_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="at most 256 pixels"):
        planned(recipe=Recipe(width=512))


def test_the_estimate_is_calls_times_measured_seconds(session):
    lanes = planned("ddim heun", "5")
    assert race_plan.estimate(lanes) == (
        "2 lanes: 14 network calls, made together in 9 of about 3 rows."
    )
    session.engine._measured = {"PyTorch": {3: [0.2], 4: [0.3]}}
    # 28 rows in 9 calls, 3.11 a call
    assert race_plan.estimate(lanes).endswith(" of about 3 rows: 9 × 0.21 s, as measured, ≈ 1.9 s.")
    assert next(racing.race(lanes, "steps")).endswith(race_plan.estimate(lanes))
    many = planned("ddim euler unipc deis", "50", "2,3,4,5")
    session.engine._measured = {"PyTorch": {16: [0.5]}}
    assert "made together in 100 of about 16 rows: 100 × 0.5 s, as measured, ≈ 50 s." in (
        race_plan.estimate(many)
    )


def test_a_draft_that_was_stopped_is_not_drawn_again():
    draft = planned("ddim heun unipc", "3", unit="calls")
    lanes = race_plan.finishing(ask_to_finish(draft, starred={0, 1}, unfinished={1, 2}))
    assert [(x.recipe.sampler, x.count) for x in lanes] == [("ddim", 3), ("ddim", 9), ("heun", 9)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "No lane is starred"),
        ({"count": "10000"}, "1 to 100 network calls, not 10,000"),
        ({"count": None}, "“None” in the list is not a number"),
        ({"unit": "?"}, "no '?' to be equal in"),
        ({"lanes": None}, "did not arrive"),
        ({"lanes": [1, 2]}, "did not arrive"),
        ({"lanes": [{"link": "?", "count": 3, "starred": True}]}, "damaged"),
    ],
)
def test_nonsense_to_finish_is_one_sentence(changes, words):
    draft = planned("ddim heun", "3", unit="calls")
    with pytest.raises(RecipeError) as caught:
        race_plan.finishing(ask_to_finish(draft, starred=()) | changes)
    assert words in str(caught.value)
