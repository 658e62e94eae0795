"""One picture in the making: its recipe, its own noise, its own solver and its own clock."""

import io
import time
from dataclasses import dataclass, field
from inspect import signature

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from playground.attention.editing import Plan
from playground.attention.record import Heads
from playground.diffusion import guidance, samplers
from playground.diffusion.guidance import COND, UNCOND
from playground.models.latent import LatentModel
from playground.recipe import Recipe

Maps = dict[tuple[int, int], Tensor]  # per grid (h, w): token map [columns, h, w]
HeadMaps = dict[str, dict[tuple[int, int], Heads]]  # per branch and grid


@dataclass(frozen=True, eq=False)
class Step:
    """One network call of one cell. Latents are [channels, h, w] on the CPU."""

    cell: int
    index: int  # of this network call, from 0
    count: int  # calls in all
    timestep: float
    guidance: float  # w of this call
    signal: float  # √ᾱ of this call
    noisy: Tensor  # what the network saw: √ᾱ·x0 + √(1 − ᾱ)·ε
    clean: dict[str, Tensor]  # x̂0 of each computed branch, and "guided"
    maps: Maps | None  # attention of the conditional branch, if recorded
    heads: HeadMaps | None = None  # of every branch and head, if asked for

    def noise(self, branch: str) -> Tensor:
        """ε̂ of a branch [channels, h, w], whatever kind of prediction it was computed from."""
        return (self.noisy - self.signal * self.clean[branch]) / (1 - self.signal**2) ** 0.5

    def preview(self, model: LatentModel) -> np.ndarray:
        """The guided x̂0 as uint8 [h, w, 3], one pixel per latent cell."""
        return model.preview(self.clean["guided"][None])[0]


@dataclass(frozen=True, eq=False)
class Picture:
    """A finished cell."""

    cell: int
    recipe: Recipe
    image: np.ndarray  # uint8 [height, width, 3]
    latents: Tensor
    calls: int
    rows: int  # network rows it needed: two per guided call, one otherwise
    shared: int  # of these, rows that were computed once for this and another cell
    seconds: dict[str, float]  # by stage: words, network, solver, decoder
    networks: tuple[str, ...] = ()  # labels of the backends that computed its calls

    def png(self) -> bytes:
        """The picture as a file that carries its recipe."""
        file = io.BytesIO()
        self.recipe.save_png(Image.fromarray(self.image), file)
        return file.getvalue()


@dataclass(frozen=True)
class Failure:
    """A cell that could not go on, and why, in one sentence."""

    cell: int
    reason: str


@dataclass(frozen=True)
class Dropped:
    """A cell that was cancelled alone, while the others of its run go on."""

    cell: int


STAGES = ("words", "network", "solver", "decoder")
Event = Step | Picture | Failure | Dropped


