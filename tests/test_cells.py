"""One cell driven by hand: what it shows on the way is exact, for every sampler."""

import copy

import numpy as np
import pytest
import torch

from playground.diffusion.guidance import COND, UNCOND
from playground.diffusion.samplers import SAMPLERS
from playground.engine.cells import Cell
from playground.recipe import Recipe

CASES = [
    (s.name, prediction)
    for s in SAMPLERS.values()
    for prediction in s.predictions
    # Karras' steps fall between whole timesteps: only a constant ε can be told without their σ.
    if "karras" not in s.name or prediction == "epsilon"
]


def levels(timestep: float) -> tuple[float, float]:
    """√ᾱ and √(1 − ᾱ) of latent diffusion's schedule, from its definition.

    β = linspace(√0.00085, √0.012)² (Rombach et al. 2022; `scaled_linear` in diffusers).
    """
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)[round(timestep)]
    return kept**0.5, (1 - kept) ** 0.5


def cell_of(model, prediction: str = "epsilon", **recipe) -> Cell:
    model = copy.copy(model)
    model.scheduler_config = model.scheduler_config | {"prediction_type": prediction}
    return Cell(0, Recipe(width=64, height=64, **recipe), model, recorded=False)


@torch.inference_mode()
def drive(cell: Cell, x0: torch.Tensor, stochastic: bool):
    """Steps of a network that knows the picture x0, so that ε = (x_t − √ᾱ·x0)/√(1 − ᾱ).

    Without fresh noise this ε is the same at every call, whatever the timestep.
    """
    constant = None
    while not cell.done:
        noisy = cell.network_input()
        signal, noise = levels(float(cell.timestep))
        epsilon = (noisy - signal * x0) / noise
        if constant is None or stochastic:
            constant = epsilon
        answers = {
            "epsilon": constant,
            "v_prediction": signal * constant - noise * x0,
            "sample": x0.expand_as(noisy),
        }
        answer = answers[cell.scheduler.config.prediction_type]
        yield cell.advance(noisy, {UNCOND: answer, COND: answer}, None)


# Divisors of 1000: for others diffusers' DDIM and PNDM step down by 1000 // steps, while "trailing"
# timesteps are rounded, so that the network is told a timestep that is off by up to one.
@pytest.mark.parametrize("steps", [1, 2, 8, 20])
@pytest.mark.parametrize(("sampler", "prediction"), CASES)
def test_the_preview_is_the_clean_picture_at_every_call(sampler, prediction, steps, tiny):
    """Also at Heun's second call, whose σ is that of the next timestep."""
    cell = cell_of(tiny, prediction, sampler=sampler, steps=steps)
    x0 = torch.linspace(-1, 1, 4 * 8 * 8).view(4, 8, 8)
    calls = 0
    for step in drive(cell, x0, SAMPLERS[sampler].stochastic):
        assert step.index == calls
        for branch in (UNCOND, COND, "guided"):
            torch.testing.assert_close(step.clean[branch], x0, atol=5e-4, rtol=0)
        calls += 1
    assert calls == cell.count == cell.call


@pytest.mark.parametrize("sampler", [s for s in SAMPLERS if "karras" not in s])
def test_what_the_network_sees_is_mixed_as_it_was_in_training(sampler, tiny):
    """x_t = √ᾱ·x0 + √(1 − ᾱ)·ε with ε of unit spread, whatever scale the sampler works in."""
    cell = cell_of(tiny, sampler=sampler, steps=12)
    x0 = torch.linspace(-1, 1, 4 * 8 * 8).view(4, 8, 8)
    for step in drive(cell, x0, SAMPLERS[sampler].stochastic):
        signal, noise = levels(step.timestep)
        epsilon = (step.noisy - signal * x0) / noise
        assert float(epsilon.std()) == pytest.approx(1, abs=0.12)  # 256 numbers


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_last_sample_is_the_clean_picture(sampler, tiny):
    cell = cell_of(tiny, sampler=sampler, steps=10)
    x0 = torch.linspace(-1, 1, 4 * 8 * 8).view(4, 8, 8)
    list(drive(cell, x0, SAMPLERS[sampler].stochastic))
    # DDIM, DDPM, PNDM and DEIS end at the schedule's own smallest σ, 0.03, not at 0.
    torch.testing.assert_close(cell.sample[0], x0, atol=0.12, rtol=0)


def test_the_seed_is_the_starting_noise_and_the_size_its_shape(tiny):
    a, b, other = (cell_of(tiny, seed=s, sampler="ddim") for s in (1, 1, 2))
    assert torch.equal(a.sample, b.sample)
    assert not torch.equal(a.sample, other.sample)
    expected = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(a.sample, expected)  # as a stock pipeline would draw it
    wide = Cell(0, Recipe(width=192, height=64), tiny, recorded=False)
    assert wide.sample.shape == (1, 4, 8, 24)


def test_all_samplers_start_from_the_same_picture_of_noise(tiny):
    """A race from one noise: the networks' first inputs agree up to the samplers' rounding."""
    first = [cell_of(tiny, seed=5, sampler=s).network_input() for s in SAMPLERS]
    for noisy in first[1:]:
        torch.testing.assert_close(noisy, first[0], atol=0.02, rtol=0.02)


def test_numbers_that_run_away_end_the_cell_in_words(tiny):
    cell = cell_of(tiny, guidance=1.0)
    noisy = cell.network_input()
    with pytest.raises(FloatingPointError, match="ran away at call 1"):
        cell.advance(noisy, {COND: torch.full_like(noisy, torch.nan)}, None)


@pytest.mark.parametrize("prediction", ["flow_prediction", "unheard_of"])
def test_an_unknown_kind_of_prediction_is_refused(prediction, tiny):
    with pytest.raises(ValueError, match=prediction):
        cell_of(tiny, prediction)
