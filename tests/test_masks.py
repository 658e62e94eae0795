"""The exact pixels of every word: what makes attention maps measurable."""

import re

import numpy as np
import pytest

from playground.world.grammar import describe
from playground.world.render import draw, render
from playground.world.scene import SIDE, Item, Scene
from playground.world.vocabulary import COSTUME, NOUNS, SHAPES, SIZES, SUBJECTS, WEARABLE

RELATION = re.compile(r" (left of|right of|above|below|under) ")


def test_masks_are_pixels_of_what_their_span_names(streamed):
    for scene, caption in streamed[:300]:
        image, masks = render(scene, caption)
        assert image.shape == (SIDE, SIDE, 3)
        assert image.dtype == np.uint8
        assert masks.keys() == {(s.start, s.end) for s in caption.spans}
        assert all(m.shape == (SIDE, SIDE) and m.dtype == bool for m in masks.values())
        for span in caption.spans:
            mask, text = masks[span.start, span.end], caption.text[span.start : span.end]
            assert mask.any()
            if span.kind == "noun":
                assert {scene.items[i].noun for i in span.items} == {singular(text)}
            elif span.kind == "color":
                assert {scene.items[i].color for i in span.items} == {text}
            elif span.kind == "worn":
                assert {scene.items[i].worn for i in span.items} == {text}
            elif span.kind == "size":
                assert all(text in SIZES[scene.items[i].scale] for i in span.items)
            elif span.kind == "count":
                assert len(span.items) == {"two": 2, "three": 3}[text]
            else:
                assert (span.kind, text) == ("place", scene.place)


def singular(noun: str) -> str:
    return {NOUNS[n].many: n for n in NOUNS}.get(noun, {s + "s": s for s in SHAPES}.get(noun, noun))


def test_masks_lie_where_the_picture_differs_from_the_empty_place(streamed):
    for scene, caption in [p for p in streamed if len(p[0].items) == 1][:100]:
        image, masks = render(scene, caption)
        noun = next(s for s in caption.spans if s.kind == "noun")
        changed = (image != draw(Scene(scene.place))).any(2)
        mask = masks[noun.start, noun.end]
        assert changed[mask].mean() > 0.95  # a body's pixel may by chance have the place's colour


def test_masks_of_different_things_never_overlap(streamed):
    for scene, caption in streamed[:600]:
        _, masks = render(scene, caption)
        owners = [s for s in caption.spans if s.kind in ("noun", "worn", "place")]
        total = sum(masks[s.start, s.end].astype(int) for s in owners)
        assert total.max() <= 1


def test_the_place_is_what_no_item_covers(streamed):
    named = [(s, c) for s, c in streamed[:300] if any(span.kind == "place" for span in c.spans)]
    for scene, caption in named:
        _, masks = render(scene, caption)
        covered = np.zeros((SIDE, SIDE), bool)
        for span in caption.spans:
            if span.kind in ("noun", "worn"):
                covered |= masks[span.start, span.end]
        assert (mask_of(caption, masks, "place") == ~covered).all()
    assert len(named) > 100


@pytest.mark.parametrize("worn", [*WEARABLE, COSTUME])
@pytest.mark.parametrize("subject", [n.name for n in SUBJECTS])
def test_wearer_and_worn_both_stay_visible(subject, worn):
    scene = Scene("red background", (Item(subject, (64, 72), 72, worn=worn),), "worn")
    caption = describe(scene, np.random.default_rng(0))
    _, masks = render(scene, caption)
    area = {s.kind: masks[s.start, s.end].sum() for s in caption.spans}
    assert area["noun"] > 400
    assert area["worn"] > 80
    assert not (mask_of(caption, masks, "noun") & mask_of(caption, masks, "worn")).any()


def mask_of(caption, masks, kind: str) -> np.ndarray:
    return next(masks[s.start, s.end] for s in caption.spans if s.kind == kind)


def test_relations_are_true(streamed):
    pairs = [(s, c, m[1]) for s, c in streamed if (m := RELATION.search(c.text))]
    assert {relation for *_, relation in pairs} == {
        "left of",
        "right of",
        "above",
        "below",
        "under",
    }
    for scene, caption, relation in pairs[:500]:
        _, masks = render(scene, caption)
        nouns = sorted((s for s in caption.spans if s.kind == "noun"), key=lambda s: s.start)
        # Centres of mass of the drawn pixels, not the scene's own numbers.
        (y1, x1), (y2, x2) = (np.argwhere(masks[s.start, s.end]).mean(0) for s in nouns)
        holds = {"left of": x1 < x2, "right of": x1 > x2, "above": y1 < y2}
        assert holds.get(relation, y1 > y2), caption.text
