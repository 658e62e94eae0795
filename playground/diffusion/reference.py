"""The reference: the ODE that the deterministic samplers solve, solved far beyond what shows.

In y = x/√ᾱ and σ = √((1 − ᾱ)/ᾱ) it is dy/dσ = ε̂(x, t(σ)) (Song et al. 2021, arXiv 2010.02502,
eq. 14). The classical Runge-Kutta method of fourth order follows it on a grid that is fine where
σ is small (Karras et al. 2022, arXiv 2206.00364, eq. 5); a second pass with half the steps bounds
the error. Latents are [rows, channels, h, w] as the network sees them: √ᾱ·x0 + √(1 − ᾱ)·ε.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from playground.diffusion import guidance, samplers
from playground.diffusion.guidance import COND, UNCOND
from playground.models.latent import LatentModel, Prompt

STEPS = 32  # of the finer pass; each costs four network calls
RHO = 7.0
CALLS_PER_STEP = 4

Noise = Callable[[Tensor, float], Tensor]  # ε̂ of latents at σ
Predict = Callable[[Tensor, Tensor, Sequence[Prompt]], Tensor]  # as `LatentModel.predict`


def training_sigmas(config: dict) -> np.ndarray:
    """σ of every training timestep, rising."""
    from diffusers import DDPMScheduler

    kept = DDPMScheduler.from_config(config).alphas_cumprod.double().numpy()
    return ((1 - kept) / kept) ** 0.5


def timestep_of(sigma: float, sigmas: np.ndarray) -> float:
    """t(σ) between the training timesteps, linear in log σ as in diffusers' `_sigma_to_t`."""
    return float(np.interp(np.log(sigma), np.log(sigmas), np.arange(len(sigmas))))


def guided_noise(
    model: LatentModel,
    prompts: Sequence[str],
    scale: float,
    negative: str = "",
    predict: Predict | None = None,
) -> Noise:
    """The model's ε̂ under plain guidance, one prompt a row.

    `predict` answers instead of the model: a backend of the same network.
    """
    sigmas = training_sigmas(model.scheduler_config)
    answer = guided(model, prompts, scale, negative, predict)
    return lambda x, sigma: answer(x, timestep_of(sigma, sigmas))


def guided(
    model: LatentModel,
    prompts: Sequence[str],
    scale: float,
    negative: str = "",
    predict: Predict | None = None,
) -> Callable[[Tensor, float], Tensor]:
    """The same as a function of latents and timestep, for a loop of one's own."""
    predict = predict or model.predict
    said = {COND: [model.encode(p) for p in prompts], UNCOND: [model.encode(negative)]}
    said[UNCOND] *= len(prompts)
    branches = guidance.branches(scale)

    def answer(x: Tensor, timestep: float) -> Tensor:
        rows = torch.cat([x] * len(branches))
        times = torch.full((len(rows),), timestep)
        parts = predict(rows, times, [p for b in branches for p in said[b]])
        parts = parts.chunk(len(branches))
        return guidance.combine(dict(zip(branches, parts, strict=True)), scale)

    return answer


@dataclass(frozen=True, eq=False)
class Reference:
    """The exact way of some noise.

    `path` [points, rows, c, h, w] down to the lowest training σ; `clean` [rows, c, h, w] is x̂0
    there, where samplers jump that end at σ = 0. `bound` [rows] is the RMSE between the ends of
    this pass and of one with half the steps.
    """

    path: Tensor
    clean: Tensor
    bound: Tensor

    def end(self, scheduler) -> Tensor:
        """What `scheduler` would end at, were it exact: clean latents, or those at t = 0."""
        return self.clean if ends_clean(scheduler) else self.path[-1]


def ends_clean(scheduler) -> bool:
    """Does this scheduler's last step go to σ = 0, or to the training's lowest noise?"""
    sigmas = getattr(scheduler, "sigmas", None)
    if sigmas is not None:
        return float(sigmas[-1]) == 0
    return float(scheduler.final_alpha_cumprod) == 1


