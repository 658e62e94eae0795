"""Accuracy orders, measured: how the error of each solver falls as steps are added.

Data ~ N(μ, s²) has a known ideal ε, and a probability-flow ODE that can be solved by hand: in
x/√ᾱ every point keeps its quantile, so (x/√ᾱ − μ)/√(s² + σ²) is constant (Song et al. 2021,
arXiv 2011.13456, eq. 13, for Gaussian data; Karras et al. 2022, arXiv 2206.00364, eq. 1).
"""

import diffusers
import numpy as np
import pytest
import torch

from playground.diffusion import samplers
from playground.diffusion.samplers import SAMPLERS

MEAN, SPREAD = 0.7, 0.5
STEPS = (20, 40, 50, 100)  # divisors of 1000: every spacing is then uniform
SOLVERS = [s for s in SAMPLERS.values() if not s.stochastic]


def log_uniform_schedule() -> dict:
    """σ from 20 to 0.05 in equal ratios: the variable in which the solvers' steps are uniform.

    On the usual schedule σ moves by large ratios near its end, and orders show only at
    thousands of steps.
    """
    sigmas = np.geomspace(0.05, 20, 1000)
    kept = 1 / (1 + sigmas**2)  # ᾱ
    betas = 1 - kept / np.concatenate([[1.0], kept[:-1]])
    return {
        "num_train_timesteps": 1000,
        "trained_betas": betas.tolist(),
        "prediction_type": "epsilon",
        "timestep_spacing": "trailing",
        "clip_sample": False,
        "set_alpha_to_one": False,
    }


def sigma_of(scheduler, call: int) -> float:
    """σ = √((1 − ᾱ)/ᾱ) at that call."""
    if hasattr(scheduler, "sigmas"):
        return float(scheduler.sigmas[call])
    kept = float(scheduler.alphas_cumprod[int(scheduler.timesteps[call])])
    return ((1 - kept) / kept) ** 0.5


