"""Ways of summing attention, on maps whose answer is known."""

import numpy as np
import pytest
import torch

from playground import Playground
from playground.attention import heatmaps
from playground.attention.summing import Aggregation
from playground.engine.engine import Engine
from playground.engine.local import LocalSession
from playground.measuring import package, ways
from playground.measuring.attending import THRESHOLDS, choose, first, measure, scores
from playground.measuring.named import TIMESTEPS, Sample, Thing, in_pictures, in_scenes, shown_as
from playground.measuring.ways import DAAM, LAST, most_pointed
from playground.models.words import Word
from playground.recipe import Recipe
from playground.world.scene import Caption, Item, Scene, Span

WORDS = (Word("cat", 0, 3, (1,)), Word("a", 4, 5, (2,)))
GRIDS = {(16, 16): 3, (8, 8): 3, (4, 4): 4}


def planted(good_grids=tuple(GRIDS), good_heads=(1,), good_calls=(0, 1, 2, 3)) -> Sample:
    """Of two words the first looks at the thing's corner on good grids and calls, else opposite."""
    mask = torch.zeros(128, 128, dtype=torch.bool)
    mask[:32, :32] = True
    picture = np.where(mask.numpy()[..., None], (200, 30, 30), (30, 30, 200)).astype(np.uint8)
    maps, heads = {}, {}
    for h, w in GRIDS:
        right = torch.full((h, w), 0.01)
        right[: h // 4, : w // 4] = 0.2
        wrong = right.flip(0, 1)
        word = [right if c in good_calls and (h, w) in good_grids else wrong for c in range(4)]
        maps[h, w] = torch.stack([torch.stack([m, 0.3 - m]) for m in word]).half()
        each = [right if head in good_heads else wrong for head in range(3)]
        heads[h, w] = torch.stack([torch.stack([m, 0.3 - m]) for m in each]).half()
    thing = Thing("noun", (0,), mask)
    return Sample(picture, (thing,), WORDS, TIMESTEPS, maps, GRIDS, heads)


def noun(way, **options) -> dict:
    return measure([planted(**options)], way)["noun"]


@pytest.mark.parametrize(
    "way", [ways.ours("", Aggregation(1000, (1, 1), e)) for e in (0, 0.1)] + [DAAM, LAST]
)
def test_a_perfect_map_scores_one_and_other_words_none(way):
    found = noun(way)
    assert (found["count"], found["pointing"]) == (1, 1)
    assert found["iou_best"] > 0.7
    assert found["precision"] > 0.95
    assert measure([planted()], way, shuffled=True)["noun"]["pointing"] == 0


def test_a_function_word_is_not_ranked_first():
    """Inside of the thing "cat" has 0.2 and "a" 0.1; then "a" gets three times its own."""
    sample, way = planted(), ways.ours("", Aggregation(1000, (1,), 0))
    assert first([sample], way)["noun"] == {"count": 1, "all": 1, "content": 1}
    for maps in sample.maps.values():
        maps[:, 1] *= 3
    assert first([sample], way)["noun"] == {"count": 1, "all": 0, "content": 1}


def test_each_way_takes_what_it_says():
    late = {"good_calls": (0,)}  # t = 200
    assert noun(LAST, **late)["pointing"] == 1
    assert noun(DAAM, **late)["pointing"] == 0
    assert noun(ways.ours("", Aggregation(200, (1, 1), 0)), **late)["pointing"] == 1
    assert noun(ways.at_step(0, 200, Aggregation()), **late)["pointing"] == 1
    assert noun(ways.at_step(200, 400, Aggregation()), **late)["pointing"] == 0
    for rank, size in enumerate(GRIDS):
        for other in range(3):
            found = noun(ways.level(other), good_grids=(size,))
            assert found["pointing"] == (rank == other)


def test_heads_that_point_are_found_and_make_the_map():
    samples = [planted(good_heads=(1,)), planted(good_heads=(1,))]
    chosen = most_pointed(samples, 2)
    assert chosen == {(16, 16): [1], (8, 8): [1]}
    assert measure(samples, ways.by_heads("", chosen))["noun"]["pointing"] == 1
    wrong = ways.by_heads("", {(16, 16): [0], (8, 8): [2]})
    assert measure(samples, wrong)["noun"]["pointing"] == 0


def test_the_recipe_that_lands_is_chosen():
    """The finest grid lies, the second is right; and only the last calls are."""
    samples = [planted(good_grids=((8, 8),), good_calls=(0, 1))]
    best, tried = choose([samples, []])
    assert best.weights[0] < best.weights[1]
    assert best.latest <= 400
    assert max(tried.values()) == tried[str(best)]


@pytest.mark.parametrize(("peak", "inside"), [((0, 1), True), ((1, 2), True), ((1, 0), False)])
def test_the_pointing_game(peak, inside):
    mask = torch.tensor([[False, True, True], [False, False, True]])
    map_ = torch.zeros(2, 3)
    map_[peak] = 0.5
    pointing, *_ = scores(map_, mask)
    assert pointing == inside


def test_scores_agree_with_the_plain_definitions():
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        map_ = torch.rand(9, 7, generator=generator)
        mask = torch.rand(9, 7, generator=generator) > 0.7
        pointing, precision, *ious = scores(map_, mask)
        assert pointing == float(mask.flatten()[map_.argmax()])
        expected = [heatmaps.iou(map_, mask, t) for t in THRESHOLDS]
        assert ious == pytest.approx(expected, abs=1e-6)
        ranked = mask.flatten()[map_.flatten().argsort(descending=True)].tolist()
        at = [sum(ranked[: i + 1]) / (i + 1) for i, hit in enumerate(ranked) if hit]
        assert precision == pytest.approx(sum(at) / len(at))


def test_samples_of_scenes_are_probabilities_with_masks(shipped):
    found = list(in_scenes(shipped, 10))
    assert len(found) == 10
    assert {t.kind for s in found for t in s.things} <= {"noun", "worn", "place"}
    assert any(t.kind == "noun" for s in found for t in s.things)
    for sample in found:
        assert sample.layers == GRIDS
        assert all(thing.mask.any() for thing in sample.things)
        for size in GRIDS:
            maps, heads = sample.maps[size].float(), sample.heads[size].float()
            assert maps.shape[0] == len(TIMESTEPS)
            assert heads.shape[1:] == maps.shape[1:]
            assert maps.shape[2:] == size
            assert maps.sum(1).max() <= 1.1  # codes of several words are rounded one by one
            torch.testing.assert_close(maps.mean(0), heads.mean(0), atol=2e-3, rtol=0)


def test_samples_of_pictures_show_what_was_asked(shipped):
    playground = Playground(session=LocalSession(Engine(shipped)))
    for sample in in_pictures(playground, 2):
        assert sample.picture.shape == (128, 128, 3)
        assert len(sample.timesteps) == Recipe().steps
        assert sample.layers == GRIDS
        assert sample.things
        for maps in sample.maps.values():
            assert maps.shape[0] == Recipe().steps
            assert 0 < maps.float().sum(1).max() <= 1.001


CAPTION = Caption(
    "a cat left of a red star on a blue background",
    (Span(2, 5, "noun", (0,)), Span(20, 24, "noun", (1,)), Span(30, 45, "place")),
)
ASKED = Scene("blue background", (Item("cat", (32, 64), 48), Item("star", (96, 64), 48, "red")))


def test_what_was_read_is_put_in_the_order_of_what_was_asked():
    read = (Item("star", (88, 56), 40, "red"), Item("cat", (40, 72), 50))
    shown = shown_as(ASKED, CAPTION, Scene("blue background", read))
    assert shown.items == read[::-1]


@pytest.mark.parametrize(
    "items",
    [
        (Item("cat", (40, 72), 50),),
        (Item("cat", (40, 72), 50), Item("star", (88, 56), 40, "blue")),
        (Item("cat", (90, 72), 50), Item("star", (24, 56), 40, "red")),
        (Item("cat", (40, 72), 50, worn="crown"), Item("star", (88, 56), 40, "red")),
        (Item("cat", (40, 72), 50), Item("star", (88, 56), 40, "red"), Item("dog", (64, 20), 30)),
    ],
    ids=["missing", "colour", "sides", "worn", "extra"],
)
def test_a_picture_that_shows_something_else_is_left_out(items):
    assert shown_as(ASKED, CAPTION, Scene("blue background", items)) is None


@pytest.mark.skipif(not package.installed(), reason=package.ABSENT)
def test_the_package_makes_what_we_say_it_makes(shipped):
    pipe = package.pipeline("emoji-world")
    samples = list(in_scenes(shipped, 10, lambda *call: package.maps(pipe, *call)))
    for sample in samples:
        ours = LAST.maps(sample)
        torch.testing.assert_close(
            heatmaps.stretch(sample.package), heatmaps.stretch(ours), atol=0.05, rtol=0
        )
