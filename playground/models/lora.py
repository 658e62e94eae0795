"""LoRA: low-rank changes to a model's weights (Hu et al. 2021, arXiv 2106.09685), fused into them.

Fused, W + scale·B·A is a plain layer again: text keys and values that are computed once per prompt
stay right, and a call costs what it cost before.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from playground.models import loras
from playground.models.loras import LoraError

if TYPE_CHECKING:
    from torch import Tensor


def fuse(pipeline, text: str, model: str) -> None:
    """Change the weights of that model's pipeline as the LoRA that a recipe names says; for good.

    Raises what `loras.check` raises. After an error the pipeline is not to be used.
    """
    changed, (path, scale) = loras.check(text, model), loras.read(text)
    file = Path(path).expanduser()
    if loras.built_in(text):
        from safetensors.torch import load_file

        add(pipeline, load_file(file), scale)
        return
    if not hasattr(pipeline, "load_lora_weights"):
        raise LoraError("Models of this family take no LoRA.")
    try:
        pipeline.load_lora_weights(
            str(file.parent), weight_name=file.name, local_files_only=True, use_safetensors=True
        )
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoraError(_other_base(file)) from error
    if _layers(pipeline) < changed:
        raise LoraError(_other_base(file))
    pipeline.fuse_lora(lora_scale=scale)
    pipeline.unload_lora_weights()


def add(pipeline, weights: "Mapping[str, Tensor]", scale: float) -> None:
    """W + scale·B·A (Hu et al. 2021, eq. 3) of A and B as `training.adapter` writes them.

    As peft does it, which not everybody has: it makes diffusers a second slower to import.
    """
    for name, down in weights.items():
        if not name.endswith(".lora_A.weight"):
            continue
        layer = name.removesuffix(".lora_A.weight")
        part, _, path = layer.partition(".")
        weight = getattr(pipeline, part).get_submodule(path).weight.data
        up = weights[f"{layer}.lora_B.weight"]
        change = up.float().flatten(1) @ down.float().flatten(1)
        weight += scale * change.view_as(weight)


def _other_base(file: Path) -> str:
    return (
        f"{file.name} was made for another base model: choose the one that it was trained on, or "
        "another LoRA."
    )


def _layers(pipeline) -> int:
    """How many layers were changed: diffusers passes over those that it does not find."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from torch import nn

    parts = [part for part in pipeline.components.values() if isinstance(part, nn.Module)]
    return sum(isinstance(module, BaseTunerLayer) for part in parts for module in part.modules())
