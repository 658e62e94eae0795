"""How each kind of network is asked: one small file a family, and the table of them.

The family is chosen from a checkpoint's `model_index.json`, before any weight is read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from playground.diffusion.guidance import (
    BY_PATCHES,
    BY_ROWS,
    CLASSIFIER_FREE,
    DISTILLED,
    EMBEDDED,
    Z_IMAGE,
    Kind,
)


@dataclass(frozen=True)
class Family:
    """A stock pipeline that can be drawn with.

    `pipeline` is its class in diffusers (`_class_name` in model_index.json). `model` names the
    class that asks its network, as "module:Class" of this package: it is imported only when a
    checkpoint is loaded. `defaults` are the recipe's fields that a checkpoint of it begins with;
    `guidance` tells from its network's configuration what w means there.
    """

    pipeline: str
    label: str
    model: str
    sentence: str
    defaults: Mapping[str, object] = field(default_factory=dict)
    guidance: Callable[[Mapping], Kind] = lambda config: CLASSIFIER_FREE

    def load_class(self) -> type:
        """The `LatentModel` of this family: its `from_pipeline(name, pipeline, preview_map)`."""
        module, name = self.model.split(":")
        return getattr(import_module(f"{__name__}.{module}"), name)


def _of_unet(config: Mapping) -> Kind:
    """A U-Net that was distilled for it takes w as an input, whichever pipeline it is stored in."""
    return EMBEDDED if config.get("time_cond_proj_dim") else CLASSIFIER_FREE


_TABLE = (
    Family(
        "StableDiffusionPipeline", "Stable Diffusion 1 and 2", "unet:UNetModel",
        "A U-Net that reads one CLIP text encoder by cross-attention.",
        {"width": 512, "height": 512, "sampler": "dpmpp_2m", "steps": 20, "guidance": 7.0},
        _of_unet,
    ),
    Family(
        "LatentConsistencyModelPipeline", "Latent consistency model", "unet:UNetModel",
        "A U-Net distilled to few steps, which takes w as an input.",
        {"width": 512, "height": 512, "sampler": "lcm", "steps": 4, "guidance": 8.0},
        lambda config: EMBEDDED,
    ),
    Family(
        "StableDiffusionXLPipeline", "SDXL", "sdxl:SDXLModel",
        "A U-Net that reads two CLIP text encoders by cross-attention; Turbo and Lightning too.",
        {"width": 1024, "height": 1024, "sampler": "dpmpp_2m", "steps": 25, "guidance": 5.0},
        _of_unet,
    ),
    Family(
        "PixArtSigmaPipeline", "PixArt-Sigma", "pixart:PixArtModel",
        "A transformer that reads T5 by cross-attention.",
        {"width": 1024, "height": 1024, "sampler": "dpmpp_2m", "steps": 20, "guidance": 4.5},
    ),
    Family(
        "SanaPipeline", "Sana", "sana:SanaModel",
        "A transformer of rectified flow that reads Gemma by cross-attention.",
        {"width": 1024, "height": 1024, "sampler": "dpmpp_2m", "steps": 20, "guidance": 4.5},
    ),
    Family(
        "StableDiffusion3Pipeline", "Stable Diffusion 3 and 3.5", "sd3:SD3Model",
        "A transformer of rectified flow: image, two CLIP text encoders and T5 in one attention.",
        {"width": 1024, "height": 1024, "sampler": "euler", "steps": 28, "guidance": 7.0},
    ),
    Family(
        "FluxPipeline", "Flux.1", "flux:FluxModel",
        "A transformer of rectified flow: T5 and image in one attention; dev takes w as an input.",
        {"width": 1024, "height": 1024, "sampler": "euler", "steps": 28, "guidance": 3.5},
        lambda config: EMBEDDED if config.get("guidance_embeds") else DISTILLED,  # dev, schnell
    ),
    Family(
        "Lumina2Pipeline", "Lumina Image 2.0", "lumina:LuminaModel",
        "A transformer of rectified flow: Gemma's tokens and image in one attention.",
        {"width": 1024, "height": 1024, "sampler": "euler", "steps": 30, "guidance": 4.0},
        lambda config: BY_ROWS,
    ),
    Family(
        "ZImagePipeline", "Z-Image", "zimage:ZImageModel",
        "A transformer of rectified flow: image and Qwen3's tokens in one attention.",
        {"width": 1024, "height": 1024, "sampler": "euler", "steps": 9, "guidance": 1.0},
        lambda config: Z_IMAGE,
    ),
    Family(
        "QwenImagePipeline", "Qwen-Image", "qwen:QwenImageModel",
        "A transformer of rectified flow: Qwen2.5-VL's tokens and image in one attention.",
        {"width": 1024, "height": 1024, "sampler": "euler", "steps": 30, "guidance": 4.0},
        lambda config: BY_PATCHES,
    ),
)  # fmt: skip
FAMILIES = {family.pipeline: family for family in _TABLE}


class UnknownFamilyError(ValueError):
    """No such pipeline in FAMILIES."""


def get(pipeline: str) -> Family:
    try:
        return FAMILIES[pipeline]
    except KeyError:
        known = ", ".join(FAMILIES)
        raise UnknownFamilyError(
            f"A {pipeline} cannot be drawn with here; what can: {known}."
        ) from None