@torch.inference_mode()
def reference(
    noise: Noise, start: Tensor, sigmas: np.ndarray, steps: int = STEPS
) -> Iterator[float | Reference]:
    """Solve from `start` at the largest of `sigmas` to the least; shares done, then the result."""
    high, low = float(sigmas.max()), float(sigmas.min())
    ends, whole = [], steps + steps // 2
    for count, before in ((steps // 2, 0), (steps, steps // 2)):
        path = [start]
        for x in solve(noise, start, high, low, count):
            path.append(x)
            yield (before + len(path) - 1) / whole
        ends.append(clean_of(path[-1], noise(path[-1], low), low))
    yield Reference(torch.stack(path), ends[1], rmse(*ends))


def solve(noise: Noise, x: Tensor, high: float, low: float, steps: int) -> Iterator[Tensor]:
    """Latents after each Runge-Kutta step of fourth order, uniform in σ^(1/ρ)."""
    first, last = high ** (1 / RHO), low ** (1 / RHO)
    width = (last - first) / steps

    def slope(root: float, y: Tensor) -> Tensor:
        """dy/d(σ^(1/ρ))."""
        sigma = root**RHO
        return RHO * root ** (RHO - 1) * noise(y / (1 + sigma**2) ** 0.5, sigma)

    y = x * (1 + high**2) ** 0.5
    for i in range(steps):
        root = first + i * width
        k1 = slope(root, y)
        k2 = slope(root + width / 2, y + width / 2 * k1)
        k3 = slope(root + width / 2, y + width / 2 * k2)
        k4 = slope(root + width, y + width * k3)
        y = y + width / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        yield y / (1 + (root + width) ** (2 * RHO)) ** 0.5


def clean_of(x: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """x̂0 of latents with that ε̂."""
    return x * (1 + sigma**2) ** 0.5 - sigma * noise


def rmse(found: Tensor, exact: Tensor) -> Tensor:
    """[rows], root of the mean square over everything but rows."""
    return (found - exact).double().square().flatten(1).mean(1).sqrt()


def psnr(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Decibels [n] between uint8 pictures [n, h, w, 3]; equal ones differ by half a level."""
    difference = found.astype(float) - exact
    error = (difference**2).mean((1, 2, 3)) ** 0.5
    return 20 * np.log10(255 / np.maximum(error, 0.5))


def slope(calls: Sequence[float], errors: Sequence[float]) -> float | None:
    """Measured order: minus the slope of log error against log calls; none of fewer than two."""
    if len(calls) < 2:
        return None
    return float(-np.polyfit(np.log(calls), np.log(errors), 1)[0])


def start_scale(name: str, config: dict) -> float:
    """What a sampler multiplies standard normal noise by before the network first sees it.

    Those that count in ᾱ take noise for latents of the last timestep as it is; those that count
    in σ take it for the noise alone, which at σ = 14.6 is 0.2 % less of the whole.
    """
    scheduler = samplers.build(name, config, 10)
    sample = torch.ones(1) * scheduler.init_noise_sigma
    return round(float(scheduler.scale_model_input(sample, scheduler.timesteps[0])), 5)


@dataclass(frozen=True, eq=False)
class Plane:
    """The two directions in which a path moves most; `share` of its variance that they hold."""

    middle: Tensor
    axes: Tensor  # [2, c·h·w], orthonormal
    share: float

    def place(self, latents: Tensor) -> Tensor:
        """[n, 2] of latents [n, c, h, w]."""
        return (latents.flatten(1) - self.middle) @ self.axes.T


def plane(path: Tensor) -> Plane:
    """Principal components of the points [points, c, h, w] of a path."""
    points = path.flatten(1)
    middle = points.mean(0)
    _, spread, axes = torch.linalg.svd(points - middle, full_matrices=False)
    variance = spread.square()
    return Plane(middle, axes[:2], float(variance[:2].sum() / variance.sum()))
