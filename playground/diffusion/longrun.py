"""Runs of more steps than a recipe may have: DDPM's thousand, as it was published.

Ho et al. 2020, arXiv 2006.11239, algorithm 2; the network is shared call by call with everybody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from inspect import signature

import torch
from torch import Tensor

from playground.diffusion import reference, samplers
from playground.models.latent import LatentModel
from playground.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Moment:
    """After network call `index` (from 0) of `count`: latents and x̂0 [1, c, h, w]."""

    index: int
    count: int
    latents: Tensor
    clean: Tensor


@torch.inference_mode()
def run(
    model: LatentModel,
    recipe: Recipe,
    sampler: str,
    steps: int,
    predict: reference.Predict | None = None,
) -> Iterator[Moment]:
    """The recipe's words, seed and w with another sampler and any number of steps up to 1000.

    `sampler` is DDPM or DDIM, whose steps say x̂0; `predict` as in `reference.guided_noise`. Closing
    it stops the run.
    """
    scheduler = samplers.build(sampler, model.scheduler_config, steps)
    answer = reference.guided(model, [recipe.prompt], recipe.guidance, recipe.negative, predict)
    generator = torch.Generator().manual_seed(recipe.seed)
    x = model.noise(generator, recipe.height, recipe.width) * scheduler.init_noise_sigma
    takes = signature(scheduler.step).parameters
    extra = {"generator": generator} if "generator" in takes else {}
    count = len(scheduler.timesteps)
    for index, t in enumerate(scheduler.timesteps):
        done = scheduler.step(answer(x, float(t)), t, x, **extra)
        x = done.prev_sample
        yield Moment(index, count, x, done.pred_original_sample)
