"""Write what a training made into assets/, as an ordinary diffusers folder with a model card."""

import copy
import hashlib
import json

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers import __version__ as diffusers_version
from transformers import CLIPTextModel, PreTrainedTokenizerFast

from playground.paths import ASSETS

FOLDER = ASSETS / "models" / "emoji-world"
CARD = "card.json"
SHARD = "9MB"  # every file stays below 10 MB, so that git needs no large-file extension

COMPONENTS = {
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
ABSENT = ("feature_extractor", "image_encoder", "safety_checker")


def _half(model: torch.nn.Module) -> torch.nn.Module:
    return copy.deepcopy(model).half()


def autoencoder(model: AutoencoderKL, **facts) -> None:
    _half(model).save_pretrained(FOLDER / "vae", max_shard_size=SHARD)
    write_card("autoencoder", model, facts)


def text_tower(model: CLIPTextModel, tokenizer: PreTrainedTokenizerFast, **facts) -> None:
    # In fp32: transformers loads what is stored, and a half tower would not fit a float U-Net.
    model.float().save_pretrained(FOLDER / "text_encoder", max_shard_size=SHARD)
    tokenizer.save_pretrained(FOLDER / "tokenizer")
    write_card("text", model, facts)


def denoiser(model: UNet2DConditionModel, scheduler: DDIMScheduler, **facts) -> None:
    _half(model).save_pretrained(FOLDER / "unet", max_shard_size=SHARD)
    scheduler.save_pretrained(FOLDER / "scheduler")
    index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": diffusers_version}
    index |= (
        COMPONENTS | {name: [None, None] for name in ABSENT} | {"requires_safety_checker": False}
    )
    (FOLDER / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    write_card("unet", model, facts)


def write_card(part: str, model: torch.nn.Module, facts: dict) -> None:
    """Replace one part of the card; the checksums are of every weight file now in the folder."""
    checksums = {
        str(file.relative_to(FOLDER)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(FOLDER.rglob("*.safetensors"))
    }
    parameters = sum(p.numel() for p in model.parameters())
    update_card(**{part: {"parameters": parameters} | facts}, sha256=checksums)


def update_card(**parts: dict) -> None:
    """Replace these parts of the card and keep the others."""
    path = FOLDER / CARD
    card = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(card | parts, indent=2) + "\n")


def facts(part: str) -> dict:
    """What the card says of a part's training; empty if it was not exported."""
    path = FOLDER / CARD
    return json.loads(path.read_text()).get(part, {}) if path.exists() else {}


def load_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(FOLDER / "unet", torch_dtype=torch.float32)


def load_autoencoder() -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(FOLDER / "vae", torch_dtype=torch.float32).eval()


def load_text() -> tuple[CLIPTextModel, PreTrainedTokenizerFast]:
    tower = CLIPTextModel.from_pretrained(FOLDER / "text_encoder", dtype=torch.float32).eval()
    return tower, PreTrainedTokenizerFast.from_pretrained(FOLDER / "tokenizer")
