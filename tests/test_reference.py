"""The exact solution: exact where a solution is known, and bounded by its own doubling."""

import itertools
from dataclasses import replace

import diffusers
import numpy as np
import pytest
import torch

from playground.diffusion import errors, levels, reference, samplers, solvers
from playground.diffusion.levels import Level
from playground.diffusion.reference import Preserving, Straight
from playground.engine.engine import Engine
from playground.engine.events import Picture, Step, Task
from playground.recipe import Recipe, RecipeError

MEAN, SPREAD = 0.7, 0.5
SIGMAS = np.geomspace(0.05, 15, 1000)
PRESERVING, STRAIGHT = Preserving(SIGMAS), Straight()
CURVES = {"variance-preserving": PRESERVING, "rectified flow": STRAIGHT}


def clean(x: torch.Tensor, at: Level) -> torch.Tensor:
    """E[x0 | x] if the data is N(MEAN, SPREAD²)."""
    spread = at.signal**2 * SPREAD**2 + at.noise**2
    return MEAN + at.signal * SPREAD**2 / spread * (x - at.signal * MEAN)


def solved(curve, steps: int, said: str = "flow_prediction") -> solvers.Exact:
    """With a network that knows E[x0 | x], and says it in one of the ways of PREDICTIONS."""
    start = torch.linspace(-2, 2, 8, dtype=torch.float64).view(2, 1, 2, 2)
    prediction = levels.PREDICTIONS[said]
    solver = solvers.Exact(curve, prediction, start, steps)
    for call, at in enumerate(solver.levels):
        assert solver.solution is None
        x = solver.latents(call)
        solver.step(call, prediction.back(x, clean(x, at), at))
    return solver


def exact(start: torch.Tensor, curve) -> torch.Tensor:
    """Every point keeps its quantile; tests/test_orders.py has the source."""
    first, last = curve.level(curve.high), curve.level(curve.low)

    def spread(at: Level) -> float:
        return (at.signal**2 * SPREAD**2 + at.noise**2) ** 0.5

    quantile = (start - first.signal * MEAN) / spread(first)
    return last.signal * MEAN + spread(last) * quantile


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_the_reference_is_the_known_solution(curve):
    solver = solved(curve, 32, "sample")
    found = solver.solution
    assert found.path.shape == (33, 2, 1, 2, 2)
    torch.testing.assert_close(found.path[-1], exact(found.path[0], curve), atol=2e-5, rtol=0)
    torch.testing.assert_close(found.clean, clean(found.path[-1], curve.level(curve.low)))
    assert solver.sample is found.clean
    assert found.end(clean=True) is found.clean
    assert torch.equal(found.end(clean=False), found.path[-1])


@pytest.mark.parametrize(
    ("curve", "steps"), [(PRESERVING, (8, 16, 32, 64)), (STRAIGHT, (32, 64, 128, 256))], ids=CURVES
)
def test_the_reference_is_of_fourth_order_and_its_bound_shrinks_under_doubling(curve, steps):
    results = [solved(curve, n, "sample").solution for n in steps]
    ends = [(r.path[-1].numpy(), exact(r.path[0], curve).numpy()) for r in results]
    found = [float(errors.rmse(end, expected).max()) for end, expected in ends]
    bounds = [float(r.bound.max()) for r in results]
    assert errors.slope(steps, found) == pytest.approx(4, abs=0.3)
    assert all(finer < coarser / 8 for coarser, finer in itertools.pairwise(bounds))
    assert all(error < bound for error, bound in zip(found, bounds, strict=True))


@pytest.mark.parametrize("said", levels.PREDICTIONS)
def test_it_does_not_matter_what_a_network_predicts(said):
    """Between levels; at σ = 1 of rectified flow ε̂ says nothing of pred_x0, so none predicts it."""
    expected = solved(PRESERVING, 8, "sample").solution
    if said != "flow_prediction":  # defined for straight lines alone
        found = solved(PRESERVING, 8, said).solution
        torch.testing.assert_close(found.path, expected.path)
        torch.testing.assert_close(found.clean, expected.clean)
    if said in ("sample", "flow_prediction"):
        found = solved(STRAIGHT, 8, said).solution
        torch.testing.assert_close(found.path, solved(STRAIGHT, 8, "sample").solution.path)


def test_rectified_flow_begins_with_noise_alone_and_is_finite_there():
    level = STRAIGHT.level(STRAIGHT.high)
    assert (level.signal, level.noise, level.t) == (0.0, 1.0, 1000.0)
    assert level.sigma == np.inf
    found = solved(STRAIGHT, 4).solution
    assert found.path.isfinite().all()
    assert np.isfinite(found.bound).all()


def test_a_models_schedule_says_which_ode_it_is(tiny):
    curve = reference.curve_of(tiny.scheduler_config)
    np.testing.assert_array_equal(curve.sigmas, reference.training_sigmas(tiny.scheduler_config))
    flow = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 500}
    assert reference.curve_of(flow) == Straight(500)
    assert reference.curve_of(flow).level(0.5) == Level(0.5, 0.5, 250.0)