@dataclass(eq=False)
class Cell:
    index: int
    recipe: Recipe
    model: LatentModel
    recorded: bool
    heads: bool = False  # record every branch and head too
    source: "Cell | None" = None  # whose attention this cell's edit reads
    plan: Plan | None = None  # of that edit
    call: int = 0
    rows: int = 0
    shared: int = 0
    networks: dict[str, int] = field(default_factory=dict)  # calls by the backend's label
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    def __post_init__(self):
        recipe, model, start = self.recipe, self.model, time.perf_counter()
        self.guider = guidance.guider(recipe.guider)
        guidance.schedule(recipe.guidance_schedule)  # raises now if there is none of that name
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
    def left(self) -> int:
        """Calls that it still needs."""
        return self.count - self.call

    @property
    def done(self) -> bool:
        return not self.left

    @property
    def scale(self) -> float:
        return guidance.scale_at(self.recipe, self.call, self.count)

    @property
    def branches(self) -> tuple[str, ...]:
        return guidance.branches(self.scale)

    @property
    def records_now(self) -> bool:
        """Is there a conditional row in this call whose attention is wanted?"""
        return self.recorded and COND in self.branches

    @property
    def timestep(self) -> Tensor:
        return self.scheduler.timesteps[self.call]

    def network_input(self) -> Tensor:
        """[1, channels, h, w]; every sampler's own scaling undone, so always √ᾱ·x0 + √(1 − ᾱ)·ε."""
        return self.scheduler.scale_model_input(self.sample, self.timestep)

    def advance(
        self, noisy: Tensor, predictions: dict[str, Tensor], maps: Maps | None, shared: int = 0,
        heads: HeadMaps | None = None,
    ) -> Step:  # fmt: skip
        """Guide, step the solver, and say what happened; `shared` rows were others' already."""
        start = time.perf_counter()
        scale, t, levels = self.scale, self.timestep, self._levels()
        clean = {b: self._clean(noisy, said, *levels) for b, said in predictions.items()}
        guided = self._guided(noisy, predictions, clean, levels)
        clean["guided"] = self._clean(noisy, guided, *levels)
        self.sample = self.scheduler.step(guided, t, self.sample, **self.extra).prev_sample
        if not torch.isfinite(self.sample).all():
            raise FloatingPointError(f"The numbers ran away at call {self.call + 1}.")
        shown = {branch: rows[0] for branch, rows in clean.items()}
        step = Step(
            self.index, self.call, self.count, float(t), scale, levels[0], noisy[0], shown, maps,
            heads,
        )  # fmt: skip
        self.call += 1
        self.rows += len(predictions)
        self.shared += shared
        self.seconds["solver"] += time.perf_counter() - start
        return step

    def picture(self, image: np.ndarray) -> Picture:
        return Picture(
            self.index, self.recipe, image, self.sample[0], self.call, self.rows, self.shared,
            self.seconds, tuple(self.networks),
        )  # fmt: skip

    def _guided(self, noisy: Tensor, predictions: dict, clean: dict, levels: tuple) -> Tensor:
        """What the solver is told the network said."""
        if len(predictions) == 1:
            return guidance.combine(predictions, self.scale)
        if self.guider.clean:
            combined = guidance.combine(clean, self.scale, self.guider)
            guided = self._predicted(noisy, combined, *levels)
        else:
            guided = guidance.combine(predictions, self.scale, self.guider)
        share = self.recipe.rescale
        return guidance.rescale(guided, predictions[COND], share) if share else guided

    def _levels(self) -> tuple[float, float]:
        """√ᾱ and √(1 − ᾱ) at this call."""
        sigmas = getattr(self.scheduler, "sigmas", None)
        if sigmas is None:
            alpha = float(self.scheduler.alphas_cumprod[int(self.timestep)])
        else:  # σ² = (1 − ᾱ)/ᾱ; samplers with their own spacing fall between training timesteps
            alpha = 1 / (1 + float(sigmas[self.call]) ** 2)
        return alpha**0.5, (1 - alpha) ** 0.5

    def _clean(self, noisy: Tensor, said: Tensor, signal: float, noise: float) -> Tensor:
        """x̂0 from what the network saw and said (Salimans & Ho 2022, arXiv 2202.00512, app. D)."""
        prediction = self.scheduler.config.prediction_type
        if prediction == "epsilon":
            return (noisy - noise * said) / signal
        if prediction == "v_prediction":
            return signal * noisy - noise * said
        if prediction == "sample":
            return said
        raise ValueError(f"No clean picture is known for prediction type {prediction!r}.")

    def _predicted(self, noisy: Tensor, clean: Tensor, signal: float, noise: float) -> Tensor:
        """What the network would have said for this x̂0: `_clean` solved for it."""
        prediction = self.scheduler.config.prediction_type
        if prediction == "epsilon":
            return (noisy - signal * clean) / noise
        if prediction == "v_prediction":
            return (signal * noisy - clean) / noise
        return clean
