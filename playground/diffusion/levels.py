"""How much signal and how much noise the latents of one network call hold, and what follows.

Every diffusion model is given x = signal·x0 + noise·ε at a timestep t. Variance-preserving models
(Ho et al. 2020, arXiv 2006.11239, eq. 4) have signal √ᾱ and noise √(1 − ᾱ); rectified flow (Liu et
al. 2022, arXiv 2209.03003; Lipman et al. 2022, arXiv 2210.02747) has signal 1 − σ and noise σ. What
a network predicts is one of the linear combinations in PREDICTIONS: each of them gives pred_x0
(x̂0) and ε̂, and can be computed from pred_x0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Latents = Any  # a tensor or a numpy array: the formulas hold for both


@dataclass(frozen=True)
class Level:
    """x = signal·x0 + noise·ε, and the timestep t that the network is given."""

    signal: float
    noise: float
    t: float

    @property
    def sigma(self) -> float:
        """noise/signal, the spread of the noise on a picture of unit signal; ∞ without signal."""
        return self.noise / self.signal if self.signal else math.inf

    def mix(self, clean: Latents, noise: Latents) -> Latents:
        """x of a picture and standard normal noise: the forward process."""
        return self.signal * clean + self.noise * noise


def preserving(alpha_bar: float, t: float) -> Level:
    """The variance-preserving level of ᾱ (Ho et al. 2020, eq. 4)."""
    return Level(alpha_bar**0.5, (1 - alpha_bar) ** 0.5, t)


def preserving_sigma(sigma: float, t: float) -> Level:
    """The variance-preserving level where noise/signal is σ: ᾱ = 1/(1 + σ²)."""
    return preserving(1 / (1 + sigma**2), t)


def flow(sigma: float, t: float) -> Level:
    """The rectified-flow level of σ: a straight line from the picture (0) to the noise (1)."""
    return Level(1 - sigma, sigma, t)


@dataclass(frozen=True)
class Prediction:
    """What a network predicts; its functions take latents x, the prediction `said`, a level.

    `clean` is pred_x0, `noise` is ε̂, and `back(x, clean, level)` is what the network would have
    said for this pred_x0.
    """

    name: str  # diffusers' `prediction_type`
    clean: Callable[[Latents, Latents, Level], Latents]
    noise: Callable[[Latents, Latents, Level], Latents]
    back: Callable[[Latents, Latents, Level], Latents]


# Salimans & Ho 2022, arXiv 2202.00512, appendix D (ε, x0, v = √ᾱ·ε − √(1 − ᾱ)·x0); the velocity of
# the straight line is ε − x0 (Liu et al. 2022, eq. 1). `back` divides by noise, which is never 0
# where a network is called.
_TABLE = (
    Prediction(
        "epsilon",
        clean=lambda x, said, at: (x - at.noise * said) / at.signal,
        noise=lambda x, said, at: said,
        back=lambda x, clean, at: (x - at.signal * clean) / at.noise,
    ),
    Prediction(
        "v_prediction",
        clean=lambda x, said, at: at.signal * x - at.noise * said,
        noise=lambda x, said, at: at.noise * x + at.signal * said,
        back=lambda x, clean, at: (at.signal * x - clean) / at.noise,
    ),
    Prediction(
        "sample",
        clean=lambda x, said, at: said,
        noise=lambda x, said, at: (x - at.signal * said) / at.noise,
        back=lambda x, clean, at: clean,
    ),
    Prediction(
        "flow_prediction",
        clean=lambda x, said, at: x - at.noise * said,
        noise=lambda x, said, at: x + at.signal * said,
        back=lambda x, clean, at: (x - clean) / at.noise,
    ),
)
PREDICTIONS = {prediction.name: prediction for prediction in _TABLE}


class UnknownPredictionError(ValueError):
    """No such name in PREDICTIONS."""


def prediction(name: str) -> Prediction:
    """The record of that name; raises UnknownPredictionError, which lists the known ones."""
    try:
        return PREDICTIONS[name]
    except KeyError:
        known = ", ".join(PREDICTIONS)
        raise UnknownPredictionError(
            f"There is no prediction type {name!r}; there are: {known}."
        ) from None
