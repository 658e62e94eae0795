"""The path from noise to a picture, as a run goes it, and how straight it is.

A path is seen in two frames. As sampled, it is the latents x = signal·x0 + noise·ε over the
network's timestep t: where signal and noise change along a curve, so does x, whatever was learned.
Divided by signal + noise the latents are y = (1 − σ)·x0 + σ·ε with σ = noise/(signal + noise), the
frame of rectified flow. Such scalings of x and time change no path of the probability-flow ODE
(Karras et al. 2022, arXiv 2206.00364, eq. 4); in y it is dy/dσ = ε̂ − x̂0 for every model, and a step
of DDIM (Song et al. 2021, arXiv 2010.02502, eq. 12 with η = 0) is a step of Euler.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from playground.diffusion.levels import Level


@dataclass(frozen=True)
class Frame:
    """Where the latents of a level are, and when: `scale` multiplies x, `time` falls to the end."""

    name: str
    label: str
    scale: Callable[[Level], float]
    time: Callable[[Level], float]


SAMPLED = Frame("sampled", "x, as the network is given it", lambda at: 1.0, lambda at: at.t)
FLOW = Frame(
    "flow", "x divided by signal + noise",
    lambda at: 1 / (at.signal + at.noise), lambda at: at.noise / (at.signal + at.noise),
)  # fmt: skip
FRAMES = {frame.name: frame for frame in (SAMPLED, FLOW)}


@dataclass(frozen=True, eq=False)
class Path:
    """`places` [calls + 1, c, h, w] before every call and at the end, at falling `times`."""

    places: np.ndarray
    times: np.ndarray

    @property
    def _whole(self) -> tuple[np.ndarray, float]:
        """start − end, and the time that this takes."""
        return self.places[0] - self.places[-1], float(self.times[0] - self.times[-1])

    def bend(self) -> float:
        """How far the path is from a straight one at even speed: 0 if it is one.

        The integral of ‖(start − end) − v‖² over the path's time, its whole time counting as 1, by
        ‖start − end‖² (Liu et al. 2022, arXiv 2209.03003, eq. 5). v is that of every step as it was
        gone; for Euler it is what the network said.
        """
        way, time = self._whole
        widths = (self.times[:-1] - self.times[1:]) / time
        steps = (self.places[:-1] - self.places[1:]).reshape(len(widths), -1)
        away = ((way.ravel() - steps / widths[:, None]) ** 2).sum(1)
        return float((widths * away).sum() / (way**2).sum())

    def furthest(self) -> float:
        """The largest distance from a place to the straight line between start and end, as a share
        of that line's length. Speed plays no part.
        """
        way = self._whole[0].ravel()
        away = (self.places - self.places[-1]).reshape(len(self.places), -1)
        along = away @ way / (way @ way)
        aside = away - along[:, None] * way
        return float((aside**2).sum(1).max() ** 0.5 / (way @ way) ** 0.5)


def path(
    frame: Frame, latents: Sequence[np.ndarray], levels: Sequence[Level], end: np.ndarray,
    end_level: Level,
) -> Path:  # fmt: skip
    """Of a run: the latents [c, h, w] of its calls at their levels, and those at which it ends."""
    seen = list(zip([*latents, end], [*levels, end_level], strict=True))
    places = np.stack([frame.scale(level) * x.astype(np.float64) for x, level in seen])
    return Path(places, np.array([frame.time(level) for _, level in seen]))
