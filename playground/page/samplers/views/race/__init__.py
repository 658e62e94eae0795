"""The race: lanes that start from one noise, side by side, replayed, starred and compared.

A lane is known by its link, which is its recipe; what has arrived is explored in the browser alone.
"""

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from playground.page.shared.view import raster, read

VIEW = read(Path(__file__).parent)
AXES = ("sampler", "count", "guidance")  # along which lanes can lie in the grid


@dataclass(frozen=True)
class Lane:
    """What is known of a lane before it starts.

    `count` is what was asked for, in steps or network calls; `steps`, `calls` and `rows` are what
    that comes to, and `note` says why if it is not the same. `size` is (height, width) in pixels.
    """

    link: str
    sampler: str  # its label
    count: int
    guidance: float
    steps: int
    calls: int
    rows: int
    stochastic: bool
    note: str
    size: tuple[int, int]


def message(text: str, error: bool = False) -> dict:
    """Only a sentence; the race stays as it is."""
    return {"kind": "message", "text": text, "error": error}


def stopped() -> dict:
    """The visitor stopped the race: of frames that arrive later only the pictures count."""
    text = "Stopped. Finished pictures are kept for the next race; the others are previews."
    return {"kind": "stopped", "text": text}


def race(run: str, unit: str, lanes: list[dict], text: str, share: float) -> dict:
    """All lanes of the race `run`; `unit` is "steps" or "calls", `share` 0 … 1 how much is done."""
    return {
        "kind": "race", "run": run, "unit": unit, "lanes": lanes, "text": text, "share": share,
    }  # fmt: skip


def waiting(lane: Lane) -> dict:
    return asdict(lane) | {"state": "waiting"}


def sampling(lane: Lane, preview: np.ndarray, call: int) -> dict:
    """After so many network calls: its pred_x0 (x̂0) preview uint8 [h, w, 3]."""
    return asdict(lane) | {"state": "sampling", "previews": [raster(preview)], "call": call}


def ended(lane: Lane, reason: str, preview: np.ndarray | None, call: int) -> dict:
    """Without a picture, after so many calls; the last preview stays."""
    previews = [] if preview is None else [raster(preview)]
    return asdict(lane) | {"state": "ended", "reason": reason, "previews": previews, "call": call}


def finished(
    lane: Lane, png: bytes, previews: Sequence[np.ndarray], seconds: float, kept: bool
) -> dict:
    """`previews` of every call; `seconds` of its own; `kept` from an earlier race."""
    return asdict(lane) | {
        "state": "finished",
        "png": base64.b64encode(png).decode(),
        "previews": [raster(preview) for preview in previews],
        "call": lane.calls,
        "seconds": round(seconds, 3),
        "kept": kept,
    }
