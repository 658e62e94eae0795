"""Small models of the families with joint attention, and what their stock pipelines draw."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from playground.diffusion import guidance, samplers
from playground.engine.engine import Engine
from playground.engine.events import Failure, Picture, Step
from playground.measuring import pairs
from playground.models.families.stock import StockModel
from playground.models.prompt import Condition
from playground.recipe import Recipe

SIZE = {"width": 128, "height": 96}
FAMILIES = ("sd3", "flux", "flux_schnell", "lumina2", "z_image", "qwen_image")
TEXTS = ("a photo of a cat", "", "two dogs left of a small house in the snow, at night", "a cat")


def load(folder: Path, name: str) -> StockModel:
    """The model of a tiny pipeline of that name."""
    return pairs.model_of(pairs.loaded(folder), name)


def recipe(model: StockModel, **fields) -> Recipe:
    w = 1.0 if model.guidance_kind is guidance.DISTILLED else 4.0
    usual = {"prompt": TEXTS[0], "negative": "blurry", "sampler": "euler", "steps": 4, "seed": 5}
    return Recipe(**SIZE | usual | {"guidance": w} | fields)


def drawn(model: StockModel, *recipes: Recipe, **options) -> list[Picture]:
    engine = Engine(model)
    found = [e for e in engine.submit(recipes, **options) if not isinstance(e, Step)]
    assert not [e.reason for e in found if isinstance(e, Failure)]
    engine.stop()
    return sorted(found, key=lambda picture: picture.cell)


def stock(model: StockModel, wanted: Recipe, output_type: str = "latent") -> np.ndarray:
    """What the pipeline draws from the same noise: latents unpacked, or pixels in 0 … 1."""
    return pairs.stock(model.pipeline, model, wanted, output_type=output_type)


def row_inputs(model: StockModel) -> tuple[Tensor, list, list[Condition]]:
    """A row for each of TEXTS, each with latents, a level and a w of its own."""
    latents = torch.randn(len(TEXTS), 16, 12, 16, generator=torch.Generator().manual_seed(3))
    timing = model.timing(4, 96, 128)
    at = samplers.levels("euler", model.scheduler_config, 4, timing)
    told = [Condition(model.encode(t), 1.0 + i) for i, t in enumerate(TEXTS)]
    return latents, list(at), told
