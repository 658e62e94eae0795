"""A picture noised to any timestep: latents mixed in the browser, and some of them decoded."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from playground.diffusion.levels import Level
from playground.page.shared.view import data_url, pack, read

VIEW = read(Path(__file__).parent)


def message(text: str, share: float | None = None, error: bool = False) -> dict:
    """Only a sentence, with the `share` 0 … 1 of the work that is done; the picture stays."""
    return {"kind": "message", "text": text, "share": share, "error": error}


def stopped() -> dict:
    return message("Stopped.") | {"stopped": True}


def finished(
    latents: np.ndarray,
    noise: np.ndarray,
    preview_map: np.ndarray,
    levels: Sequence[Level],
    decoded: dict[float, np.ndarray],
    text: str,
) -> dict:
    """`latents` and `noise` [c, h, w], `preview_map` [c + 1, 3], `levels` of every timestep.

    `decoded`: pictures uint8 of the noised latents, by timestep.
    """
    channels, height, width = latents.shape
    return {
        "kind": "finished",
        "c": channels,
        "h": height,
        "w": width,
        "latents": pack(latents.astype(np.float32)),
        "noise": pack(noise.astype(np.float32)),
        "map": preview_map.round(5).tolist(),
        "times": pack(np.array([level.t for level in levels], np.float32)),
        "signals": pack(np.array([level.signal for level in levels], np.float32)),
        "noises": pack(np.array([level.noise for level in levels], np.float32)),
        "decoded": [{"t": t, "image": data_url(image)} for t, image in decoded.items()],
        "flow": levels[-1].signal + levels[-1].noise == 1,  # rectified flow mixes by σ itself
        "text": text,
    }
