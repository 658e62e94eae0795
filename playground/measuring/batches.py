"""Draw many pictures at once on an accelerator: every network call has a row of each.

The engine gives visitors their turns, a few rows a call; here nobody waits. Both draw the same
pictures up to rounding, stochastic samplers apart, whose fresh noise is drawn for a whole batch.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from playground.diffusion import guidance
from playground.diffusion.guidance import COND, UNCOND
from playground.diffusion.solvers import Scheduled
from playground.models.latent import LatentModel
from playground.models.load import load
from playground.models.prompt import Condition
from playground.recipe import Recipe

ROWS, DECODED = 500, 100  # pictures of a batch, and of one call of the decoder


def drawer(
    model: str, device: str = "cpu", lora: str = ""
) -> Callable[[Sequence[str], dict], np.ndarray]:
    """Pictures uint8 [n, h, w, 3] of prompts, drawn with seeds 0, 1, … on `device`."""
    loaded = load(model, lora)
    loaded.move(device)

    def drawn(prompts: Sequence[str], settings: dict) -> np.ndarray:
        recipe = Recipe(model=model, **settings)
        starts = range(0, len(prompts), ROWS)
        return np.concatenate([
            draw(loaded, prompts[start : start + ROWS], recipe, start) for start in starts
        ])  # fmt: skip

    return drawn


@torch.inference_mode()
def draw(model: LatentModel, prompts: Sequence[str], recipe: Recipe, seed: int = 0) -> np.ndarray:
    """Pictures of the recipe with each of the prompts, with `seed` and the seeds after it."""
    generators = [torch.Generator().manual_seed(seed + i) for i in range(len(prompts))]
    noise = torch.cat([model.noise(each, recipe.height, recipe.width) for each in generators])
    solver = Scheduled(
        recipe.sampler, model.scheduler_config, recipe.steps, noise, generators[0], recipe.eta,
        model.timing(recipe.steps, recipe.height, recipe.width),
    )  # fmt: skip
    conditions = {
        COND: _conditions(model, prompts, recipe),
        UNCOND: _conditions(model, [recipe.negative] * len(prompts), recipe),
    }
    for call, level in enumerate(solver.levels):
        latents, scale = solver.latents(call), guidance.scale_at(recipe, call, len(solver.levels))
        said: dict[str, Tensor] = {
            branch: model.predict(latents, [level] * len(prompts), conditions[branch])
            for branch in guidance.branches(scale, model.guidance_kind)
        }
        solver.step(call, guidance.combine(said, scale))
    return np.concatenate([model.decode(part) for part in solver.sample.split(DECODED)])


def _conditions(model: LatentModel, prompts: Sequence[str], recipe: Recipe) -> list[Condition]:
    embedded = recipe.guidance if model.guidance_kind is guidance.EMBEDDED else None
    size = (recipe.height, recipe.width)
    read = {text: model.encode(text) for text in dict.fromkeys(prompts)}
    return [Condition(read[text], embedded, size) for text in prompts]
