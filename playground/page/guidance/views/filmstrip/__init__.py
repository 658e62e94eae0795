"""The filmstrip: pictures that differ in one field of the recipe, scrubbed by a slider.

Pictures that arrive join the strip of their key in the browser; scrubbing asks the server nothing.
"""

import base64
from pathlib import Path

import numpy as np

from playground.page.shared.view import pack, raster, read

VIEW = read(Path(__file__).parent, overlay=True)


def message(text: str, error: bool = False) -> dict:
    """Only a sentence; the strip stays as it is."""
    return {"kind": "message", "text": text, "error": error}


def stopped() -> dict:
    """The visitor stopped the sweep: of frames that arrive later only the pictures count."""
    return {"kind": "stopped", "text": "Stopped. What was finished stays; the rest are previews."}


def strip(
    key: str,
    axis: str,
    label: str,
    frames: list[dict],
    text: str | None = None,
    share: float | None = None,
    run: str | None = None,
) -> dict:
    """`frames` of the strip named `key`, whose slider is called `axis`.

    `share` 0 … 1 is how much of the sweep `run` is done; a single picture is of no sweep, has
    neither, and leaves the status line as it is.
    """
    return {
        "kind": "strip", "key": key, "axis": axis, "label": label, "frames": frames,
        "text": text, "share": share, "run": run,
    }  # fmt: skip


def sampling(at: float, label: str, preview: np.ndarray, step: int, count: int) -> dict:
    """A picture that is being drawn: its pred_x0 (x̂0) preview uint8 [h, w, 3]."""
    shown = {"preview": raster(preview), "step": step, "count": count}
    return {"at": at, "label": label, "finished": False} | shown


def failed(at: float, label: str, reason: str) -> dict:
    return {"at": at, "label": label, "finished": False, "reason": reason}


def finished(
    at: float,
    label: str,
    size: tuple[int, int],
    png: bytes,
    words: list[tuple[str, np.ndarray]],
    text: str,
    link: str,
) -> dict:
    """A finished picture at position `at` of the slider.

    `words`: each word's share of attention, float [h, w]; `link` is its recipe for `?r=`.
    """
    return {
        "at": at,
        "label": label,
        "finished": True,
        "height": size[0],
        "width": size[1],
        "png": base64.b64encode(png).decode(),
        "words": [
            {"text": word, "h": map_.shape[0], "w": map_.shape[1], "map": pack(_codes(map_))}
            for word, map_ in words
        ],
        "text": text,
        "link": link,
    }


def _codes(shares: np.ndarray) -> np.ndarray:
    return np.round(np.clip(shares, 0, 1) * 255).astype(np.uint8)
