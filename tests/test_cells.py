"""One cell driven by hand: what it shows on the way is exact, for every sampler."""

import copy

import numpy as np
import pytest
import torch

from playground.diffusion import reference
from playground.diffusion.guidance import COND, UNCOND
from playground.diffusion.samplers import SAMPLERS
from playground.engine.cells import Cell, CellAnswer
from playground.engine.events import Task
from playground.recipe import Recipe, RecipeError

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
    return Cell(0, Task(Recipe(width=64, height=64, **recipe)), model)


@torch.inference_mode()
def drive(cell: Cell, x0: torch.Tensor, stochastic: bool):
    """Steps of a network that knows the picture x0, so that ε = (x_t − √ᾱ·x0)/√(1 − ᾱ).

    Without fresh noise this ε is the same at every call, whatever the timestep.
    """
    constant = None
    while not cell.done:
        noisy = cell.network_input()
        signal, noise = levels(cell.level.t)
        epsilon = (noisy - signal * x0) / noise
        if constant is None or stochastic:
            constant = epsilon
        answers = {
            "epsilon": constant,
            "v_prediction": signal * constant - noise * x0,
            "sample": x0.expand_as(noisy),
        }
        answer = answers[cell.prediction.name]
        yield cell.advance(noisy, CellAnswer({UNCOND: answer, COND: answer}))


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
            np.testing.assert_allclose(step.clean[branch], x0, atol=5e-4)
        calls += 1
    assert calls == cell.count == cell.call


@pytest.mark.parametrize("sampler", [s for s in SAMPLERS if "karras" not in s])
def test_what_the_network_sees_is_mixed_as_it_was_in_training(sampler, tiny):
    """x_t = √ᾱ·x0 + √(1 − ᾱ)·ε with ε of unit spread, whatever scale the sampler works in."""
    cell = cell_of(tiny, sampler=sampler, steps=12)
    x0 = torch.linspace(-1, 1, 4 * 8 * 8).view(4, 8, 8)
    for step in drive(cell, x0, SAMPLERS[sampler].stochastic):
        signal, noise = levels(step.level.t)
        epsilon = (step.latents - signal * x0.numpy()) / noise
        assert float(epsilon.std()) == pytest.approx(1, abs=0.12)  # 256 numbers


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_last_sample_is_the_clean_picture(sampler, tiny):
    cell = cell_of(tiny, sampler=sampler, steps=10)
    x0 = torch.linspace(-1, 1, 4 * 8 * 8).view(4, 8, 8)
    list(drive(cell, x0, SAMPLERS[sampler].stochastic))
    # DDIM, DDPM, PNDM and DEIS end at the schedule's own smallest σ, 0.03, not at 0.
    torch.testing.assert_close(cell.solver.sample[0], x0, atol=0.12, rtol=0)


def test_the_seed_is_the_starting_noise_and_the_size_its_shape(tiny):
    a, b, other = (cell_of(tiny, seed=s, sampler="ddim") for s in (1, 1, 2))
    assert torch.equal(a.solver.sample, b.solver.sample)
    assert not torch.equal(a.solver.sample, other.solver.sample)
    expected = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(a.solver.sample, expected)  # as a stock pipeline would draw it
    wide = Cell(0, Task(Recipe(width=192, height=64)), tiny)
    assert wide.shape == (1, 4, 8, 24)


def test_all_samplers_start_from_the_same_picture_of_noise(tiny):
    """A race from one noise: the networks' first inputs agree up to the samplers' rounding."""
    first = [cell_of(tiny, seed=5, sampler=s).network_input() for s in SAMPLERS]
    for noisy in first[1:]:
        torch.testing.assert_close(noisy, first[0], atol=0.02, rtol=0.02)


def test_numbers_that_are_not_finite_end_the_cell_in_words(tiny):
    cell = cell_of(tiny, guidance=1.0)
    noisy = cell.network_input()
    with pytest.raises(FloatingPointError, match="no longer finite at call 1"):
        cell.advance(noisy, CellAnswer({COND: torch.full_like(noisy, torch.nan)}))


@pytest.mark.parametrize("prediction", ["flow_prediction", "unheard_of"])
def test_an_unknown_kind_of_prediction_is_refused(prediction, tiny):
    with pytest.raises(ValueError, match=prediction):
        cell_of(tiny, prediction)


def test_a_cell_that_solves_the_ode_needs_plain_guidance(tiny):
    with pytest.raises(RecipeError, match="set the guider to Plain"):
        Cell(0, Task(Recipe(rescale=0.5), exact=1.0), tiny)


@torch.inference_mode()
def test_an_exact_cell_ends_where_a_constant_noise_leads(tiny):
    """With one ε at every σ the way is straight in σ, and both passes end at x0."""
    cell = Cell(0, Task(Recipe(width=64, height=64), exact=1.0), tiny)
    x0 = torch.linspace(-1, 1, 4 * 8 * 8).view(4, 8, 8)
    first = cell.level
    epsilon = (cell.network_input() - first.signal * x0) / first.noise
    while not cell.done:  # between, Runge-Kutta tries points beside the way
        cell.advance(cell.network_input(), CellAnswer({UNCOND: epsilon, COND: epsilon}))
    picture = cell.picture(np.zeros((64, 64, 3), np.uint8))
    np.testing.assert_allclose(picture.latents, x0, atol=5e-4)
    assert picture.calls == cell.count == reference.calls()
    assert picture.exact.path.shape == (reference.STEPS + 1, 4, 8, 8)
    assert picture.exact.bound < 1e-4


def test_more_steps_than_a_recipe_has_are_a_tasks(tiny):
    cell = Cell(0, Task(Recipe(sampler="ddpm"), steps=1000), tiny)
    assert cell.count == 1000
    assert [cell.solver.levels[i].t for i in (0, 1, 999)] == [999, 998, 0]
