"""What the oracle says of a picture, in words: exact for scenes whose content is known."""

import itertools
import json

import pytest

from playground.wording import percent
from playground.world import asked, measures, verdict
from playground.world.render import draw
from playground.world.scene import Item, Scene

CAT, DOG = Item("cat", (32, 64), 48), Item("dog", (96, 64), 48)
CROWNED, HATTED = Item("cat", (64, 64), 64, worn="crown"), Item("cat", (64, 64), 64, worn="top hat")
RED, BLUE = (Item("square", (64, 64), 48, color=color) for color in ("red", "blue"))
ON_BLUE = "blue background"


@pytest.mark.parametrize(
    ("prompt", "seen", "said"),
    [
        ("a cat wearing a top hat on a blue background", Scene(ON_BLUE, (HATTED,)),
         "Asked: a cat wearing a top hat, on a blue background; "
         "seen: a cat wearing a top hat, on a blue background; nothing is missing."),
        ("a cat wearing a top hat on a blue background", Scene(ON_BLUE, (CAT,)),
         "Asked: a cat wearing a top hat, on a blue background; "
         "seen: a cat, on a blue background; missing: the top hat."),
        ("a cat in a top hat", Scene("snow", (CROWNED,)),
         "Asked: a cat wearing a top hat; seen: a cat wearing a crown, in the snow; "
         "missing: the top hat."),
        ("a cat", Scene("snow", (CROWNED,)),
         "Asked: a cat; seen: a cat wearing a crown, in the snow; nothing is missing; "
         "not asked for: the crown of the cat."),
        ("a red square", Scene("grass", (BLUE,)),
         "Asked: a red square; seen: a blue square, on the grass; missing: a red square."),
        ("a red square and a blue square", Scene("grass", (BLUE, RED)),
         "Asked: a red square and a blue square; "
         "seen: a blue square and a red square, on the grass; nothing is missing."),
        ("a dog left of a cat", Scene("beach", (CAT, DOG)),
         "Asked: a dog left of a cat; seen: a cat and a dog, at the beach; "
         "missing: the dog left of the cat."),
        ("three cats at sunset", Scene("beach", (CAT, CAT)),
         "Asked: three cats, at sunset; seen: two cats, at the beach; "
         "missing: exactly three cats, a sunset."),
        ("a cat", Scene("beach", (DOG, CAT, Item("fox", (64, 20), 30, worn="crown"))),
         "Asked: a cat; seen: a dog and a cat and a fox wearing a crown, at the beach; "
         "nothing is missing; not asked for: a dog and a fox wearing a crown."),
        # Two of one noun want two things, and are told apart by what is said of each.
        ("a cat and a cat wearing a crown", Scene("beach", (CROWNED,)),
         "Asked: a cat and a cat wearing a crown; seen: a cat wearing a crown, at the beach; "
         "missing: a cat."),
        ("two cats and a cat wearing a crown", Scene("beach", (CAT, CROWNED, CAT)),
         "Asked: two cats and a cat wearing a crown; seen: two cats and a cat wearing a crown, "
         "at the beach; nothing is missing."),
        ("two cats and a cat", Scene("beach", (CAT, CAT)),
         "Asked: two cats and a cat; seen: two cats, at the beach; missing: a cat."),
        ("a red square and a square", Scene("beach", (RED,)),
         "Asked: a red square and a square; seen: a red square, at the beach; missing: a square."),
        ("a red square above a blue square", Scene("beach", (RED, BLUE)),
         "Asked: a red square above a blue square; seen: a red square and a blue square, at the "
         "beach; missing: the red square above the blue square."),
        ("an astronaut cat", Scene("night sky"),
         "Asked: an astronaut cat; seen: the night sky; missing: a cat."),
    ],
)  # fmt: skip
def test_verdicts(prompt, seen, said):
    assert str(verdict.of(prompt, seen)) == said


def test_a_verdict_lacks_something_exactly_if_the_measures_count_a_fault(streamed):
    """Every caption against its own scene and against the next one's."""
    for (scene, caption), (other, _) in itertools.pairwise(streamed[:1500]):
        assert verdict.of(caption.text, scene).missing == ()
        found = verdict.of(caption.text, other)
        assert found.right == (found.faults <= {"extra"}), found
        assert bool(found.extra) == ("extra" in found.faults), found
        assert found.faults == asked.faults(asked.read(caption.text), other)


def test_a_rendered_scene_is_read_and_judged():
    found = measures.judged("a dog wearing a top hat", draw(Scene(ON_BLUE, (HATTED,))))
    assert found.seen == "a cat wearing a top hat, on a blue background"
    assert found.missing == ("a dog",)


def test_what_cannot_be_judged_says_why():
    picture = draw(Scene("snow"))
    with pytest.raises(measures.UnjudgeableError, match="knows none of these words"):
        measures.judged("a zebra", picture)
    with pytest.raises(measures.UnjudgeableError, match="128×128 pixels only"):
        measures.judged("a cat", picture[:64])


def test_the_oracles_own_accuracy_is_that_of_its_card():
    found = json.loads(verdict.CARD.read_text())["reconstructed"]
    assert f"everything rightly in {percent(found['everything'], 1)}" in verdict.accuracy()
    assert f"what they wear {percent(found['worn'], 1)}" in verdict.accuracy()
