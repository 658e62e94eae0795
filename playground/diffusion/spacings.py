"""Spacings: how the steps of a sampler are placed between much noise and little.

All are diffusers' own, on the model's noise schedule; a table of small records names them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.diffusion import samplers
from playground.diffusion.levels import Level


@dataclass(frozen=True)
class Spacing:
    """`config` is diffusers' scheduler configuration; `only` the one number of steps there is."""

    name: str
    label: str
    sentence: str
    source: str
    config: dict = field(default_factory=dict)
    only: int | None = None


LIN = "Lin et al. 2023, arXiv 2305.08891, table 2"
_SPACINGS = (
    Spacing(
        "trailing", "Linear, trailing", "Equal steps in t that begin at the noisiest timestep.",
        LIN, {"timestep_spacing": "trailing"},
    ),
    Spacing(
        "leading", "Linear, leading", "Equal steps in t that end near t = 0; the noisiest "
        "timesteps are never seen.", LIN, {"timestep_spacing": "leading"},
    ),
    Spacing(
        "linspace", "Linear, both ends", "Equal steps in t from the noisiest timestep towards 0.",
        LIN, {"timestep_spacing": "linspace"},
    ),
    Spacing(
        "karras", "Karras", "Equal steps in σ^(1/7): most of them where there is little noise.",
        "Karras et al. 2022, arXiv 2206.00364, eq. 5", {"use_karras_sigmas": True},
    ),
    Spacing(
        "exponential", "Exponential", "Equal steps in log σ.",
        "k-diffusion; diffusers' use_exponential_sigmas", {"use_exponential_sigmas": True},
    ),
    Spacing(
        "ays", "Align Your Steps", "Ten timesteps optimised for Stable Diffusion's noise schedule, "
        "which is ours too.", "Sabour et al. 2024, arXiv 2404.14507", only=10,
    ),
)  # fmt: skip
SPACINGS = {spacing.name: spacing for spacing in _SPACINGS}


class UnknownSpacingError(ValueError):
    """No such name in SPACINGS."""


@dataclass(frozen=True)
class Grid:
    """One level per network call, and the level at which the last step ends."""

    levels: tuple[Level, ...]
    end: Level

    @property
    def timesteps(self) -> tuple[float, ...]:
        """One per network call."""
        return tuple(level.t for level in self.levels)

    @property
    def sigmas(self) -> tuple[float, ...]:
        """One per network call, and that of the end."""
        return tuple(level.sigma for level in (*self.levels, self.end))


def get(name: str) -> Spacing:
    try:
        return SPACINGS[name]
    except KeyError:
        raise UnknownSpacingError(
            f"There is no spacing {name!r}; there are: {', '.join(SPACINGS)}."
        ) from None


def grid(name: str, config: dict, steps: int) -> Grid:
    """The grid of a spacing on a model's scheduler `config`; ValueError if there is none."""
    from diffusers import DPMSolverMultistepScheduler
    from diffusers.schedulers import AysSchedules

    from playground.diffusion import schedulers

    spacing = get(name)
    if spacing.only not in (None, steps):
        raise ValueError(f"{spacing.label} has {spacing.only} steps, not {steps}.")
    scheduler = DPMSolverMultistepScheduler.from_config(config, **spacing.config)
    if spacing.only:
        scheduler.set_timesteps(timesteps=AysSchedules["StableDiffusionTimesteps"])
    else:
        schedulers.set_steps(scheduler, steps)
    return _grid_of(scheduler)


def of_sampler(
    name: str, config: dict, steps: int, timing: Mapping[str, Any] | None = None
) -> Grid:
    """The effective grid of a sampler, calls that repeat a timestep included; `timing` as in
    `samplers.build`.
    """
    return _grid_of(samplers.build(name, config, steps, timing))


def _grid_of(scheduler) -> Grid:
    return Grid(samplers.levels_of(scheduler), samplers.end_level(scheduler))
