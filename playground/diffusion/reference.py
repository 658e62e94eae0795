"""The exact solution of the ODE that deterministic samplers solve: errors too small to be seen.

For variance-preserving models, in y = x/√ᾱ and σ = √((1 − ᾱ)/ᾱ), it is dy/dσ = ε̂(x, t(σ)) (Song
et al. 2021, arXiv 2010.02502, eq. 14); for rectified flow dx/dσ = ε̂ − pred_x0 (Liu et al. 2022,
arXiv 2209.03003, eq. 1). The classical Runge-Kutta method of fourth order follows it on a grid that
is fine where σ is small (Karras et al. 2022, arXiv 2206.00364, eq. 5); a second pass with half the
steps bounds the error. Latents are [rows, channels, h, w] as the network sees them.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from playground.diffusion import errors, levels, samplers
from playground.diffusion.levels import Level

STEPS = 32  # of the finer pass; each costs four network calls
RHO = 7.0
CALLS_PER_STEP = 4
SCALED_AT = 10  # steps of the run whose first call's scale is looked at

Said = tuple[Tensor, Tensor]  # pred_x0 and ε̂ of what the network was asked


class Curve(Protocol):
    """A schedule as an ODE in σ: dy/dσ = slope, where y is x scaled so that this is simple."""

    @property
    def high(self) -> float:
        """σ at the start, where the latents are noise."""
        ...

    @property
    def low(self) -> float:
        """σ at the end of the run."""
        ...

    def level(self, sigma: float) -> Level: ...
    def frame(self, x: Tensor, sigma: float) -> Tensor: ...
    def latents(self, y: Tensor, sigma: float) -> Tensor: ...
    def slope(self, said: Said) -> Tensor: ...


@dataclass(frozen=True)
class Preserving:
    """A variance-preserving schedule, by σ of every training timestep, rising."""

    sigmas: np.ndarray = field(repr=False)

    @property
    def high(self) -> float:
        return float(self.sigmas.max())

    @property
    def low(self) -> float:
        return float(self.sigmas.min())

    def level(self, sigma: float) -> Level:
        return levels.preserving_sigma(sigma, timestep_of(sigma, self.sigmas))

    def frame(self, x: Tensor, sigma: float) -> Tensor:
        return x * (1 + sigma**2) ** 0.5

    def latents(self, y: Tensor, sigma: float) -> Tensor:
        return y / (1 + sigma**2) ** 0.5

    def slope(self, said: Said) -> Tensor:
        return said[1]


@dataclass(frozen=True)
class Straight:
    """Rectified flow, whose timesteps are σ times their number; finite at σ = 1."""

    steps: int = 1000
    high: float = 1.0
    low: float = 1e-3

    def level(self, sigma: float) -> Level:
        return levels.flow(sigma, self.steps * sigma)

    def frame(self, x: Tensor, sigma: float) -> Tensor:
        return x

    def latents(self, y: Tensor, sigma: float) -> Tensor:
        return y

    def slope(self, said: Said) -> Tensor:
        return said[1] - said[0]


def curve_of(config: dict) -> Curve:
    """The ODE of a model's scheduler `config`; ValueError if it cannot be solved from noise."""
    if config.get("rescale_betas_zero_snr"):
        raise ValueError("There is no exact solution here: this model begins at σ = ∞ (zero SNR).")
    if samplers.is_flow(config):
        return Straight(config.get("num_train_timesteps", 1000))
    return Preserving(training_sigmas(config))


def training_sigmas(config: dict) -> np.ndarray:
    """σ of every training timestep, rising."""
    from diffusers import DDPMScheduler

    kept = DDPMScheduler.from_config(config).alphas_cumprod.double().numpy()
    return ((1 - kept) / kept) ** 0.5


def timestep_of(sigma: float, sigmas: np.ndarray) -> float:
    """t(σ) between the training timesteps, linear in log σ as in diffusers' `_sigma_to_t`."""
    return float(np.interp(np.log(sigma), np.log(sigmas), np.arange(len(sigmas))))


@dataclass(frozen=True, eq=False)
class Solution:
    """The exact solution from some starting noise.

    `path` [points, rows, c, h, w] goes down to the lowest σ; `clean` [rows, c, h, w] is pred_x0
    (x̂0) there, which is the result of samplers that end at σ = 0. `bound` [rows] is the RMSE
    between the ends of this pass and of one with half the steps.
    """

    path: Tensor
    clean: Tensor
    bound: np.ndarray

    def end(self, clean: bool) -> Tensor:
        """What an exact sampler ends at: clean latents, or those at the lowest σ."""
        return self.clean if clean else self.path[-1]


def passes(steps: int) -> tuple[int, int]:
    """Runge-Kutta steps of both passes, the coarse one first."""
    return steps // 2, steps


def calls(steps: int = STEPS) -> int:
    """Network calls (NFE) of both passes."""
    return sum(CALLS_PER_STEP * count + 1 for count in passes(steps))


def _roots(curve: Curve, steps: int) -> tuple[float, float]:
    """σ^(1/ρ) at the start, and the width of a step in it."""
    first, last = curve.high ** (1 / RHO), curve.low ** (1 / RHO)
    return first, (last - first) / steps


def asked_sigmas(curve: Curve, steps: int = STEPS) -> Iterator[float]:
    """σ of every network call of both passes; each pass ends with one call at the lowest σ."""
    for count in passes(steps):
        first, width = _roots(curve, count)
        for i in range(count):
            for part in (0, 0.5, 0.5, 1):
                yield (first + (i + part) * width) ** RHO
        yield curve.low


def solve(curve: Curve, start: Tensor, steps: int = STEPS) -> Generator[Tensor, Said, Solution]:
    """Yields the latents of every network call, is sent (pred_x0, ε̂), and returns the solution."""
    ends, path = [], []
    for count in passes(steps):
        path = [start]
        first, width = _roots(curve, count)
        y = curve.frame(start, curve.high)

        def ask(root: float, y: Tensor) -> Generator[Tensor, Said, Tensor]:
            """dy/d(σ^(1/ρ))."""
            said = yield curve.latents(y, root**RHO)
            return RHO * root ** (RHO - 1) * curve.slope(said)

        for i in range(count):
            root = first + i * width
            k1 = yield from ask(root, y)
            k2 = yield from ask(root + width / 2, y + width / 2 * k1)
            k3 = yield from ask(root + width / 2, y + width / 2 * k2)
            k4 = yield from ask(root + width, y + width * k3)
            y = y + width / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            path.append(curve.latents(y, (root + width) ** RHO))
        said = yield path[-1]
        ends.append(said[0])
    return Solution(torch.stack(path), ends[1], errors.rmse(*(end.numpy() for end in ends)))


def start_scale(name: str, config: dict, timing: Mapping[str, Any] | None = None) -> float:
    """The factor on standard normal noise in the latents of a sampler's first network call.

    Samplers written in ᾱ use the noise itself as latents of the last timestep: the factor is 1.
    Samplers written in σ scale it to its part of x, σ/√(1 + σ²), which at σ = 14.6 is 0.2 % less.
    """
    scheduler = samplers.build(name, config, SCALED_AT, timing)
    sample = torch.ones(1) * getattr(scheduler, "init_noise_sigma", 1.0)
    scaled = getattr(scheduler, "scale_model_input", lambda x, _: x)
    return round(float(scaled(sample, scheduler.timesteps[0])), 5)
