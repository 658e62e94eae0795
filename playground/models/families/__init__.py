"""How each kind of network is asked: one small file a family, and the table of them.

The family is chosen from a checkpoint's `model_index.json`, before any weight is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module


@dataclass(frozen=True)
class Family:
    """A stock pipeline that can be drawn with.

    `pipeline` is its class in diffusers (`_class_name` in model_index.json). `model` names the
    class that asks its network, as "module:Class" of this package: it is imported only when a
    checkpoint is loaded. `defaults` are the recipe's fields that a checkpoint of it begins with.
    """

    pipeline: str
    label: str
    model: str
    sentence: str
    defaults: Mapping[str, object] = field(default_factory=dict)

    def load_class(self) -> type:
        """The `LatentModel` of this family: its `from_pipeline(name, pipeline, preview_map)`."""
        module, name = self.model.split(":")
        return getattr(import_module(f"{__name__}.{module}"), name)


_TABLE = (
    Family(
        "StableDiffusionPipeline", "Stable Diffusion 1 and 2", "unet:UNetModel",
        "A U-Net that reads one CLIP text encoder by cross-attention.",
        {"width": 512, "height": 512, "sampler": "dpmpp_2m", "steps": 20, "guidance": 7.0},
    ),
    Family(
        "LatentConsistencyModelPipeline", "Latent consistency model", "unet:UNetModel",
        "A U-Net distilled to few steps, which takes w as an input.",
        {"width": 512, "height": 512, "sampler": "lcm", "steps": 4, "guidance": 8.0},
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
