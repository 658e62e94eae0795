"""Pairs of scene and latents, encoded once and kept on disk."""

import itertools

import numpy as np
import torch
from diffusers import AutoencoderKL
from tqdm import tqdm

from playground.training.run import CHECKPOINTS, bfloat16_is_faster, to_tensor
from playground.world.grammar import stream
from playground.world.render import draw
from playground.world.scene import Scene

SEED, CHUNK = 2, 500


@torch.inference_mode()
def encode(model: AutoencoderKL, scenes: list[Scene]) -> torch.Tensor:
    """Latents [n, 4, 16, 16] of scenes."""
    images = to_tensor(np.stack([draw(s) for s in scenes]))
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16_is_faster()):
        return torch.cat([model.encode(b).latent_dist.mode() for b in images.split(10)]).float()


def load(model: AutoencoderKL, count: int, seed: int = SEED) -> tuple[list[Scene], torch.Tensor]:
    """The first `count` scenes of the stream with their latents; encodes what is missing."""
    folder = CHECKPOINTS / "latents" / fingerprint(model)
    folder.mkdir(parents=True, exist_ok=True)
    whole = -(-count // CHUNK) * CHUNK  # chunks are always full, whoever wrote them
    scenes = [scene for scene, _ in itertools.islice(stream(seed), whole)]
    chunks = []
    for start in tqdm(range(0, whole, CHUNK), desc="latents", mininterval=30):
        file = folder / f"{seed}-{start}.pt"
        if not file.exists():
            torch.save(encode(model, scenes[start : start + CHUNK]).half(), file)
        chunks.append(torch.load(file, weights_only=True))
    return scenes[:count], torch.cat(chunks)[:count].float()


def fingerprint(model: AutoencoderKL) -> str:
    """Latents depend on the encoder alone."""
    encoder = itertools.chain(model.encoder.parameters(), model.quant_conv.parameters())
    return f"{sum(float(p.detach().double().abs().sum()) for p in encoder):.6f}"
