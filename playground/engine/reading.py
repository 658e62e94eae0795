"""The task of reading a picture that is there already."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from playground.attention.summing import Aggregation
from playground.diffusion import guidance
from playground.engine.events import Given, Task
from playground.engine.session import Session
from playground.recipe import Recipe, RecipeError


def task(
    session: Session, defaults: Mapping[str, object], picture: np.ndarray, prompt: str,
    how: Aggregation, seed: int,
) -> Task:  # fmt: skip
    """What `Session.read` submits: one call a level of `how`, its conditional row alone.

    `defaults` are the recipe's fields that differ for this model. Raises RecipeError for an array
    that is no picture.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise RecipeError("A picture to be read is an array of uint8 [height, width, 3].")
    height, width, _ = picture.shape
    # One conditional row a call; a network that takes w as an input is given a usual one.
    usual = Recipe.for_model(session.facts.name, defaults)
    scale = usual.guidance if session.facts.guidance is guidance.EMBEDDED else 1.0
    recipe = replace(usual, prompt=prompt, guidance=scale, seed=seed, width=width, height=height)
    return Task(
        recipe, given=Given(session.encode(picture), how.levels(session.facts.scheduler_config))
    )
