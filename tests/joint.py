"""Small models of the families with joint attention, and what their stock pipelines draw."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from torch import Tensor, nn

from playground.diffusion import guidance, samplers
from playground.engine.engine import Engine
from playground.engine.events import Failure, Picture, Step
from playground.models import families
from playground.models.families.stock import StockModel, packed, unpacked
from playground.models.prompt import Condition
from playground.recipe import Recipe

SIZE = {"width": 128, "height": 96}
PACKED = ("flux", "flux_schnell", "qwen_image")
# By tiny pipeline: how its stock call is told w and negative words.
CALLS: dict[str, Callable[[float], dict[str, Any]]] = {
    "sd3": lambda w: {"guidance_scale": w, "negative_prompt": "blurry"},
    "flux": lambda w: {"guidance_scale": w},
    "flux_schnell": lambda w: {"guidance_scale": 0.0, "max_sequence_length": 256},
    "lumina2": lambda w: {"guidance_scale": w, "negative_prompt": "blurry"},
    "z_image": lambda w: {"guidance_scale": w - 1, "negative_prompt": "blurry"},
    "qwen_image": lambda w: {"true_cfg_scale": w, "negative_prompt": "blurry"},
}
TEXTS = ("a photo of a cat", "", "two dogs left of a small house in the snow, at night", "a cat")


def load(folder: Path, name: str) -> StockModel:
    """The model of a tiny pipeline of that name."""
    pipeline = DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False)
    made = families.get(type(pipeline).__name__).load_class()
    return made.from_pipeline(name, pipeline, torch.zeros(17, 3))


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


def stock(model: StockModel, wanted: Recipe, output_type: str = "latent"):
    """What the pipeline draws from the same noise: latents unpacked, or pixels in 0 … 1."""
    noise = model.noise(torch.Generator().manual_seed(wanted.seed), wanted.height, wanted.width)
    said = model.pipeline(
        wanted.prompt, height=wanted.height, width=wanted.width, num_inference_steps=wanted.steps,
        latents=packed(noise) if model.name in PACKED else noise, output_type=output_type,
        **CALLS[model.name](wanted.guidance),
    )[0]  # fmt: skip
    if output_type == "latent" and model.name in PACKED:
        return unpacked(said, *noise.shape[2:])[0]
    return said[0]


def row_inputs(model: StockModel) -> tuple[Tensor, list, list[Condition]]:
    """A row for each of TEXTS, each with latents, a level and a w of its own."""
    latents = torch.randn(len(TEXTS), 16, 12, 16, generator=torch.Generator().manual_seed(3))
    timing = model.timing(4, 96, 128)
    at = samplers.levels("euler", model.scheduler_config, 4, timing)
    told = [Condition(model.encode(t), 1.0 + i) for i, t in enumerate(TEXTS)]
    return latents, list(at), told
