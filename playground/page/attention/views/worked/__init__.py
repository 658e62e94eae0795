"""The worked pixel: scores, weights and weighted values of one position, layer and head."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from playground.engine.session import WorkedLayer
from playground.page.attention.views.attention import label
from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)
LOWEST = -99.0  # replaces the score −∞ of a weight that became 0


def message(text: str, error: bool = False) -> dict:
    return {"kind": "message", "text": text, "error": error}


def unfit(text: str) -> dict:
    """Why there is none of the picture above; what was there of another one goes."""
    return message(text) | {"kind": "unfit"}


def stopped() -> dict:
    return message("Stopped.")


def worked(tokens: Sequence[str], content: int, step: int, layers: Sequence[WorkedLayer]) -> dict:
    """What the view shows; `tokens` names the columns: the start token, `content` ones, others.

    `step` counts from 0.
    """
    return {
        "kind": "worked",
        "tokens": list(tokens),
        "content": content,
        "step": step,
        "layers": [
            {
                "label": label(layer.name),
                "h": layer.grid[0],
                "w": layer.grid[1],
                "row": layer.place[0],
                "column": layer.place[1],
                "width": layer.width,
                "scores": _plain(layer.scores, 3),
                "weights": _plain(layer.weights, 5),
                "moves": _plain(layer.moves, 4),
                "moved": _plain(layer.moved, 4),
                "total": round(layer.total, 4),
                "feature": round(layer.feature, 4),
            }
            for layer in layers
        ],
    }


def _plain(array: np.ndarray, digits: int) -> list:
    numbers = np.nan_to_num(np.asarray(array, np.float64), neginf=LOWEST)
    if not math.isfinite(numbers.sum()):
        raise ValueError("The numbers at this position are no longer finite.")
    return np.round(numbers, digits).tolist()
