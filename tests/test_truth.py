"""The reference solution: exact where a solution is known, and bounded by its own doubling."""

import itertools

import diffusers
import numpy as np
import pytest
import torch

from playground.diffusion import reference, samplers
from playground.engine import backends
from playground.engine.cells import Picture, Step
from playground.engine.engine import Engine
from playground.recipe import Recipe

MEAN, SPREAD = 0.7, 0.5
SIGMAS = np.geomspace(0.05, 15, 1000)


def gaussian_noise(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """E[ε | x] if the data is N(MEAN, SPREAD²)."""
    return sigma * (x * (1 + sigma**2) ** 0.5 - MEAN) / (SPREAD**2 + sigma**2)


def solved(steps: int) -> reference.Reference:
    start = torch.linspace(-2, 2, 8, dtype=torch.float64).view(2, 1, 2, 2)
    *_, result = reference.reference(gaussian_noise, start, SIGMAS, steps)
    return result


def exact(start: torch.Tensor) -> torch.Tensor:
    """Every point keeps its quantile; tests/test_orders.py has the source."""
    low, high = SIGMAS[0], SIGMAS[-1]
    quantile = (start * (1 + high**2) ** 0.5 - MEAN) / (SPREAD**2 + high**2) ** 0.5
    return (MEAN + (SPREAD**2 + low**2) ** 0.5 * quantile) / (1 + low**2) ** 0.5


def test_the_reference_is_the_known_solution():
    found = solved(32)
    assert found.path.shape == (33, 2, 1, 2, 2)
    torch.testing.assert_close(found.path[-1], exact(found.path[0]), atol=2e-5, rtol=0)
    low = SIGMAS[0]
    expected = reference.clean_of(found.path[-1], gaussian_noise(found.path[-1], low), low)
    torch.testing.assert_close(found.clean, expected)


def test_the_reference_is_of_fourth_order_and_its_bound_shrinks_under_doubling():
    steps = (8, 16, 32, 64)
    results = [solved(n) for n in steps]
    errors = [float(reference.rmse(r.path[-1], exact(r.path[0])).max()) for r in results]
    bounds = [float(r.bound.max()) for r in results]
    assert reference.slope(steps, errors) == pytest.approx(4, abs=0.3)
    assert all(finer < coarser / 8 for coarser, finer in itertools.pairwise(bounds))
    assert all(error < bound for error, bound in zip(errors, bounds, strict=True))


def test_progress_rises_to_the_result():
    start = torch.zeros(1, 1, 2, 2)
    *shares, _ = reference.reference(gaussian_noise, start, SIGMAS, 4)
    assert shares == pytest.approx(np.arange(1, 7) / 6)


def test_timesteps_are_diffusers_own(tiny):
    sigmas = reference.training_sigmas(tiny.scheduler_config)
    scheduler = diffusers.DPMSolverMultistepScheduler.from_config(
        tiny.scheduler_config, use_exponential_sigmas=True
    )
    scheduler.set_timesteps(17)
    for sigma, t in zip(scheduler.sigmas[:-1].tolist(), scheduler.timesteps.tolist(), strict=True):
        assert reference.timestep_of(sigma, sigmas) == pytest.approx(t, abs=1)  # theirs are cut
    assert reference.timestep_of(sigmas[321], sigmas) == pytest.approx(321)


def test_samplers_come_to_the_reference_of_the_real_network(shipped):
    """Each to the end that its last step has: x̂0, or latents with the training's least noise."""
    recipes = [
        Recipe(prompt="two foxes in the snow", sampler=name, steps=100, guidance=3.0)
        for name in ("ddim", "dpmpp_2m")
    ]
    events = list(Engine(shipped).submit(recipes))
    first, second = (e for e in events if isinstance(e, Step) and e.index == 0)
    assert torch.equal(first.noisy, second.noisy)  # they start at the same latents
    noise = reference.guided_noise(shipped, [recipes[0].prompt], 3.0)
    sigmas = reference.training_sigmas(shipped.scheduler_config)
    *_, found = reference.reference(noise, first.noisy[None], sigmas, 16)
    for picture in (e for e in events if isinstance(e, Picture)):
        scheduler = samplers.build(picture.recipe.sampler, shipped.scheduler_config, 100)
        end, latents = found.end(scheduler), picture.latents[None]
        error = float(reference.rmse(latents, end)[0])
        other = found.path[-1] if reference.ends_clean(scheduler) else found.clean
        assert error < 0.05 * float(end.std())
        assert error < float(reference.rmse(latents, other)[0])


@pytest.mark.parametrize("name", [s.name for s in samplers.SAMPLERS.values() if not s.stochastic])
def test_where_each_sampler_ends(name, tiny):
    scheduler = samplers.build(name, tiny.scheduler_config, 10)
    assert reference.ends_clean(scheduler) == (name not in ("ddim", "pndm", "deis"))


def test_guided_noise_is_what_the_formula_says(tiny):
    x, sigma = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0)), 2.0
    parts = {
        w: reference.guided_noise(tiny, ["a cat", "a red square"], w)(x, sigma)
        for w in (0.0, 1.0, 5.0)
    }
    expected = parts[0.0] + 5 * (parts[1.0] - parts[0.0])
    torch.testing.assert_close(parts[5.0], expected, atol=1e-5, rtol=1e-4)


def test_a_backend_of_the_same_network_may_answer(tiny):
    x, asked = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)), []

    def predict(latents, timesteps, prompts):
        asked.append(len(latents))
        return tiny.predict(latents, timesteps, prompts)

    found = reference.guided_noise(tiny, ["a cat"], 5.0, predict=predict)(x, 2.0)
    assert torch.equal(found, reference.guided_noise(tiny, ["a cat"], 5.0)(x, 2.0))
    assert asked == [2]
    assert torch.equal(backends.Eager(tiny).predict(x, torch.tensor([9.0]), [tiny.encode("a cat")]),
                       tiny.predict(x, torch.tensor([9.0]), [tiny.encode("a cat")]))  # fmt: skip


def test_errors_of_known_size():
    zero, two = torch.zeros(2, 1, 2, 2), torch.full((2, 1, 2, 2), 2.0)
    assert reference.rmse(zero, two).tolist() == [2, 2]
    black, gray = np.zeros((1, 4, 4, 3), np.uint8), np.full((1, 4, 4, 3), 51, np.uint8)
    assert reference.psnr(black, gray)[0] == pytest.approx(20 * np.log10(5))
    assert np.isfinite(reference.psnr(black, black)).all()
    assert reference.slope([10, 20, 40], [4e-2, 1e-2, 2.5e-3]) == pytest.approx(2)
    assert reference.slope([10], [1.0]) is None


def test_the_plane_holds_a_flat_path():
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(16, 2, generator=generator))[0]
    flat = torch.randn(9, 2, generator=generator)
    points = (3 + flat @ axes.T).view(9, 1, 4, 4)
    found = reference.plane(points)
    assert found.share == pytest.approx(1)
    places = found.place(points)
    torch.testing.assert_close(torch.pdist(places), torch.pdist(flat), atol=1e-4, rtol=1e-4)
