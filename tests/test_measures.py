"""Measures of pictures, on cases whose answer is known."""

from concurrent.futures import ThreadPoolExecutor

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


def test_a_picture_is_judged_with_one_core_and_all_else_keeps_its_own():
    cores = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        blank = np.full((128, 128, 3), 255, np.uint8)
        assert measures.judged("a red square", blank).missing == ("a red square",)
        assert torch.get_num_threads() == 2
        with ThreadPoolExecutor(1) as other:
            assert other.submit(torch.get_num_threads).result() == 2
        assert measures._alone().submit(torch.get_num_threads).result() == 1
    finally:
        torch.set_num_threads(cores)
