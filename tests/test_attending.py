"""Ways of summing attention, on maps whose answer is known."""

import pytest
import torch

from playground.training.attending import (
    DAAM,
    LAST,
    OURS,
    TIMESTEPS,
    Sample,
    aggregate,
    measure,
    most_pointed,
    precision,
    samples,
)  # fmt: skip

GRIDS = ((16, 16), (8, 8), (4, 4))


def planted(good_heads=(1,)) -> Sample:
    """Of three heads a grid, the good ones look at the thing's corner, the others opposite."""
    mask = torch.zeros(128, 128, dtype=torch.bool)
    mask[:32, :32] = True
    word, words = {}, {}
    for size in GRIDS:
        maps = torch.full((len(TIMESTEPS), 3, *size), 0.01)
        quarter = size[0] // 4
        maps[..., -quarter:, -quarter:] = 0.2
        for head in good_heads:
            maps[:, head] = 0.01
            maps[:, head, :quarter, :quarter] = 0.2
        word[size], words[size] = maps.half(), torch.full_like(maps, 0.4).half()
    return Sample("noun", mask, word, words)


def test_a_perfect_map_scores_one_and_its_opposite_none():
    sample = planted((0, 1, 2))
    maps = [aggregate(sample, how, {}) for how in (OURS[0], DAAM, LAST)]
    for map_ in maps:
        found = measure([map_], [sample.mask])
        assert found["pointing"] == 1
        assert found["iou_best"] > 0.7
        assert found["precision"] > 0.95
    opposite = measure([1 - maps[0]], [sample.mask])
    assert opposite["pointing"] == 0


def test_the_heads_that_point_are_found():
    assert most_pointed([planted((1,)), planted((1,))], 2) == {(16, 16): [1], (8, 8): [1]}


def test_chosen_heads_alone_make_the_map():
    sample, how = planted((1,)), next(how for how in OURS if how.heads)
    assert measure([aggregate(sample, how, {GRIDS[0]: [1], GRIDS[1]: []})], [sample.mask])[
        "pointing"
    ]
    wrong = aggregate(sample, how, {GRIDS[0]: [0], GRIDS[1]: [2]})
    assert not measure([wrong], [sample.mask])["pointing"]


def test_average_precision_of_known_rankings():
    mask = torch.tensor([[True, False], [True, False]])
    assert precision(torch.tensor([[4.0, 2.0], [3.0, 1.0]]), mask) == 1
    assert precision(torch.tensor([[4.0, 3.0], [2.0, 1.0]]), mask) == pytest.approx((1 + 2 / 3) / 2)


def test_samples_of_the_model_are_probabilities_with_masks(shipped):
    found = samples(shipped, 10)
    assert {s.kind for s in found} <= {"noun", "worn", "place"}
    assert any(s.kind == "noun" for s in found)
    for sample in found:
        assert sample.mask.any()
        for size in GRIDS:
            word, words = sample.word[size].float(), sample.words[size].float()
            assert word.shape == words.shape == (4, words.shape[1], *size)
            assert (word <= words + 2e-3).all()
            assert words.max() <= 1.1  # codes of several words are rounded one by one
