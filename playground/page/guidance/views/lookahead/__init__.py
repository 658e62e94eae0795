"""The look-ahead: any w at any step of a finished run, drawn by the browser alone.

pred_x0 (x̂0) is affine in the prediction and the preview is linear in x̂0. So the preview of plain
guidance at w is exactly U + w·(C − U) of the two branches' previews, before it is clipped to the
range of a screen.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playground.page.shared.view import pack, raster, read

VIEW = read(Path(__file__).parent)


@dataclass(frozen=True)
class Branches:
    """What one step's two predictions say.

    `uncond`, `cond`: previews of x̂0, float [h, w, 3], −1 … 1 and beyond. `noises`: ε̂_u and ε̂_c,
    float [channels, h, w]; `colours`: the same two through the preview's map, [h, w, 3].
    """

    uncond: np.ndarray
    cond: np.ndarray
    noises: tuple[np.ndarray, np.ndarray]
    colours: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Moment:
    """One step: its w, the preview uint8 [h, w, 3] that the run went on with, and both branches
    if they were computed.
    """

    scale: float
    guided: np.ndarray
    branches: Branches | None


def finished(
    moments: list[Moment],
    scale: float,
    words: list[tuple[str, np.ndarray]],
    text: str,
    without: str,
    notes: list[str],
    single: str = "",
) -> dict:
    """Everything the view shows of a run whose w is `scale`.

    `words`: per word its share of attention, float [steps, h, w]; `text` says what was computed,
    `without` what the branch U was given, `single` why there is one branch only, if the model has
    no other.
    """
    height, width, _ = moments[0].guided.shape
    return {
        "h": height,
        "w": width,
        "scale": scale,
        "steps": [_step(moment) for moment in moments],
        "words": [
            {"text": word, "h": maps.shape[1], "w": maps.shape[2], "maps": pack(_bytes(maps, 1))}
            for word, maps in words
        ],
        "text": text,
        "without": without,
        "notes": notes,
        "single": single,
    }


def _step(moment: Moment) -> dict:
    shown = {"scale": moment.scale, "guided": raster(moment.guided)}
    if moment.branches is None:
        return shown | {"both": False}
    b = moment.branches
    difference = b.noises[1] - b.noises[0]
    strength = np.sqrt((difference**2).sum(0))
    return shown | {
        "both": True,
        "uncond": pack(b.uncond.astype(np.float32)),
        "cond": pack(b.cond.astype(np.float32)),
        "noises": _noise_rasters(*b.colours),
        "length": _short(np.linalg.norm(difference)),
        "share": _short(np.linalg.norm(difference) / np.linalg.norm(b.noises[0])),
        "angle": _short(angle(*b.noises)),
        "map": pack(_bytes(strength, strength.max() or 1)),
        "peak": _short(strength.max()),
    }


def angle(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees between two arrays as vectors; exact also where they nearly agree (Kahan 2006)."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return float(np.degrees(2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b))))


def _noise_rasters(uncond: np.ndarray, cond: np.ndarray) -> dict:
    """ε̂_u, ε̂_c and their difference [h, w, 3] around mid-gray; `gain`: how much it is amplified."""
    reach = 3 * max(uncond.std(), cond.std(), 1e-9)
    spread = 3 * (cond - uncond).std() or reach  # none if both are given the same words
    return {
        "uncond": raster(_around_gray(uncond, reach)),
        "cond": raster(_around_gray(cond, reach)),
        "difference": raster(_around_gray(cond - uncond, spread)),
        "gain": _short(reach / spread),
    }


def _around_gray(colours: np.ndarray, reach: float) -> np.ndarray:
    return _bytes(colours / reach + 1, 2)


def _bytes(values: np.ndarray, full: float) -> np.ndarray:
    return np.round(np.clip(values / full, 0, 1) * 255).astype(np.uint8)


def _short(value: float) -> float:
    return float(f"{value:.4g}")
