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
        # Free phrasings: punctuation, tags, unknown words, order, digits, capitals, odd characters.
        ("a cat, sitting on the grass", Asked((Wanted("cat"),), "grass")),
        ("a fox wearing a crown, at sunset.", Asked((Wanted("fox", worn="crown"),), "sunset")),
        ("masterpiece, best quality, a cat, 4k", Asked((Wanted("cat"),))),
        ("cat, top hat, blue background", Asked((Wanted("cat", worn="top hat"),),
                                                "blue background")),
        ("night sky, rocket", Asked((Wanted("rocket"),), "night sky")),
        ("a dog that is sitting on the grass", Asked((Wanted("dog"),), "grass")),
        ("There is a cat. It has a crown. The background is red.",
         Asked((Wanted("cat", worn="crown"),), "red background")),
        ("a cat and a dog. the dog wears a cap",
         Asked((Wanted("cat"), Wanted("dog", worn="cap")))),
        ("an astronaut fox and a dog", Asked((Wanted("fox", worn="astronaut"), Wanted("dog")))),
        ("a crown on a cat", Asked((Wanted("cat", worn="crown"),))),
        ("a fox, an astronaut plus panda", Asked((Wanted("fox", worn="astronaut"),
                                                  Wanted("panda")))),
        ("a square that is red and a blue shiny circle", Asked((Wanted("square", "red"),
                                                                Wanted("circle", "blue")))),
        ("a red cat", Asked((Wanted("cat"),))),
        ("2 foxes, the 3 stars", Asked((Wanted("fox", count=2), Wanted("star", count=3)))),
        ("‘cat’, the top­hat", Asked((Wanted("cat"),))),
        ("ca​t in a top-hat, night-sky", Asked((Wanted("cat", worn="top hat"),), "night sky")),
        ("(cat:1.3) 2.5", Asked((Wanted("cat"),))),
        ("a cat under the night sky and a dog", Asked((Wanted("cat"), Wanted("dog")),
                                                      "night sky")),
    ],
)  # fmt: skip
def test_examples(prompt, meant):
    assert read(prompt) == meant


@pytest.mark.parametrize(
    ("prompt", "relation"),
    [
        ("a cat is to the left of a dog", "left of"),
        ("a cat, left of a dog", "left of"),
        ("a cat, left of it a dog", "right of"),
        ("a red square above a blue square", "above"),
        ("above a red square, a blue square", "below"),
        ("a red square and on the right a blue square", "left of"),
        ("a red square, a blue square on the left", "right of"),
        ("a cat left of a cat wearing a crown", "left of"),
        ("above a cat, a dog", "below"),
        ("a cat and a dog. the dog is right of the cat", "left of"),
        ("a cat and a dog, above each other", None),
        ("a cat next to a dog", None),
        ("a cat left of and above a dog", None),
        ("a cat on the left, a dog on the right", "left of"),
        ("a cat on the right and a dog", "right of"),
        ("on the right a cat, on the left a dog", "right of"),
        ("On the left, a cat; on the right, a dog", "left of"),
        ("a cat and on the left a dog", "right of"),
        ("a cat and a dog on the left", "right of"),
        ("a cat and a dog. the cat is on the left", "left of"),
        ("a cat left of a dog and a fox", None),
    ],
)
def test_where_the_first_is_seen_from_the_second(prompt, relation):
    assert read(prompt).relation == relation


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


@pytest.mark.parametrize(
    ("y", "right"), [((20, 20), True), ((20, 110), False), ((110, 110), False)]
)
def test_a_relation_holds_for_everyone_of_a_counted_thing(y, right):
    squares = tuple(
        Item("square", (x, h), 40, color="red") for x, h in zip((32, 96), y, strict=True)
    )
    seen = Scene("snow", (*squares, Item("circle", (64, 64), 40, color="blue")))
    found = faults(read("two red squares above a blue circle"), seen)
    assert found == (set() if right else {"relation"})
