"""Load a model: weights in float32, safetensors only, nothing from the network."""

import threading

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, PreTrainedTokenizerFast

from playground.models import specs
from playground.models.families.unet import UNetModel
from playground.models.latent import LatentModel
from playground.models.specs import ModelSpec

# transformers and accelerate patch torch.nn for the whole process while they build a module: two
# builds at the same time leave parameters without data.
_building = threading.Lock()


def load(name: str) -> LatentModel:
    """The model of that name, float32, in evaluation mode.

    Raises UnknownModelError for a name that is not in the table, UnsupportedNetworkError for a
    network that needs inputs which it would not be given.
    """
    spec = specs.get(name)
    with _building:
        return _read(spec)


def _read(spec: ModelSpec) -> LatentModel:
    weights = {
        "torch_dtype": torch.float32,
        "use_safetensors": True,
        "local_files_only": True,
        "low_cpu_mem_usage": False,  # if True, modules that other threads build have no data
    }
    vae = AutoencoderKL.from_pretrained(spec.folder, subfolder="vae", **weights)
    unet = UNet2DConditionModel.from_pretrained(spec.folder, subfolder="unet", **weights)
    text_encoder = CLIPTextModel.from_pretrained(
        spec.folder / "text_encoder", dtype=torch.float32, local_files_only=True
    )
    tokenizer = PreTrainedTokenizerFast.from_pretrained(
        spec.folder / "tokenizer", local_files_only=True
    )
    scheduler = DDIMScheduler.load_config(spec.folder / "scheduler")
    for module in (vae, unet, text_encoder):
        module.eval().requires_grad_(False)
    preview = spec.card["autoencoder"]["preview_map"]
    return UNetModel(spec.name, vae, text_encoder, tokenizer, unet, scheduler, preview)
