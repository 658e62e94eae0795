"""How far latents and pictures are from the exact ones, and the plane that shows a path."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def rmse(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """[rows], root of the mean square over everything but rows."""
    difference = found.astype(np.float64) - exact
    return (difference**2).reshape(len(difference), -1).mean(1) ** 0.5


def psnr(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Decibels [n] between uint8 pictures [n, h, w, 3]; equal ones differ by half a level."""
    difference = found.astype(float) - exact
    error = (difference**2).mean((1, 2, 3)) ** 0.5
    return 20 * np.log10(255 / np.maximum(error, 0.5))


def slope(calls: Sequence[float], errors: Sequence[float]) -> float | None:
    """Measured order: minus the slope of log error against log calls; None for fewer than two."""
    if len(calls) < 2:
        return None
    return float(-np.polyfit(np.log(calls), np.log(errors), 1)[0])


@dataclass(frozen=True, eq=False)
class Plane:
    """The two directions in which a path moves most; `share` of its variance that they hold."""

    middle: np.ndarray
    axes: np.ndarray  # [2, c·h·w], orthonormal
    share: float

    def place(self, latents: np.ndarray) -> np.ndarray:
        """[n, 2] of latents [n, c, h, w]."""
        return (latents.reshape(len(latents), -1) - self.middle) @ self.axes.T


def plane(path: np.ndarray) -> Plane:
    """Principal components of the points [points, c, h, w] of a path."""
    points = path.reshape(len(path), -1)
    middle = points.mean(0)
    _, spread, axes = np.linalg.svd(points - middle, full_matrices=False)
    variance = spread**2
    return Plane(middle, axes[:2], float(variance[:2].sum() / variance.sum()))
