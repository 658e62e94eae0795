"""The shipped model still draws what it is asked for: a sample of the card's scores again."""

import numpy as np

from playground.engine.engine import Engine
from playground.measuring.scores import TASKS, score, standard_error
from playground.models import specs
from playground.world import oracle

SAMPLE = 13  # pictures a task: 104 in all


def test_scores_are_not_below_the_card(shipped):
    """Within three standard errors; prompts and seeds are the first ones of the card's."""
    engine, judge = Engine(shipped), oracle.load()
    card = {
        name: found["seen"]["lenient"]
        for name, found in specs.get(shipped.name).card["scores"].items()
    }
    assert card.keys() == TASKS.keys()
    found = [score(engine, judge, task, False, SAMPLE)["lenient"] for task in TASKS.values()]
    errors = [standard_error(share, SAMPLE) for share in card.values()]
    error = np.sqrt(np.square(errors).sum()) / len(errors)
    assert np.mean(found) > np.mean(list(card.values())) - 3 * error
