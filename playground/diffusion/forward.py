"""The forward process: a picture, encoded, with more and more noise.

x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·ε (Ho et al. 2020, arXiv 2006.11239, eq. 4); its signal-to-noise
ratio is ᾱ/(1 − ᾱ) = 1/σ² (Kingma et al. 2021, arXiv 2107.00630).
"""

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from playground.diffusion import reference
from playground.models.latent import LatentModel


def signals(config: dict) -> np.ndarray:
    """√ᾱ of every training timestep."""
    return 1 / (1 + reference.training_sigmas(config) ** 2) ** 0.5


def opaque(image: Image.Image) -> Image.Image:
    """8 bits a colour, white where it is transparent; ValueError if its range is unknown."""
    if image.mode.startswith("I;16"):  # Pillow would cut what is brighter than 255
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"How bright is white in a picture of mode {image.mode!r}?")
    with_alpha = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, with_alpha).convert("RGB")


@torch.inference_mode()
def encode(model: LatentModel, image: Image.Image, side: int) -> Tensor:
    """Latents [1, c, h, w] of the middle square of a picture, made `side` pixels wide."""
    fitted = ImageOps.fit(opaque(ImageOps.exif_transpose(image)), (side, side))
    pixels = torch.from_numpy(np.asarray(fitted).copy()).float().movedim(-1, 0)[None] / 127.5 - 1
    shift = getattr(model.vae.config, "shift_factor", None) or 0.0
    return (model.vae.encode(pixels).latent_dist.mode() - shift) * model.vae.config.scaling_factor


def noised(latents: Tensor, noise: Tensor, signal: float) -> Tensor:
    """x_t of latents and noise [n, c, h, w] where √ᾱ is `signal`."""
    return signal * latents + (1 - signal**2) ** 0.5 * noise
