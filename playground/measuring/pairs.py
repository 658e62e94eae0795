"""What a stock pipeline draws, and our model of the same weights."""

import inspect
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from torch import nn

from playground.diffusion import samplers
from playground.models import families
from playground.models.families.stock import packed, unpacked
from playground.models.latent import LatentModel
from playground.recipe import Recipe

# By tiny pipeline, the sampler and the w that its checkpoints are made for.
MADE_FOR = {
    "sd15": ("pndm", 5.0),
    "sd21": ("ddim", 5.0),
    "lcm": ("lcm", 8.5),
    "sdxl": ("euler", 5.0),
    "sdxl_turbo": ("euler_a", 1.0),
    "pixart": ("dpmpp_2m", 4.5),
    "sana": ("euler", 4.5),
    "sd3": ("euler", 4.0),
    "flux": ("euler", 4.0),
    "flux_schnell": ("euler", 1.0),
    "lumina2": ("euler", 4.0),
    "z_image": ("euler", 4.0),
    "qwen_image": ("euler", 4.0),
}
PACKED = ("FluxPipeline", "QwenImagePipeline")  # take and return latents as tokens
AS_ASKED = {"use_resolution_binning": False, "clean_caption": False}  # not resized, not cleaned


def loaded(folder: str | Path, **options) -> Any:
    """The stock pipeline of a folder, in evaluation mode."""
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True, **options)
    return settled(pipeline)


def settled(pipeline: Any) -> Any:
    """The pipeline in evaluation mode, without progress bars."""
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False)
    return pipeline


def model_of(pipeline: Any, name: str = "tiny") -> LatentModel:
    """Our model of the pipeline's own components."""
    family = families.get(type(pipeline).__name__)
    model = family.load_class().from_pipeline(name, pipeline, torch.zeros(1, 3))
    model.preview_map = torch.zeros(model.channels + 1, 3)  # its previews are grey
    return model


def stock(
    pipeline: Any, model: LatentModel, recipe: Recipe,
    scheduler: Any = None, output_type: str = "latent", **options,
) -> np.ndarray:  # fmt: skip
    """What the pipeline draws from the recipe's noise: latents [c, h, w], or pixels in 0 … 1.

    `scheduler` takes the place of the pipeline's own; `options` are told it besides.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    noise = model.noise(generator, recipe.height, recipe.width)
    packs, own = type(pipeline).__name__ in PACKED, pipeline.scheduler
    asked = {
        "prompt": recipe.prompt, "height": recipe.height, "width": recipe.width,
        "num_inference_steps": recipe.steps, "latents": packed(noise) if packs else noise,
        "generator": generator, "output_type": output_type, **_told(pipeline, recipe),
    }  # fmt: skip
    pipeline.scheduler = scheduler or own
    try:
        found = pipeline(**asked | options)[0]
    finally:
        pipeline.scheduler = own
    if output_type == "latent" and packs:
        found = unpacked(found, *noise.shape[2:])
    return np.asarray(found[0])


def _told(pipeline: Any, recipe: Recipe) -> dict[str, Any]:
    """w and the negative prompt, as this pipeline calls them."""
    kind, w = type(pipeline).__name__, recipe.guidance
    told: dict[str, Any] = {"guidance_scale": w}
    if kind in ("PixArtSigmaPipeline", "SanaPipeline"):
        told |= AS_ASKED
    elif kind == "ZImagePipeline":
        told = {"guidance_scale": w - 1}
    elif kind == "QwenImagePipeline":
        told = {"true_cfg_scale": w}
    elif kind == "FluxPipeline" and not pipeline.transformer.config.guidance_embeds:
        told = {"guidance_scale": 0.0, "max_sequence_length": 256}  # schnell's, as it was trained
    if recipe.negative and kind not in ("FluxPipeline", "LatentConsistencyModelPipeline"):
        told["negative_prompt"] = recipe.negative
    return told


def scheduler(sampler: str, config: Any) -> Any:
    """The sampler as one makes it in diffusers from the configuration of a pipeline's own."""
    record = samplers.get(sampler)
    if samplers.is_flow(config):
        assert record.flow is not None, "a sampler without a flow form is not offered"
        kind = getattr(diffusers, record.flow.scheduler)
        flow = {**samplers.FLOW, "flow_shift": config["shift"]} if record.flow.config else {}
        return kind.from_config(config, **flow)
    kind = getattr(diffusers, record.scheduler)
    clips = "clip_sample" in inspect.signature(kind).parameters
    return kind.from_config(config, **record.config, **{"clip_sample": False} if clips else {})


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of latents, of unit spread: some random networks make larger ones."""
    if not np.isfinite(expected).all():
        raise ValueError("The latents that are compared with are not finite.")
    return float(np.abs(found - expected).max() / max(1.0, float(expected.std())))
