"""Compositions: several things asked for at once, each caption true of its scene."""

import itertools

import numpy as np
import pytest

from playground.world import asked, compositions, heldout
from playground.world.asked import read
from playground.world.render import bounds
from playground.world.scene import SIDE
from playground.world.vocabulary import COSTUME

COUNT = 200


@pytest.fixture(scope="module", params=list(compositions.LAYOUTS))
def asked_for(request):
    rng = np.random.default_rng(5)
    found = itertools.islice(compositions.questions(rng, request.param), COUNT)
    return request.param, list(found)


def test_a_caption_is_true_of_its_scene_and_not_of_another(asked_for):
    _, pairs = asked_for
    others = [scene for scene, _ in pairs[1:]] + [pairs[0][0]]
    for (scene, caption), other in zip(pairs, others, strict=True):
        assert asked.faults(read(caption.text), scene) == frozenset(), caption.text
        assert asked.faults(read(caption.text), other), caption.text


def test_captions_ask_for_everything_at_once(asked_for):
    layout, pairs = asked_for
    for scene, caption in pairs:
        what = read(caption.text)
        assert what.place == scene.place
        if layout == "group":
            assert sorted(w.count for w in what.items) == [1, 2]
        elif layout == "three":
            assert len({w.noun for w in what.items}) == 3
        else:
            assert sum(w.worn is not None for w in what.items) == 1
    said = [caption.text for _, caption in pairs]
    if layout == "group":
        assert sum(read(text).relation is not None for text in said) > COUNT / 2
        assert any(read(t).items[0].color and read(t).items[1].color for t in said)
    if layout == "dressed":
        assert any(COSTUME in text for text in said)


def test_items_stay_in_the_frame_and_training_sees_no_held_out_combination(asked_for):
    _, pairs = asked_for
    for scene, _ in pairs:
        assert not heldout.is_held_out(scene)
        for item in scene.items:
            left, top, right, bottom = bounds(item)
            assert min(left, top) >= 0
            assert max(right, bottom) <= SIDE


def test_held_out_compositions_on_request():
    rng = np.random.default_rng(1)
    scenes = [compositions.sample_scene(rng, held_out=True) for _ in range(10)]
    assert all(heldout.is_held_out(scene) for scene in scenes)


def test_spans_lie_on_what_they_name(asked_for):
    _, pairs = asked_for
    for scene, caption in pairs:
        for span in caption.spans:
            word = caption.text[span.start : span.end]
            if span.kind == "color":
                assert {scene.items[i].color for i in span.items} == {word}
            if span.kind == "noun":
                assert all(word.startswith(scene.items[i].noun[:3]) for i in span.items)
