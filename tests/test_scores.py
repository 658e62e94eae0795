"""The shipped models still draw what they are asked for: a sample of the cards' scores again."""

import numpy as np
import pytest

from playground.measuring.questions import CELLS
from playground.measuring.scores import SETTINGS, drawer_of, score
from playground.models import specs
from playground.wording import wilson
from playground.world import oracle

SAMPLE = 1  # picture of each of the thirteen cells


@pytest.mark.parametrize("model", SETTINGS)
def test_scores_are_not_below_the_card(model):
    """Within three standard errors of the mean that the card tells for the first settings."""
    drawer, judge, settings = drawer_of(model, "cpu"), oracle.load(), SETTINGS[model][:1]
    told = specs.get(model).card["means"][0]
    assert settings[0].items() <= told.items()
    found = [score(drawer, judge, task, held, SAMPLE, settings)["lenient"] for task, held in CELLS]
    assert np.mean(found) >= wilson(told["mean"], SAMPLE * len(CELLS), z=3)[0]
