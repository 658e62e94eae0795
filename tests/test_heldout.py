"""Held-out combinations never reach training, and can be drawn on purpose."""

import numpy as np
import pytest

from playground.world import heldout
from playground.world.grammar import TASKS, sample_scene
from playground.world.render import draw
from playground.world.scene import Item, Scene
from playground.world.vocabulary import COLORS, COSTUME, NOUNS, PLACES, SHAPES, WEARABLE

CENTER, LEFT, RIGHT = (64, 72), (32, 64), (96, 64)


def by_hand(kind: str, first: str, second: str) -> Scene:
    """The plainest scene that shows the combination."""
    place = "white background"
    if kind == "worn":
        return Scene(place, (Item(first, CENTER, 64, worn=second),))
    if kind == "shape":
        return Scene(place, (Item(first, CENTER, 64, color=second),))
    if kind == "nouns":
        return Scene(place, (Item(first, LEFT, 48), Item(second, RIGHT, 48)))
    return Scene(second, (Item(first, CENTER, 64),))


EVERY = [
    (kind, *pair)
    for kind, pairs in (
        ("worn", heldout.WORN_PAIRS),
        ("shape", heldout.SHAPE_PAIRS),
        ("nouns", heldout.NOUN_PAIRS),
        ("place", heldout.PLACE_PAIRS),
    )
    for pair in pairs
]


def test_there_are_enough_to_measure_with():
    assert len(EVERY) == len(heldout.HELD_OUT) >= 12


@pytest.mark.parametrize(("kind", "first", "second"), EVERY)
def test_names_exist_in_the_vocabulary(kind, first, second):
    firsts = {"worn": [n for n in NOUNS if NOUNS[n].wears], "shape": SHAPES}.get(kind, NOUNS)
    seconds = {"worn": (*WEARABLE, COSTUME), "shape": COLORS, "nouns": NOUNS, "place": PLACES}
    assert first in firsts
    assert second in seconds[kind]


@pytest.mark.parametrize(("kind", "first", "second"), EVERY)
def test_the_combination_can_be_drawn_and_is_recognised(kind, first, second):
    scene = by_hand(kind, first, second)
    assert heldout.is_held_out(scene)
    empty = draw(Scene(scene.place))
    assert (draw(scene) != empty).any(2).sum() > 200  # pixels: it really shows something


def test_the_order_of_nouns_does_not_matter():
    scene = by_hand("nouns", "rocket", "cat")
    assert heldout.is_held_out(scene)


def test_training_never_sees_one(streamed):
    assert not [scene for scene, _ in streamed if heldout.is_held_out(scene)]


def test_training_sees_the_halves(streamed):
    """A pair whose word never occurs at all would test vocabulary, not generalisation."""
    seen = set()
    for scene, _ in streamed:
        for item in scene.items:
            seen |= {item.noun, item.color, item.worn, scene.place}
    assert set().union(*heldout.HELD_OUT) <= seen


@pytest.mark.parametrize("task", [t for t in TASKS if t != "place"])
def test_held_out_scenes_on_request(task):
    rng = np.random.default_rng(3)
    scenes = [sample_scene(rng, task, held_out=True) for _ in range(12)]
    assert all(heldout.is_held_out(s) and s.task == task for s in scenes)
    assert len({frozenset(heldout.pairs(s) & heldout.HELD_OUT) for s in scenes}) > 2