def solve(name: str, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The solver's x/√ᾱ and the exact one, at the σ of its last call.

    What follows, the jump to σ = 0, is of first order in every solver, so it is left out.
    """
    scheduler = samplers.build(name, log_uniform_schedule(), steps)
    x = torch.linspace(-2, 2, 8, dtype=torch.float64).view(1, 1, 2, 4) * scheduler.init_noise_sigma
    for call, t in enumerate(scheduler.timesteps):
        sigma = sigma_of(scheduler, call)
        seen = scheduler.scale_model_input(x, t).double() * (1 + sigma**2) ** 0.5  # x/√ᾱ
        if call == 0:
            quantile = (seen - MEAN) / (SPREAD**2 + sigma**2) ** 0.5
        if call == len(scheduler.timesteps) - 1:
            return seen, MEAN + (SPREAD**2 + sigma**2) ** 0.5 * quantile
        ideal = sigma * (seen - MEAN) / (SPREAD**2 + sigma**2)  # E[ε | x]
        x = scheduler.step(ideal, t, x).prev_sample
    raise AssertionError("a schedule without calls")


def error(name: str, steps: int) -> float:
    found, exact = solve(name, steps)
    return float((found - exact).abs().max())


@pytest.mark.parametrize("sampler", SOLVERS, ids=lambda s: s.name)
def test_measured_order_is_the_tables(sampler):
    """Measured slopes: 0.98 Euler and DDIM, 1.93 to 2.06 the second order ones, 3.01 UniPC."""
    errors = [error(sampler.name, n) for n in STEPS]
    slope = -np.polyfit(np.log(STEPS), np.log(errors), 1)[0]
    assert slope == pytest.approx(sampler.order, abs=0.15)
    assert errors[-1] < 0.02  # it converges to the exact solution, not to some other


@pytest.mark.parametrize("steps", [7, 15, 20, 61, 84, 90, 91])
def test_ddim_is_euler(steps):
    """In x/√ᾱ, DDIM is Euler's method (Song et al. 2021, arXiv 2010.02502, eq. 14)."""

    def shrinking(name: str) -> torch.Tensor:
        # The ODE is linear in x/√ᾱ − μ, so where a sampler starts does not matter.
        found, exact = solve(name, steps)
        return (found - MEAN) / (exact - MEAN)

    torch.testing.assert_close(shrinking("ddim"), shrinking("euler"), atol=1e-5, rtol=0)
    assert not torch.allclose(shrinking("ddim"), shrinking("heun"), atol=1e-3)


def test_unipc_without_its_corrector_is_2m():
    """Its predictor of second order is that of DPM-Solver++ 2M; the corrector makes it third."""

    uncorrected = diffusers.UniPCMultistepScheduler.from_config(
        log_uniform_schedule(), disable_corrector=list(range(20))
    )
    uncorrected.set_timesteps(20)

    def ends(scheduler) -> torch.Tensor:
        x = torch.linspace(-2, 2, 8, dtype=torch.float64).view(1, 1, 2, 4)
        for call, t in enumerate(scheduler.timesteps):
            sigma = sigma_of(scheduler, call)
            seen = x * (1 + sigma**2) ** 0.5
            ideal = sigma * (seen - MEAN) / (SPREAD**2 + sigma**2)
            x = scheduler.step(ideal, t, x).prev_sample
        return x

    plain = ends(samplers.build("dpmpp_2m", log_uniform_schedule(), 20))
    torch.testing.assert_close(ends(uncorrected), plain, atol=1e-5, rtol=0)
    corrected = ends(samplers.build("unipc", log_uniform_schedule(), 20))
    assert not torch.allclose(corrected, plain, atol=1e-4)


@pytest.mark.parametrize("name", ["ddim", "pndm"])
def test_no_number_of_steps_is_worse_than_its_neighbours(name):
    """diffusers' own step by ⌊1000/n⌋, which does not end where the list does: their errors jump
    by up to 0.09. That timesteps are whole numbers costs PNDM, whose weights are for equal steps,
    up to 2e-4.
    """
    errors = np.array([error(name, steps) for steps in range(20, 101)])
    assert (errors[1:] < errors[:-1] + (2e-4 if name == "pndm" else 0)).all()


MODES, WIDTH = torch.tensor([-1.0, 1.0], dtype=torch.float64), 0.25


def of_two_modes(x: torch.Tensor, sigma: float, scale: float) -> torch.Tensor:
    """E[ε | x] for two modes, guided towards the right one of them."""
    variance = WIDTH**2 + sigma**2
    away = x[..., None] - MODES
    shares = (-(away**2) / (2 * variance)).softmax(-1)
    both, right = sigma * (shares * away).sum(-1) / variance, sigma * away[..., 1] / variance
    return both + scale * (right - both)


LAST = 99  # the last timestep of ten trailing ones: solutions are compared there


def end_of(name: str, steps: int, scale: float) -> torch.Tensor:
    scheduler = samplers.build(name, log_uniform_schedule(), steps)
    x = torch.linspace(-2, 2, 64, dtype=torch.float64).view(1, 1, 8, 8) * scheduler.init_noise_sigma
    for call, t in enumerate(scheduler.timesteps):
        sigma = sigma_of(scheduler, call)
        seen = scheduler.scale_model_input(x, t).double() * (1 + sigma**2) ** 0.5
        if int(t) == LAST:
            return seen
        x = scheduler.step(of_two_modes(seen, sigma, scale), t, x).prev_sample
    raise AssertionError(f"a schedule that leaves out t = {LAST}")


def test_at_strong_guidance_and_few_calls_the_lower_order_is_ahead():
    """Lu et al. 2022, arXiv 2211.01095, report it of pictures: DDIM 13.0 before 2M 14.4 (FID) at
    10 steps with strong guidance, behind it without.
    """

    def error(name: str, scale: float) -> float:
        exact = end_of("ddim", 1000, scale)
        return float((end_of(name, 10, scale) - exact).square().mean().sqrt())

    assert error("dpmpp_2m", 0.0) < error("ddim", 0.0)
    assert error("ddim", 7.5) < error("dpmpp_2m", 7.5)
