"""The models there are, and how to load one."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

ASSETS = Path(__file__).parents[1] / "assets"


@dataclass(frozen=True)
class ModelSpec:
    name: str
    label: str
    folder: Path
    side: int  # pixels it was trained at
    largest: int  # longest side it is asked for
    sentence: str

    @property
    def card(self) -> dict:
        """What was measured and how it was made."""
        return json.loads((self.folder / "card.json").read_text())

    @property
    def prediction(self) -> str:
        """What its network predicts, as diffusers calls it."""
        config = json.loads((self.folder / "scheduler" / "scheduler_config.json").read_text())
        return config.get("prediction_type", "epsilon")


MODELS = {
    spec.name: spec
    for spec in (
        ModelSpec(
            "emoji-world", "Emoji world (built in)", ASSETS / "models" / "emoji-world", 128, 256,
            "Our own small latent diffusion model, trained on two CPU cores.",
        ),
    )
}  # fmt: skip


class UnknownModelError(ValueError):
    """No such name in MODELS."""


def get(name: str) -> ModelSpec:
    try:
        return MODELS[name]
    except KeyError:
        raise UnknownModelError(
            f"There is no model {name!r}; there are: {', '.join(MODELS)}."
        ) from None


@functools.lru_cache(maxsize=2)
def load(name: str):
    """The `LatentModel` of that name, float32, in evaluation mode; loaded once."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, PreTrainedTokenizerFast

    from playground.model import LatentModel

    spec = get(name)
    weights = {"torch_dtype": torch.float32, "use_safetensors": True, "local_files_only": True}
    vae = AutoencoderKL.from_pretrained(spec.folder, subfolder="vae", **weights)
    unet = UNet2DConditionModel.from_pretrained(spec.folder, subfolder="unet", **weights)
    tower = CLIPTextModel.from_pretrained(
        spec.folder / "text_encoder", dtype=torch.float32, local_files_only=True
    )
    tokenizer = PreTrainedTokenizerFast.from_pretrained(
        spec.folder / "tokenizer", local_files_only=True
    )
    scheduler = DDIMScheduler.load_config(spec.folder / "scheduler")
    for module in (vae, unet, tower):
        module.eval().requires_grad_(False)
    preview = spec.card["autoencoder"]["preview_map"]
    return LatentModel(name, vae, tower, tokenizer, unet, scheduler, preview)
