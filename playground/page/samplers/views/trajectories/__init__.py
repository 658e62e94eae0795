"""The ways of several samplers from noise to a picture, in the plane of the reference's way."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)
DIGITS = 3


@dataclass(frozen=True)
class Way:
    """`places` [calls + 1, 2]: latents before every network call, and the final ones."""

    label: str
    places: np.ndarray
    stochastic: bool = False


def plane(budgets: dict[int, list[Way]], exact: np.ndarray, share: float) -> dict:
    """`budgets`: ways by their largest number of calls; `exact` [points, 2] is the reference.

    `share` 0 … 1 of the reference's variance lies in this plane.
    """
    return {
        "budgets": [
            {"calls": calls, "ways": [_way(way) for way in ways]} for calls, ways in budgets.items()
        ],
        "exact": exact.round(DIGITS).tolist(),
        "share": round(share, 4),
    }


def _way(way: Way) -> dict:
    places = way.places.round(DIGITS).tolist()
    return {"label": way.label, "places": places, "stochastic": way.stochastic}
