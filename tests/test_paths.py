"""How straight a path is: exact curves, the measure of reflow, and steps of DDIM and Euler."""

import math

import numpy as np
import pytest
import torch

from playground.diffusion import paths, samplers
from playground.diffusion.levels import flow, preserving
from playground.diffusion.paths import FLOW, FRAMES, SAMPLED, Path
from playground.engine.local import LocalSession
from playground.recipe import Recipe
from playground.training import reflow


def curve(points: np.ndarray, times) -> Path:
    return Path(points.reshape(len(points), -1, 1, 1), np.asarray(times, float))


def test_a_straight_line_at_even_speed_has_no_bend():
    times = [1.0, 0.7, 0.2, 0.0]
    line = curve(np.outer(times, [3.0, -1.0, 2.0]), times)
    assert line.bend() == pytest.approx(0, abs=1e-12)
    assert line.furthest() == pytest.approx(0, abs=1e-12)


def test_speed_counts_for_bend_and_not_for_furthest():
    """There and at rest: v is 2·(start − end) for half of the time, then 0."""
    line = curve(np.array([[1.0, 1], [0, 0], [0, 0]]), [1.0, 0.5, 0.0])
    assert line.bend() == pytest.approx(1)
    assert line.furthest() == pytest.approx(0, abs=1e-12)


def test_a_quarter_circle():
    """∫‖v‖² = (π/2)² and ‖start − end‖² = 2; the sagitta is 1 − √½."""
    angle = np.linspace(0, math.pi / 2, 2001)
    circle = curve(np.stack((np.cos(angle), np.sin(angle)), -1), np.linspace(1000, 0, 2001))
    assert circle.bend() == pytest.approx(((math.pi / 2) ** 2 - 2) / 2, rel=1e-5)
    assert circle.furthest() == pytest.approx((1 - math.sqrt(0.5)) / math.sqrt(2), rel=1e-5)


def test_a_variance_preserving_picture_is_a_circle_as_sampled_and_straight_without_it():
    """x of one x0 and one ε that are orthogonal, whatever the schedule."""
    clean, noise = np.eye(2)[:, :, None, None]
    levels = [preserving(math.sin(a) ** 2, 1000 - i) for i, a in enumerate(np.linspace(0, 1.5, 9))]
    latents = [level.mix(clean, noise) for level in levels]
    straight = paths.path(FLOW, latents[:-1], levels[:-1], latents[-1], levels[-1])
    assert straight.bend() == pytest.approx(0, abs=1e-12)
    assert paths.path(SAMPLED, latents[:-1], levels[:-1], latents[-1], levels[-1]).bend() > 0.1


def test_of_eulers_steps_it_is_the_measure_that_reflow_is_judged_by():
    generator, steps = torch.Generator().manual_seed(1), 5
    noise = torch.randn(1, 4, 3, 3, generator=generator)
    velocities = torch.randn(steps, 1, 4, 3, 3, generator=generator)
    ways = noise - torch.cat((torch.zeros(1, 1, 4, 3, 3), velocities.cumsum(0) / steps))
    levels = [flow(1 - i / steps, 1000 - 1000 * i / steps) for i in range(steps + 1)]
    latents = list(ways[:, 0].numpy())
    expected = reflow.bend(noise, ways[-1], velocities)
    for frame in FRAMES.values():  # for rectified flow both are the same
        found = paths.path(frame, latents[:-1], levels[:-1], latents[-1], levels[-1])
        assert found.bend() == pytest.approx(expected, rel=1e-5)


def test_a_step_of_ddim_is_a_step_of_euler_in_the_frame_of_flow(engine):
    """Its velocity is ε̂ − x̂0 of the call."""
    session, recipe = LocalSession(engine), Recipe(prompt="a cat", steps=6, width=64, height=64)
    *steps, picture = session.submit([recipe])
    end = samplers.end_level(samplers.build("ddim", session.facts.scheduler_config, recipe.steps))
    latents, levels = [s.latents for s in steps], [s.level for s in steps]
    way = paths.path(FLOW, latents, levels, picture.latents, end)
    gone = np.diff(way.places, axis=0) / np.diff(way.times).reshape(-1, 1, 1, 1)
    said = np.stack([step.noise("guided") - step.clean["guided"] for step in steps])
    np.testing.assert_allclose(gone, said, atol=2e-4 * np.abs(said).max())