@pytest.mark.parametrize("steps", [2, 5, 32])
def test_the_number_of_calls_is_known_beforehand(steps):
    assert len(list(reference.asked_sigmas(PRESERVING, steps))) == reference.calls(steps)
    assert reference.calls() == (16 + 32) * 4 + 2


def test_timesteps_are_diffusers_own(tiny):
    sigmas = reference.training_sigmas(tiny.scheduler_config)
    scheduler = diffusers.DPMSolverMultistepScheduler.from_config(
        tiny.scheduler_config, use_exponential_sigmas=True
    )
    scheduler.set_timesteps(17)
    for sigma, t in zip(scheduler.sigmas[:-1].tolist(), scheduler.timesteps.tolist(), strict=True):
        assert reference.timestep_of(sigma, sigmas) == pytest.approx(t, abs=1)  # theirs are cut
    assert reference.timestep_of(sigmas[321], sigmas) == pytest.approx(321)


@pytest.mark.slow
def test_samplers_come_to_the_reference_of_the_real_network(shipped, monkeypatch):
    """Each to the end that its last step has: pred_x0, or latents with the least noise there was.

    All in one run: the exact solution is a cell like the others.
    """
    monkeypatch.setattr(solvers.Exact.__init__, "__defaults__", (16,))
    recipe = Recipe(prompt="two foxes in the snow", steps=100, guidance=3.0)
    names = ("ddim", "dpmpp_2m")
    tasks = [Task(replace(recipe, sampler=name)) for name in names]
    events = list(Engine(shipped).submit([*tasks, Task(recipe, exact=1.0)]))
    first = [e.latents for e in events if isinstance(e, Step) and e.index == 0]
    assert (first[0] == first[1]).all()  # they start at the same latents
    np.testing.assert_allclose(first[2], first[0], rtol=1e-6)
    *drawn, solution = sorted((e for e in events if isinstance(e, Picture)), key=lambda e: e.cell)
    ends = {True: solution.latents, False: solution.exact.path[-1]}
    for picture in drawn:
        scheduler = samplers.build(picture.recipe.sampler, shipped.scheduler_config, 100)
        is_clean = not samplers.end_level(scheduler).noise
        error, other = (
            float(errors.rmse(picture.latents[None], end[None])[0])
            for end in (ends[is_clean], ends[not is_clean])
        )
        assert error < 0.05 * float(ends[is_clean].std())
        assert error < other


@pytest.mark.parametrize("name", [s.name for s in samplers.SAMPLERS.values() if not s.stochastic])
def test_where_each_sampler_ends(name, tiny):
    scheduler = samplers.build(name, tiny.scheduler_config, 10)
    least = reference.training_sigmas(tiny.scheduler_config)[0]
    end = 0 if name not in ("ddim", "pndm", "deis") else least
    assert samplers.end_level(scheduler).sigma == pytest.approx(end, rel=1e-4)


def test_guidance_is_what_the_formula_says(engine, monkeypatch):
    monkeypatch.setattr(solvers.Exact.__init__, "__defaults__", (2,))
    recipe = Recipe(prompt="a cat", negative="a dog", guidance=5.0, width=64, height=64)
    *steps, picture = engine.submit([Task(recipe, exact=1.0)])
    assert len(steps) == picture.calls == reference.calls(2)
    assert picture.rows == 2 * picture.calls
    for step in steps:
        uncond, cond = step.clean["uncond"], step.clean["cond"]
        guided = uncond + 5 * (cond - uncond)
        np.testing.assert_allclose(step.clean["guided"], guided, atol=1e-5 * np.abs(guided).max())


def test_what_has_no_one_w_is_refused(engine):
    recipe = Recipe(guidance_stop=0.5)
    with pytest.raises(RecipeError, match="plain guidance"):
        engine.submit([Task(recipe, exact=1.0)])


def test_errors_of_known_size():
    zero, two = np.zeros((2, 1, 2, 2)), np.full((2, 1, 2, 2), 2.0)
    assert errors.rmse(zero, two).tolist() == [2, 2]
    black, gray = np.zeros((1, 4, 4, 3), np.uint8), np.full((1, 4, 4, 3), 51, np.uint8)
    assert errors.psnr(black, gray)[0] == pytest.approx(20 * np.log10(5))
    assert np.isfinite(errors.psnr(black, black)).all()
    assert errors.slope([10, 20, 40], [4e-2, 1e-2, 2.5e-3]) == pytest.approx(2)
    assert errors.slope([10], [1.0]) is None


def test_the_plane_holds_a_flat_path():
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((16, 2)))[0]
    flat = rng.standard_normal((9, 2))
    points = (3 + flat @ axes.T).reshape(9, 1, 4, 4)
    found = errors.plane(points)
    assert found.share == pytest.approx(1)
    apart = [np.linalg.norm(p[:, None] - p[None], axis=-1) for p in (found.place(points), flat)]
    np.testing.assert_allclose(*apart, atol=1e-10)
