"""The word explorer: hover a word and see its pixels, hover a pixel and see its words."""

import base64
from dataclasses import asdict
from pathlib import Path

import numpy as np

from playground.models.words import Word
from playground.page.shared.view import Summing, chips, pack, raster, read

VIEW = read(Path(__file__).parent, overlay=True)
FULL = 65535  # shares travel as uint16


def message(text: str, error: bool = False) -> dict:
    """Only a sentence; the picture stays as it is."""
    return {"kind": "message", "text": text, "error": error}


def stopped() -> dict:
    """The visitor stopped the run: frames of it that arrive later are not shown."""
    return {"kind": "stopped", "text": "Stopped.", "stopped": True}


def sampling(
    run: str, preview: np.ndarray, size: tuple[int, int], step: int, count: int, left: float
) -> dict:
    """One frame while `run` is sampled: the pred_x0 (x̂0) preview uint8 [h, w, 3], seconds left."""
    return {
        "kind": "sampling", "run": run, "preview": raster(preview),
        "height": size[0], "width": size[1], "step": step, "count": count, "share": step / count,
        "left": round(left, 1),
    }  # fmt: skip


def finished(
    png: bytes,
    size: tuple[int, int],
    words: tuple[Word, ...],
    previews: list[np.ndarray],
    shares: dict[tuple[int, int], np.ndarray],
    masses: dict[tuple[int, int], np.ndarray],
    text: str,
    notes: list[str],
    name: str,
    link: str,
    summing: Summing,
    verdict: dict | None = None,
    joint: bool = False,
) -> dict:
    """Everything the explorer shows of a finished picture.

    `previews`: per step uint8 [h, w, 3]. `shares`: per grid, float [steps, words, h, w], each
    word's share of the attention that words get at a position. `masses`: per grid, [steps, 4], the
    attention on start token, words, end token and padding, averaged over positions; in `joint`
    attention the rest goes to the image. `link` is the recipe for `?r=`; for `verdict` see
    `judging.of`.
    """
    return {
        "kind": "finished",
        "png": base64.b64encode(png).decode(),
        "name": name,
        "link": link,
        "summing": asdict(summing),
        "verdict": verdict,
        "joint": joint,
        "height": size[0],
        "width": size[1],
        "words": chips(words),
        "previews": [raster(p) for p in previews],
        "levels": [
            {
                "h": h,
                "w": w,
                "steps": len(values),
                "shares": pack(np.round(values * FULL).astype(np.uint16)),
                "masses": np.round(masses[h, w], 4).tolist(),
            }
            for (h, w), values in sorted(shares.items(), reverse=True)
        ],
        "text": text,
        "notes": notes,
    }
