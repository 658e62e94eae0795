"""One picture in the making: its recipe, its own noise, its own solver and its own clock."""

import time
from dataclasses import dataclass, field
from inspect import signature

import numpy as np
import torch
from torch import Tensor

from playground import guidance, samplers
from playground.guidance import COND, UNCOND
from playground.model import LatentModel
from playground.recipe import Recipe

Maps = dict[tuple[int, int], Tensor]  # per grid (h, w): token map [columns, h, w]


@dataclass(frozen=True, eq=False)
class Step:
    """One network call of one cell. Latents are [channels, h, w] on the CPU."""

    cell: int
    index: int  # of this network call, from 0
    count: int  # calls in all
    timestep: float
    guidance: float  # w of this call
    noisy: Tensor  # what the network saw: √ᾱ·x0 + √(1 − ᾱ)·ε
    clean: dict[str, Tensor]  # x̂0 of each computed branch, and "guided"
    maps: Maps | None  # attention of the conditional branch, if recorded


@dataclass(frozen=True, eq=False)
class Picture:
    """A finished cell."""

    cell: int
    recipe: Recipe
    image: np.ndarray  # uint8 [height, width, 3]
    latents: Tensor
    calls: int
    rows: int  # network rows computed: two per guided call, one otherwise
    seconds: dict[str, float]  # by stage: words, network, solver, decoder


@dataclass(frozen=True)
class Failure:
    """A cell that could not go on, and why, in one sentence."""

    cell: int
    reason: str


STAGES = ("words", "network", "solver", "decoder")
Event = Step | Picture | Failure


@dataclass(eq=False)
class Cell:
    index: int
    recipe: Recipe
    model: LatentModel
    recorded: bool
    call: int = 0
    rows: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    def __post_init__(self):
        recipe, model, start = self.recipe, self.model, time.perf_counter()
        self.scheduler = samplers.build(recipe.sampler, model.scheduler_config, recipe.steps)
        # Its own generator: the same seed gives the same picture, whatever else is in the batch.
        self.generator = torch.Generator().manual_seed(recipe.seed)
        noise = model.noise(self.generator, recipe.height, recipe.width)
        self.sample = noise * self.scheduler.init_noise_sigma
        self.extra = self._step_arguments()
        self.seconds["solver"] += time.perf_counter() - start
        start = time.perf_counter()
        self.prompts = {COND: model.encode(recipe.prompt), UNCOND: model.encode(recipe.negative)}
        self.seconds["words"] += time.perf_counter() - start

    def _step_arguments(self) -> dict:
        accepted = signature(self.scheduler.step).parameters
        extra = {"generator": self.generator} if "generator" in accepted else {}
        return extra | ({"eta": self.recipe.eta} if "eta" in accepted else {})

    @property
    def count(self) -> int:
        return len(self.scheduler.timesteps)

    @property
    def done(self) -> bool:
        return self.call == self.count

    @property
    def scale(self) -> float:
        return guidance.scale_at(self.recipe, self.call, self.count)

    @property
    def branches(self) -> tuple[str, ...]:
        return guidance.branches(self.scale)

    @property
    def timestep(self) -> Tensor:
        return self.scheduler.timesteps[self.call]

    def network_input(self) -> Tensor:
        """[1, channels, h, w]; every sampler's own scaling undone, so always √ᾱ·x0 + √(1 − ᾱ)·ε."""
        return self.scheduler.scale_model_input(self.sample, self.timestep)

    def advance(self, noisy: Tensor, predictions: dict[str, Tensor], maps: Maps | None) -> Step:
        """Guide, step the solver, and say what happened."""
        start = time.perf_counter()
        scale, t = self.scale, self.timestep
        guided = guidance.combine(predictions, scale, self.recipe.rescale)
        signal, noise = self._levels(t)
        clean = {
            branch: _clean(noisy, output, signal, noise, self.scheduler.config.prediction_type)[0]
            for branch, output in (predictions | {"guided": guided}).items()
        }
        self.sample = self.scheduler.step(guided, t, self.sample, **self.extra).prev_sample
        if not torch.isfinite(self.sample).all():
            raise FloatingPointError(f"The numbers ran away at call {self.call + 1}.")
        step = Step(self.index, self.call, self.count, float(t), scale, noisy[0], clean, maps)
        self.call += 1
        self.rows += len(predictions)
        self.seconds["solver"] += time.perf_counter() - start
        return step

    def picture(self, image: np.ndarray) -> Picture:
        return Picture(
            self.index, self.recipe, image, self.sample[0], self.call, self.rows, self.seconds
        )

    def _levels(self, t: Tensor) -> tuple[float, float]:
        """√ᾱ and √(1 − ᾱ) at this call."""
        sigmas = getattr(self.scheduler, "sigmas", None)
        if sigmas is None:
            alpha = float(self.scheduler.alphas_cumprod[int(t)])
        else:  # σ² = (1 − ᾱ)/ᾱ; samplers with their own spacing fall between training timesteps
            alpha = 1 / (1 + float(sigmas[self.call]) ** 2)
        return alpha**0.5, (1 - alpha) ** 0.5


def _clean(noisy: Tensor, output: Tensor, signal: float, noise: float, prediction: str) -> Tensor:
    """x̂0 from what the network saw and said (Salimans & Ho 2022, arXiv 2202.00512, app. D)."""
    if prediction == "epsilon":
        return (noisy - noise * output) / signal
    if prediction == "v_prediction":
        return signal * noisy - noise * output
    if prediction == "sample":
        return output
    raise ValueError(f"No clean picture is known for prediction type {prediction!r}.")
