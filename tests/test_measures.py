"""Measures of pictures, on cases whose answer is known."""

import numpy as np
import pytest
import torch

from playground.world import measures
from playground.world.scene import Item, Scene


def test_adherence_counts_pictures_without_a_fault():
    cat = Item("cat", (64, 64), 64)
    seen = [Scene("snow", (cat,)), Scene("snow", (cat, Item("dog", (20, 20), 40))), Scene("snow")]
    found = measures.adherence(["a cat in the snow"] * 3, seen)
    assert found == {"lenient": pytest.approx(2 / 3), "strict": pytest.approx(1 / 3)}


def test_diversity_is_the_mean_distance_of_all_pairs():
    corners = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    assert measures.diversity(corners) == pytest.approx((3 + 4 + 5) / 3)
    assert measures.diversity(torch.ones(4, 7)) == 0


def test_saturation_is_none_for_gray_and_one_for_pure_colour():
    gray = np.full((1, 2, 2, 3), 90, np.uint8)
    red = np.zeros((1, 2, 2, 3), np.uint8)
    red[..., 0] = 255
    assert measures.saturation(gray) == 0
    assert measures.saturation(red) == 1
    assert measures.saturation(np.concatenate((gray, red))) == pytest.approx(0.5)
