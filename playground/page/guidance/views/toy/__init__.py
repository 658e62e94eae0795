"""Clouds of points that tiny denoisers drew, side by side: one panel per dropout, w on a slider."""

from pathlib import Path

import numpy as np

from playground.page.shared.view import pack, read

VIEW = read(Path(__file__).parent)


def message(text: str, share: float | None = None, error: bool = False) -> dict:
    """A sentence, and while something is learned the `share` 0 … 1 that is done."""
    return {"kind": "message", "text": text, "share": share, "error": error}


def stopped() -> dict:
    return message("Stopped.") | {"stopped": True}


def finished(
    dropouts: tuple[float, ...],
    scales: tuple[float, ...],
    samples: np.ndarray,
    found: np.ndarray,
    centres: np.ndarray,
    spread: float,
    text: str,
) -> dict:
    """`samples` [dropouts, scales, labels, points, 2], `found` [dropouts, scales, labels] the share
    of a cloud near a blob of its label, `centres` [labels, blobs, 2] and `spread` of the blobs.
    """
    return {
        "kind": "finished",
        "dropouts": list(dropouts),
        "scales": list(scales),
        "labels": samples.shape[2],
        "points": samples.shape[3],
        "samples": pack(samples.astype(np.float32)),
        "found": found.round(4).tolist(),
        "centres": centres.round(4).tolist(),
        "spread": spread,
        "text": text,
    }
