"""Prompts are read exactly as they were meant, and every kind of fault is found."""

import dataclasses

import pytest

from playground.world import asked
from playground.world.asked import Asked, Wanted, faults, read
from playground.world.scene import Item, Scene

CAT = Item("cat", (32, 64), 48, worn="crown")
SQUARE = Item("square", (96, 64), 48, color="red")
SCENE = Scene("beach", (CAT, SQUARE))
PROMPT = "a cat wearing a crown to the left of a red square at the beach"


def test_prompts_are_read_as_they_were_meant(streamed):
    for scene, caption in streamed:
        found = read(caption.text)
        named = {span.kind for span in caption.spans}
        things = [wanted for wanted in found.items for _ in range(wanted.count)]
        assert sorted(w.noun for w in things) == sorted(i.noun for i in scene.items)
        assert sorted(w.worn or "" for w in things) == sorted(i.worn or "" for i in scene.items)
        assert found.place == (scene.place if "place" in named else None)
        assert (found.relation is not None) == any(
            r in caption.text for r, way in asked.RELATIONS.items() if way
        )
        assert faults(found, scene) == frozenset(), caption.text


@pytest.mark.parametrize(
    ("prompt", "meant"),
    [
        (PROMPT, Asked((Wanted("cat", worn="crown"), Wanted("square", "red")), "beach", "left of")),
        ("Two small Foxes", Asked((Wanted("fox", count=2),))),
        ("on a red background, a heart", Asked((Wanted("heart"),), "red background")),
        ("a fox astronaut under a ball", Asked((Wanted("fox", worn="astronaut"), Wanted("ball")),
                                               relation="under")),
        ("a cat, a dog and a red star", Asked((Wanted("cat"), Wanted("dog"),
                                               Wanted("star", "red")))),
        ("a zebra", Asked()),
        ("", Asked()),
    ],
)  # fmt: skip
def test_examples(prompt, meant):
    assert read(prompt) == meant


def changed(index: int, **values) -> Scene:
    items = list(SCENE.items)
    items[index] = dataclasses.replace(items[index], **values)
    return dataclasses.replace(SCENE, items=tuple(items))


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        (SCENE, set()),
        (changed(0, noun="dog"), {"noun", "relation", "extra"}),
        (changed(1, color="blue"), {"color", "relation"}),
        (changed(0, worn=None), {"worn", "relation"}),
        (changed(0, center=(96, 20)), {"relation"}),
        (dataclasses.replace(SCENE, place="snow"), {"place"}),
        (dataclasses.replace(SCENE, items=(*SCENE.items, CAT)), {"extra"}),
        (dataclasses.replace(SCENE, items=()), {"noun", "relation"}),
    ],
)
def test_every_fault_is_found(seen, wrong):
    assert faults(read(PROMPT), seen) - {"extra"} == wrong - {"extra"}
    assert ("extra" in faults(read(PROMPT), seen)) == (len(seen.items) > 2)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_number_is_exact(count):
    seen = Scene("snow", tuple(Item("fox", (20 + 40 * i, 64), 40) for i in range(count)))
    assert ("count" in faults(read("two foxes"), seen)) == (count != 2)
    assert "noun" not in faults(read("a fox"), seen)


def test_what_only_one_wears_the_other_must_not():
    seen = Scene("snow", (CAT, Item("dog", (96, 64), 48, worn="crown")))
    assert faults(read("a cat wearing a crown and a dog"), seen) == {"extra"}
