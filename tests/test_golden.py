"""The same recipes draw the same pictures as before, with every sampler and kind of guidance."""

import numpy as np
import pytest
from golden.draw import RECIPES, draw, kept

from playground.diffusion.samplers import GENERAL

CLOSE = 2  # of 255: what the order of floating-point sums may do


@pytest.fixture(scope="module")
def drawn() -> list[np.ndarray]:
    return list(draw(list(RECIPES.values())))


@pytest.mark.parametrize("number", range(len(RECIPES)))
def test_a_recipe_draws_what_it_drew(number, drawn):
    difference = np.abs(drawn[number].astype(int) - kept()[number])
    assert difference.max() <= CLOSE, list(RECIPES.values())[number].to_json()


def test_every_general_sampler_is_among_them():
    assert {recipe.sampler for recipe in RECIPES.values()} == set(GENERAL)
