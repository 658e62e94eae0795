"""Load a model: weights in float32, safetensors only."""

import functools

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, PreTrainedTokenizerFast

from playground.models import specs
from playground.models.latent import LatentModel


@functools.lru_cache(maxsize=2)
def load(name: str) -> LatentModel:
    """The `LatentModel` of that name, float32, in evaluation mode; loaded once."""
    spec = specs.get(name)
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
