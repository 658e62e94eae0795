"""Solvers lead from noise to a picture, one network call at a time.

A solver knows the level of each of its network calls in advance. It gives the latents for a call
and then takes the prediction of that call, so that many solvers can share one batched call.
Tensors are float32 latents [1, channels, h, w] on the CPU.
"""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any, Protocol

import torch
from torch import Tensor

from playground.diffusion import reference, samplers
from playground.diffusion.levels import Level, Prediction
from playground.diffusion.reference import Solution


class Solver(Protocol):
    """`levels` has one entry per network call (NFE); after the last, `sample` is the result."""

    levels: tuple[Level, ...]
    sample: Tensor

    def latents(self, call: int) -> Tensor:
        """What the network sees at that call: signal·x0 + noise·ε."""
        ...

    def step(self, call: int, said: Tensor) -> None:
        """Advance by one call, given its prediction after guidance."""
        ...


class Scheduled:
    """A sampler of the table: diffusers' scheduler steps."""

    def __init__(
        self, name: str, config: dict, steps: int, noise: Tensor, generator: torch.Generator,
        eta: float = 0.0, timing: Mapping[str, Any] | None = None,
    ):  # fmt: skip
        self.scheduler = samplers.build(name, config, steps, timing)
        self.levels = samplers.levels_of(self.scheduler)
        # Flow schedulers have neither: their latents are x = (1 − σ)·x0 + σ·ε as they are.
        self.sample = noise * getattr(self.scheduler, "init_noise_sigma", 1.0)
        self._scaled = getattr(self.scheduler, "scale_model_input", lambda sample, _: sample)
        accepted = signature(self.scheduler.step).parameters
        known = {"generator": generator, "eta": eta}
        self._extra = {name: value for name, value in known.items() if name in accepted}

    def latents(self, call: int) -> Tensor:
        return self._scaled(self.sample, self.scheduler.timesteps[call])

    def step(self, call: int, said: Tensor) -> None:
        t = self.scheduler.timesteps[call]
        self.sample = self.scheduler.step(said, t, self.sample, **self._extra).prev_sample


class Noised:
    """Nothing is solved: `clean` latents that are there already, with `noise` at known levels."""

    def __init__(self, levels: Sequence[Level], clean: Tensor, noise: Tensor):
        self.levels, self.sample, self._noise = tuple(levels), clean, noise

    def latents(self, call: int) -> Tensor:
        return self.levels[call].mix(self.sample, self._noise)

    def step(self, call: int, said: Tensor) -> None:
        """The picture stays as it is."""


class Exact:
    """The ODE of the deterministic samplers, solved with invisible error (see `reference`).

    `solution` is there after the last call; `sample` is then its pred_x0.
    """

    def __init__(self, curve: reference.Curve, prediction: Prediction, start: Tensor,
                 steps: int = reference.STEPS):  # fmt: skip
        self.levels = tuple(map(curve.level, reference.asked_sigmas(curve, steps)))
        self.sample = start
        self.solution: Solution | None = None
        self._prediction, self._way = prediction, reference.solve(curve, start, steps)
        self._latents = next(self._way)

    def latents(self, call: int) -> Tensor:
        return self._latents

    def step(self, call: int, said: Tensor) -> None:
        x, level = self._latents, self.levels[call]
        noise = self._prediction.noise(x, said, level)
        clean = self._prediction.clean(x, said, level)
        try:
            self._latents = self._way.send((clean, noise))
        except StopIteration as done:
            self.solution = done.value
            self.sample = done.value.clean
