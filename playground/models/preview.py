"""A linear map from latents to colours, fitted once per autoencoder: a preview costs nothing.

Each spatial position of the latents, and 1, gives the mean colour of its pixels. That latents are
nearly linear in colour was noticed for Stable Diffusion (discuss.huggingface.co, thread 23204).
"""

import hashlib
import json

import numpy as np
import torch
from torch import Tensor

from playground.models import cache
from playground.models.latent import LatentModel

PICTURES = 8  # synthetic ones that are encoded for the fit
POSITIONS = 16  # of the latents, along a side of one
BLOBS = 12  # coloured shapes in one
SEED = 5


def fit(latents: Tensor, images: Tensor) -> Tensor:
    """The map [c + 1, 3] from latents [n, c, h, w] (and 1) to pictures [n, 3, H, W]: least squares.

    H is a whole multiple of h: a position is compared with the mean of its pixels.
    """
    ones = torch.ones_like(latents[:, :1])
    cells = torch.cat((latents, ones), 1).movedim(1, -1).flatten(0, 2)
    factor = images.shape[-1] // latents.shape[-1]
    colors = torch.nn.functional.avg_pool2d(images, factor).movedim(1, -1).flatten(0, 2)
    return torch.linalg.lstsq(cells, colors).solution


def of(model: LatentModel) -> Tensor:
    """The model's own map: from the cache, or fitted now (some seconds) and kept there."""
    name = f"preview-{fingerprint(model.vae)}"
    if (kept := _valid(cache.read(name), model.channels)) is not None:
        return kept
    images = pictures(POSITIONS * model.factor)
    latents = torch.cat([model.latents_of(image) for image in images])
    pixels = torch.tensor(images).float().movedim(-1, 1) / 127.5 - 1
    found = fit(latents, pixels)
    cache.keep(name, [[round(v, 5) for v in row] for row in found.tolist()])
    return found


def _valid(kept, channels: int) -> Tensor | None:
    """What a cache file holds, if it is a map for so many channels."""
    try:
        found = torch.tensor(kept, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        return None
    fits = found.shape == (channels + 1, 3) and bool(found.isfinite().all())
    return found if fits else None


def fingerprint(vae) -> str:
    """Of an autoencoder's settings and its encoder's weights."""
    made = hashlib.sha256()
    known = {name: value for name, value in vae.config.items() if not name.startswith("_")}
    made.update(json.dumps(known, sort_keys=True, default=str).encode())
    for name, weight in sorted(vae.encoder.state_dict().items()):
        made.update(name.encode())
        made.update(weight.float().cpu().contiguous().numpy().tobytes())
    return made.hexdigest()[:24]


def pictures(side: int, count: int = PICTURES) -> np.ndarray:
    """uint8 [count, side, side, 3]: soft and sharp shapes of every colour on gradients."""
    rng = np.random.default_rng(SEED)
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    return np.stack([_picture(rng, x, y) for _ in range(count)])


def _picture(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    corners = rng.random((3, 3))
    canvas = corners[0] + (corners[1] - corners[0]) * x[..., None]
    canvas = canvas + (corners[2] - canvas) * y[..., None] * 0.8
    for number in range(BLOBS):
        middle, radius = rng.random(2), rng.uniform(0.05, 0.3)
        away = np.hypot(x - middle[0], y - middle[1]) / radius
        inside = (away < 1) if number % 2 else np.exp(-2 * away**2)  # sharp ones and soft ones
        canvas += (rng.random(3) - canvas) * inside[..., None]
    return (255 * canvas.clip(0, 1)).astype(np.uint8)
