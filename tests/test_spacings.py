"""Grids are diffusers' own, and what the page ships is what they are now."""

import json

import numpy as np
import pytest

from playground.diffusion import reference, samplers, spacings
from playground.diffusion.spacings import SPACINGS
from playground.page.samplers import schedules


def test_the_shipped_grids_are_those_of_diffusers_now():
    assert json.loads(schedules.ASSET.read_text()) == schedules.data()


@pytest.mark.parametrize("spacing", SPACINGS.values(), ids=SPACINGS)
def test_every_grid_falls_to_zero_and_explains_itself(spacing, tiny):
    steps = spacing.only or 12
    grid = spacings.grid(spacing.name, tiny.scheduler_config, steps)
    assert len(grid.timesteps) == steps == len(grid.sigmas) - 1
    assert (np.diff(grid.sigmas) < 0).all()
    assert (np.diff(grid.timesteps) < 0).all()
    assert grid.sigmas[-1] == 0
    assert spacing.sentence.endswith(".")
    assert spacing.source


def test_the_formulas(tiny):
    sigmas = reference.training_sigmas(tiny.scheduler_config)

    def of(name):
        return np.array(spacings.grid(name, tiny.scheduler_config, 9).sigmas[:-1])

    ends = np.array([sigmas[-1], sigmas[0]])
    karras = np.linspace(*ends ** (1 / 7), 9) ** 7  # Karras et al. 2022, eq. 5
    np.testing.assert_allclose(of("karras"), karras, rtol=1e-4)
    np.testing.assert_allclose(of("exponential"), np.geomspace(*ends, 9), rtol=1e-4)
    times = spacings.grid("trailing", tiny.scheduler_config, 10).timesteps
    assert times == tuple(range(999, 0, -100))  # Lin et al. 2023, table 2
    assert spacings.grid("leading", tiny.scheduler_config, 10).timesteps[0] < 999
    assert of("linspace")[0] == pytest.approx(sigmas[-1], rel=1e-5)


def test_a_samplers_grid_is_where_it_calls_the_network(tiny):
    heun = spacings.of_sampler("heun", tiny.scheduler_config, 3)
    assert len(heun.timesteps) == 5
    ddim = spacings.of_sampler("ddim", tiny.scheduler_config, 10)
    assert ddim.timesteps == spacings.grid("trailing", tiny.scheduler_config, 10).timesteps
    least = reference.training_sigmas(tiny.scheduler_config)[0]
    assert ddim.sigmas[-1] == pytest.approx(least, rel=1e-4)  # set_alpha_to_one is false
    assert spacings.of_sampler("euler", tiny.scheduler_config, 10).sigmas[-1] == 0


def test_what_there_is_not_is_refused(tiny):
    with pytest.raises(spacings.UnknownSpacingError, match="karras"):
        spacings.grid("kerras", tiny.scheduler_config, 10)
    with pytest.raises(ValueError, match="has 10 steps, not 9"):
        spacings.grid("ays", tiny.scheduler_config, 9)


def test_every_sampler_has_a_schedule_on_the_page():
    kinds = json.loads(schedules.ASSET.read_text())["schedules"]["kinds"]
    assert sorted(label for k in kinds for label in k["used_by"]) == sorted(
        s.label for s in samplers.GENERAL.values()
    )
