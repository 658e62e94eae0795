"""The pipeline strip: what became of the visitor's words, stage by stage, shapes and seconds."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from playground.page.shared.view import raster, read

VIEW = read(Path(__file__).parent)


@dataclass(frozen=True)
class Stage:
    """One box of the strip: what it is, its shape, and pictures or tokens of it."""

    title: str
    shape: str
    text: str = ""
    seconds: float | None = None
    tokens: list[tuple[str, int]] = field(default_factory=list)
    rasters: list[dict] = field(default_factory=list)


def strip(stages: list[Stage], summary: str) -> dict:
    return {"stages": [asdict(stage) for stage in stages], "summary": summary}


def gray(values: np.ndarray) -> dict:
    """float [h, w] as a picture: its mean is mid-gray, two standard deviations reach the ends."""
    spread = 4 * float(values.std()) or 1.0
    level = np.clip((values - values.mean()) / spread + 0.5, 0, 1) * 255
    return raster(np.repeat(np.round(level).astype(np.uint8)[:, :, None], 3, axis=2))


def channels(latents: np.ndarray) -> list[dict]:
    """The channels of latents [channels, h, w], each as a gray picture."""
    return [gray(channel) for channel in latents]
