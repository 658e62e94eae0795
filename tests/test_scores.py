"""The shipped model still draws what it is asked for: a sample of the card's scores again."""

import numpy as np

from playground import Playground
from playground.measuring.scores import TASKS, score
from playground.models import specs
from playground.wording import wilson
from playground.world import oracle

SAMPLE = 13  # pictures a task: 104 in all


def test_scores_are_not_below_the_card():
    """Within three standard errors; prompts and seeds are the first ones of the card's."""
    playground, judge = Playground(prepared=True), oracle.load()
    card = {
        name: found["seen"]["lenient"]
        for name, found in specs.get("emoji-world").card["scores"].items()
    }
    assert card.keys() == TASKS.keys()
    found = [score(playground, judge, task, False, SAMPLE)["lenient"] for task in TASKS.values()]
    below = [share - wilson(share, SAMPLE, z=3)[0] for share in card.values()]
    assert np.mean(found) > np.mean(list(card.values())) - np.linalg.norm(below) / len(below)
