"""Whether an edit happened, as the oracle says it, and what was measured of the steps' share."""

import numpy as np
import pytest

from playground.engine.events import Picture
from playground.engine.record import RunRecord
from playground.measuring import edits
from playground.page.attention import happened
from playground.recipe import Recipe
from playground.world.render import draw
from playground.world.scene import Item, Scene


def run(words: str, noun: str, center=(64, 64), worn: str | None = None) -> RunRecord:
    """As if a model had drawn this scene for these words."""
    image = draw(Scene("grass", (Item(noun, center, 64, worn=worn),)))
    picture = Picture(0, Recipe(prompt=words), image, np.zeros(1), 1, 1, 0, {})
    return RunRecord({}, (), picture, np.zeros((5, 3)))


CAT = run("a cat on the grass", "cat")
WORDS = "a dog on the grass"
DOG, ELSEWHERE = run(WORDS, "dog"), run(WORDS, "dog", (40, 64))
FAILED = run(WORDS, "cat")
CASES = {
    "both": ((CAT, DOG, ELSEWHERE), True, "The edit happened: the oracle sees all"),
    "only through attention": ((CAT, DOG, FAILED), True, "attention it would miss a dog."),
    "only without": ((CAT, FAILED, DOG), False, "did not happen: the oracle misses a dog. Without"),
    "neither": ((CAT, FAILED, FAILED), False, "Nor without the original’s attention, where it"),
}


@pytest.mark.parametrize(("runs", "right", "says"), CASES.values(), ids=CASES)
def test_the_oracle_says_whether_the_edit_happened(runs, right, says):
    found = happened.judged(runs)
    assert found["right"] is right
    assert says in found["text"]
    assert found["seen"][0] == "a cat, on the grass"


def test_how_far_each_is_from_the_original_is_said():
    text = happened.judged((CAT, CAT, CAT))["text"]
    assert "differs by 0.0 of 255 on average, the same words alone by 0.0." in text


def test_a_re_weighted_picture_has_no_other_words_to_be_judged_by():
    found = happened.judged((CAT, CAT))
    assert (found["right"], found["text"]) == (
        None, "The oracle sees the same in both: a cat, on the grass.",
    )  # fmt: skip
    assert "then a dog, on the grass" in happened.judged((CAT, run("a cat", "dog")))["text"]


def test_what_the_oracle_cannot_read_is_not_judged():
    nothing = run("xyz", "cat")
    assert happened.judged((nothing,) * 3)["text"].startswith("Not judged: The oracle knows none")


@pytest.mark.parametrize("kind", ["swap", "refine"])
def test_the_measured_edits_can_be_made(session, kind):
    for source, edit in edits.edits(0.4)[kind]:
        plan = session.plan(source, edit)
        assert plan.recipe.prompt != source.prompt


def test_the_section_shows_what_was_measured():
    effect, table = happened.shares()
    assert "at none of the steps" in effect
    assert table.count("\n| ") == 2 * len(edits.SHARES)
    assert "| a word swapped | 0 % |" in table
