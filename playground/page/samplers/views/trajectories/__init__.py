"""The paths of several samplers from noise to a picture, in the plane of the reference's path."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)
DIGITS = 3


@dataclass(frozen=True)
class Trajectory:
    """`places` [calls + 1, 2]: latents before every call and the final ones, in the plane."""

    label: str
    places: np.ndarray
    stochastic: bool = False


def plane(budgets: dict[int, list[Trajectory]], exact: np.ndarray, share: float) -> dict:
    """`budgets`: paths by their largest number of calls; `exact` [points, 2] is the reference.

    `share` 0 … 1 of the reference's variance lies in this plane.
    """
    return {
        "budgets": [
            {"calls": calls, "ways": [_plain(path) for path in paths]}
            for calls, paths in budgets.items()
        ],
        "exact": exact.round(DIGITS).tolist(),
        "share": round(share, 4),
    }


def _plain(path: Trajectory) -> dict:
    places = path.places.round(DIGITS).tolist()
    return {"label": path.label, "places": places, "stochastic": path.stochastic}
