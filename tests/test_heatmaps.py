"""Maths on maps: small answers worked out by hand."""

import numpy as np
import pytest
import torch

from playground.attention import heatmaps
from playground.models.words import Word


def word(*tokens: int) -> Word:
    return Word("x", 0, 1, tokens)


def test_a_words_map_is_the_sum_over_its_tokens():
    token_map = torch.arange(12.0).view(6, 1, 2)  # six columns on a 1×2 grid
    maps = heatmaps.of_words(token_map, [word(1), word(2, 4), word()])
    assert maps.tolist() == [[[2.0, 3.0]], [[12.0, 14.0]], [[0.0, 0.0]]]
    assert heatmaps.of_words(token_map, []).shape == (0, 1, 2)


def test_shares_of_all_steps_are_those_of_each_token_map():
    maps, words = torch.rand(3, 6, 4, 2), [word(1), word(2, 4), word()]
    found = heatmaps.shares(maps.numpy(), words)
    wanted = torch.stack([heatmaps.relative(heatmaps.of_words(each, words)) for each in maps])
    assert found.dtype == np.float32
    torch.testing.assert_close(torch.from_numpy(found), wanted)
    assert not heatmaps.shares(0 * maps.numpy(), words).any()


def test_relative_shares_sum_to_one_where_there_is_anything():
    maps = torch.tensor([[[1.0, 0.0, 2.0]], [[3.0, 0.0, 0.0]]])
    assert heatmaps.relative(maps).tolist() == [[[0.25, 0.0, 1.0]], [[0.75, 0.0, 0.0]]]


def test_upsampling_is_linear_between_the_centres_of_places():
    """Centres of two places on four pixels lie at 0.5 and 2.5 of 0 … 3."""
    maps = torch.tensor([[[0.0, 1.0]]])
    assert heatmaps.upsample(maps, (1, 4)).tolist() == [[[0.0, 0.25, 0.75, 1.0]]]
    assert heatmaps.upsample(maps.transpose(1, 2), (4, 1))[0, :, 0].tolist() == [0, 0.25, 0.75, 1]


def test_upsampling_keeps_height_and_width_apart_and_the_mean():
    maps = torch.rand(3, 2, 6, generator=torch.Generator().manual_seed(0))
    large = heatmaps.upsample(maps, (16, 48))
    assert large.shape == (3, 16, 48)
    torch.testing.assert_close(large.mean((1, 2)), maps.mean((1, 2)), atol=1e-5, rtol=0)


def test_each_map_is_stretched_by_its_own_extremes():
    maps = torch.tensor([[[1.0, 2.0, 5.0]], [[0.1, 0.1, 0.3]], [[7.0, 7.0, 7.0]]])
    expected = torch.tensor([[[0.0, 0.25, 1.0]], [[0.0, 0.0, 1.0]], [[0.0, 0.0, 0.0]]])
    torch.testing.assert_close(heatmaps.stretch(maps), expected)


def test_the_mean_over_steps_keeps_grids_apart():
    steps = [
        {(1, 2): torch.full((3, 1, 2), value), (2, 2): torch.full((3, 2, 2), 10 * value)}
        for value in (1.0, 2.0, 6.0)
    ]
    mean = heatmaps.mean_over_steps(steps)
    assert mean[1, 2].tolist() == torch.full((3, 1, 2), 3.0).tolist()
    assert mean[2, 2].tolist() == torch.full((3, 2, 2), 30.0).tolist()


@pytest.mark.parametrize(
    ("mask", "threshold", "expected"),
    [
        ([[1, 1, 0, 0]], 0.4, 2 / 2),  # the stretched map is 1, 0.5, 0.25, 0
        ([[1, 0, 0, 0]], 0.4, 1 / 2),
        ([[0, 0, 1, 1]], 0.4, 0 / 4),
        ([[1, 1, 1, 1]], 0.4, 2 / 4),
        ([[1, 0, 0, 0]], 0.6, 1 / 1),
        ([[1, 1, 1, 0]], 0.25, 3 / 3),  # the threshold itself is in
    ],
)
def test_intersection_over_union(mask, threshold, expected):
    map_ = torch.tensor([[9.0, 5.0, 3.0, 1.0]])
    found = heatmaps.iou(map_, torch.tensor(mask, dtype=torch.bool), threshold)
    assert found == pytest.approx(expected)


def test_a_flat_map_finds_nothing():
    flat = torch.ones(2, 2)
    assert heatmaps.iou(flat, torch.zeros(2, 2, dtype=torch.bool)) == 0.0
    assert heatmaps.iou(flat, torch.ones(2, 2, dtype=torch.bool)) == 0.0


def test_what_changed_between_two_pictures_is_a_mean_per_place():
    before = torch.full((4, 8, 3), 100, dtype=torch.uint8)
    after = before.clone()
    after[0, 0] = torch.tensor([90, 100, 120])  # mean |difference| 10 at one of four pixels
    change = heatmaps.changed(before, after, (2, 4))
    expected = torch.zeros(2, 4)
    expected[0, 0] = 2.5
    torch.testing.assert_close(change, expected)
