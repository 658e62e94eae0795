"""A cell: one picture that is being drawn, with its own recipe, noise, solver and call count."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from playground import weighting
from playground.attention.editing import Plan
from playground.attention.layouts import layout_of
from playground.diffusion import guidance, reference, solvers
from playground.diffusion.guidance import COND, UNCOND
from playground.diffusion.levels import Level
from playground.diffusion.solvers import Solver
from playground.engine import events
from playground.engine.events import STAGES, Picture, Step, Task
from playground.models.latent import LatentModel
from playground.models.prompt import Condition
from playground.recipe import RecipeError

LARGEST_HEADS = 1_000_000_000  # bytes: large networks have hundreds of heads on 64 × 64 positions
Maps = dict[tuple[int, int], Tensor]  # per grid (h, w): token map [columns, h, w]


@dataclass(frozen=True, eq=False)
class CellAnswer:
    """What one network call returned for one cell.

    `predictions` [1, channels, h, w] by branch; `maps` and `heads` are the recorded attention.
    `shared` counts those of its rows that were already computed for another cell.
    """

    predictions: dict[str, Tensor]
    maps: Maps | None = None
    heads: dict | None = None
    shared: int = 0


@dataclass(eq=False)
class Cell:
    """Raises ValueError, with a plain sentence, for a task that cannot be drawn."""

    index: int
    task: Task
    model: LatentModel
    recorded: bool = False
    record_heads: bool = False  # of every branch
    source: "Cell | None" = None  # whose attention this cell's edit reads
    plan: Plan | None = None  # of that edit
    call: int = 0
    rows: int = 0
    shared: int = 0
    networks: dict[str, int] = field(default_factory=dict)  # calls by the backend's label
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    def __post_init__(self):
        recipe, model, start = self.recipe, self.model, time.perf_counter()
        self.kind = model.guidance_kind
        if refusal := self.kind.refusal(recipe.guidance):
            raise RecipeError(refusal)
        self.guider = guidance.guider(recipe.guider)
        guidance.schedule(recipe.guidance_schedule)  # raises now if there is none of that name
        self.prediction = model.prediction
        self.solver = self._solver()
        self.seconds["solver"] += time.perf_counter() - start
        start = time.perf_counter()
        texts = {COND: recipe.prompt, UNCOND: recipe.negative}
        self.prompts = {branch: model.encode(text, branch) for branch, text in texts.items()}
        self._check_weights()
        self.seconds["words"] += time.perf_counter() - start

    def _check_weights(self) -> None:
        weighted = any(prompt.weights is not None for prompt in self.prompts.values())
        if weighted and layout_of(self.model.network).begins:
            raise RecipeError(weighting.JOINT)

    def _solver(self) -> Solver:
        recipe, model, task = self.recipe, self.model, self.task
        # Its own generator: the same seed gives the same picture, whatever else is in the batch.
        generator = torch.Generator().manual_seed(recipe.seed)
        noise = model.noise(generator, recipe.height, recipe.width)
        if task.given:
            clean = torch.from_numpy(task.given.latents)[None]
            return solvers.Noised(task.given.levels, clean, noise)
        if task.exact is None:
            steps = task.steps or recipe.steps
            return solvers.Scheduled(
                recipe.sampler, model.scheduler_config, steps, noise, generator, recipe.eta,
                model.timing(steps, recipe.height, recipe.width),
            )  # fmt: skip
        if not guidance.is_plain(recipe):
            raise RecipeError(guidance.NOT_PLAIN)
        curve = reference.curve_of(model.scheduler_config)
        return solvers.Exact(curve, self.prediction, noise * task.exact)

    @property
    def recipe(self):
        return self.task.recipe

    @property
    def count(self) -> int:
        return len(self.solver.levels)

    @property
    def left(self) -> int:
        """Network calls (NFE) that it still needs."""
        return self.count - self.call

    @property
    def done(self) -> bool:
        return not self.left

    @property
    def level(self) -> Level:
        return self.solver.levels[self.call]

    @property
    def scale(self) -> float:
        return guidance.scale_at(self.recipe, self.call, self.count)

    @property
    def branches(self) -> tuple[str, ...]:
        return guidance.branches(self.scale, self.kind)

    def condition(self, branch: str) -> Condition:
        """What the row of that branch is told in this call."""
        told = self.scale if self.kind is guidance.EMBEDDED else None
        return Condition(self.prompts[branch], told, (self.recipe.height, self.recipe.width))

    @property
    def records_now(self) -> bool:
        """Whether this call has a conditional row whose attention must be recorded."""
        return self.recorded and COND in self.branches

    @property
    def shape(self) -> torch.Size:
        """The shape of its latents: [1, channels, h, w]."""
        return self.solver.sample.shape

    def network_input(self) -> Tensor:
        """[1, channels, h, w] = signal·x0 + noise·ε, without the sampler's own scaling."""
        return self.solver.latents(self.call)

    def advance(self, latents: Tensor, answer: CellAnswer) -> Step:
        """Guide, advance the solver by one call, and return what happened at these `latents`."""
        start, level, scale = time.perf_counter(), self.level, self.scale
        predictions = answer.predictions
        clean = {b: self.prediction.clean(latents, said, level) for b, said in predictions.items()}
        guided = self._guided(latents, predictions, clean)
        clean["guided"] = self.prediction.clean(latents, guided, level)
        self.solver.step(self.call, guided)
        if not torch.isfinite(self.solver.sample).all():
            raise FloatingPointError(f"The latents are no longer finite at call {self.call + 1}.")
        step = Step(
            self.index, self.call, self.count, level, scale, latents[0].numpy(),
            {branch: rows[0].numpy() for branch, rows in clean.items()},
            self.model.preview(clean["guided"])[0],
            _plain(answer.maps), _plain_heads(answer.heads),
        )  # fmt: skip
        self._check_heads(step)
        self.call += 1
        self.rows += len(predictions)
        self.shared += answer.shared
        self.seconds["solver"] += time.perf_counter() - start
        return step

    def _guided(self, latents: Tensor, predictions: dict, clean: dict) -> Tensor:
        """The guided prediction: the solver takes it as the output of the network."""
        if len(predictions) == 1:
            return guidance.combine(predictions, self.scale)
        if self.guider.clean:
            combined = guidance.combine(clean, self.scale, self.guider)
            guided = self.prediction.back(latents, combined, self.level)
        else:
            guided = guidance.combine(predictions, self.scale, self.guider)
        guided = self.kind.after(guided, predictions[COND])
        share = self.recipe.rescale
        return guidance.rescale(guided, predictions[COND], share) if share else guided

    def _check_heads(self, step: Step) -> None:
        """Raises ValueError if every head of every call would be too much to keep."""
        of_call = sum(h.codes.nbytes for b in (step.heads or {}).values() for h in b.values())
        if (needed := of_call * self.count) > LARGEST_HEADS:
            raise ValueError(
                f"Every head of this run would take {needed / 1e9:.1f} GB, more than the "
                f"{LARGEST_HEADS / 1e9:g} GB that can be kept; its word maps can be drawn."
            )

    def picture(self, image: np.ndarray) -> Picture:
        exact = None
        if isinstance(self.solver, solvers.Exact):
            found = self.solver.solution
            assert found is not None, "a picture is of a solver that has ended"
            exact = events.Exact(found.path[:, 0].numpy(), float(found.bound[0]))
        return Picture(
            self.index, self.recipe, image, self.solver.sample[0].numpy(), self.call, self.rows,
            self.shared, self.seconds, tuple(self.networks), exact, self.task.given is not None,
        )  # fmt: skip


def _plain(maps: Maps | None) -> events.Maps | None:
    return None if maps is None else {size: map_.numpy() for size, map_ in maps.items()}


def _plain_heads(heads: dict | None) -> dict | None:
    return heads and {
        branch: {
            size: events.Heads(each.layers, each.codes.numpy()) for size, each in grids.items()
        }
        for branch, grids in heads.items()
    }
