"""Pairs of scene and latents, encoded once and kept on disk."""

import hashlib
import itertools
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from tqdm import tqdm

from playground.training.device import Device, choose
from playground.training.run import CHECKPOINTS, to_tensor, write
from playground.world.grammar import stream
from playground.world.render import draw
from playground.world.scene import Scene

SEED, CHUNK = 2, 500


@torch.inference_mode()
def encode(model: AutoencoderKL, images: np.ndarray, device: Device) -> torch.Tensor:
    """Latents [n, 4, h/8, w/8] of pictures uint8 [n, h, w, 3], on the device."""
    pictures = to_tensor(images, device.name).split(device.either(10, 250))
    with device.autocast():
        return torch.cat([model.encode(b).latent_dist.mode() for b in pictures]).float()


def load(
    model: AutoencoderKL, count: int, seed: int = SEED, device: Device | None = None
) -> tuple[list[Scene], torch.Tensor]:
    """The first `count` scenes of the stream with their latents [count, 4, 16, 16].

    Encodes what is missing on the disk. The latents are on the device, in float32.
    """
    device = device or choose()
    whole = -(-count // CHUNK) * CHUNK  # chunks are always full, whoever wrote them
    scenes = [scene for scene, _ in itertools.islice(stream(seed), whole)]
    chunks = []
    for start in tqdm(range(0, whole, CHUNK), desc="latents", mininterval=30):
        part = scenes[start : start + CHUNK]
        file = folder(model, device) / f"{digest(part)}.pt"
        if not file.exists():
            images = np.stack([draw(scene) for scene in part])
            write(encode(model, images, device).half().cpu(), file)
        chunks.append(torch.load(file, weights_only=True))
    return scenes[:count], torch.cat(chunks)[:count].to(device.name).float()


def folder(model: AutoencoderKL, device: Device) -> Path:
    """Where latents of this encoder in this precision are kept: both give other numbers."""
    precision = "bfloat16" if device.bfloat16 else "float32"
    found = CHECKPOINTS / "latents" / f"{fingerprint(model)}-{precision}"
    found.mkdir(parents=True, exist_ok=True)
    return found


def digest(scenes: list[Scene]) -> str:
    """A name for these scenes, so that what another grammar drew is not taken for them."""
    return hashlib.sha256(repr(scenes).encode()).hexdigest()[:16]


def fingerprint(model: AutoencoderKL) -> str:
    """Latents depend on the encoder alone."""
    encoder = itertools.chain(model.encoder.parameters(), model.quant_conv.parameters())
    return f"{sum(float(p.detach().cpu().double().abs().sum()) for p in encoder):.6f}"
