"""Sessions in this process: an engine for each model, loaded when it is first asked for."""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from playground.attention.summing import DEFAULT, Aggregation
from playground.attention.worked import work_out
from playground.diffusion import guidance, reference, samplers
from playground.engine import backends, edits, reading
from playground.engine.engine import MAX_ROWS, Engine
from playground.engine.events import Task
from playground.engine.runs import Run
from playground.engine.session import (
    Edit,
    EditPlan,
    ModelFacts,
    Price,
    PromptFacts,
    WorkedLayer,
)
from playground.engine.work import Work
from playground.models import memory, specs
from playground.models.load import load
from playground.recipe import Recipe

LARGE = 1_000_000_000  # bytes of weights: a network call takes seconds on a processor


class LocalSession:
    """A `Session` that draws with an engine of this process."""

    def __init__(self, engine: Engine, defaults: Mapping[str, object] | None = None):
        """`defaults` are the recipe's fields that differ for this model (see `models.specs`)."""
        self.engine, self.model, self.defaults = engine, engine.model, defaults or {}
        self.nbytes = engine.model.nbytes
        self._alone = threading.Lock()  # what is computed beside the engine is so one by one
        model = self.model
        self.facts = ModelFacts(
            model.name, model.channels, model.factor, model.multiple, model.guidance_kind,
            model.scheduler_config, model.preview_map.numpy(),
            sum(weights.numel() for weights in model.network.parameters()),
            dict(model.network.config),
        )  # fmt: skip

    def submit(
        self, tasks: Sequence[Task | Recipe], *, record: bool = False, heads: bool = False,
        edit: Edit | None = None, visitor: str | None = None, section: str = "",
        asked: float | None = None,
    ) -> Run:  # fmt: skip
        plan = None
        if edit:
            (source,) = (Task.of(task).recipe for task in tasks)
            made = edits.planned(self.model, source, edit)
            alone = [made.recipe] if made.recipe != source else []
            tasks, plan = [source, made.recipe, *alone], made.plan
        return self.engine.submit(tasks, record, heads, plan, visitor, section, asked)

    def drop(self, visitor: str, section: str, recipe: Recipe) -> None:
        self.engine.cancel_cell(visitor, section, recipe)

    def describe(self, prompt: str, branch: str = guidance.COND) -> PromptFacts:
        said = self.model.encode(prompt, branch)
        return PromptFacts(
            said.text, said.ids, said.names, said.roles, said.words, said.cut,
            said.embeds[0].numpy(),
        )  # fmt: skip

    def plan(self, recipe: Recipe, edit: Edit) -> EditPlan:
        made = edits.planned(self.model, recipe, edit)
        return EditPlan(made.recipe, made.touched)

    def price(self, tasks: Sequence[Task | Recipe]) -> Price:
        if not tasks:
            return Price(0, 0, 0, 0.0)
        wanted = [Task.of(task) for task in tasks]
        calls = [self._calls(task) for task in wanted]
        rows = sum(
            guidance.rows(task.recipe, n, self.facts.guidance)
            for task, n in zip(wanted, calls, strict=True)
        )
        launches = max(math.ceil(rows / self.engine.max_rows), *calls)
        seconds = self.engine.seconds_per_call(rows / launches)
        return Price(sum(calls), rows, launches, seconds and launches * seconds)

    def _calls(self, task: Task) -> int:
        if task.given:
            return len(task.given.levels)
        if task.exact is not None:
            return reference.calls()
        return samplers.get(task.recipe.sampler).network_calls(task.steps or task.recipe.steps)

    def call_seconds(self) -> dict[int, float]:
        return self.engine.measured()

    def timing(self, steps: int, height: int, width: int) -> dict[str, Any]:
        return self.model.timing(steps, height, width)

    def noise(self, seed: int, height: int, width: int) -> np.ndarray:
        generator = torch.Generator().manual_seed(seed)
        return self.model.noise(generator, height, width)[0].numpy()

    def decode(self, latents: np.ndarray) -> np.ndarray:
        with self._alone:
            return self.engine.network.decode(torch.tensor(latents))

    def encode(self, picture: np.ndarray) -> np.ndarray:
        with self._alone:
            return self.model.latents_of(picture)[0].numpy()

    def read(
        self, picture: np.ndarray, prompt: str, *, how: Aggregation = DEFAULT, seed: int = 0,
        heads: bool = False, visitor: str | None = None, section: str = "",
        asked: float | None = None,
    ) -> Run:  # fmt: skip
        task = reading.task(self, self.defaults, picture, prompt, how, seed)
        return self.submit([task], record=True, heads=heads, visitor=visitor, section=section,
                           asked=asked)  # fmt: skip

    def work_out(
        self, prompt: str, latents: np.ndarray, timestep: float, x: float, y: float, w: float = 1.0
    ) -> list[WorkedLayer]:
        said, seen = self.model.encode(prompt), torch.tensor(latents)[None]
        told = w if self.facts.guidance is guidance.EMBEDDED else None
        with self._alone:
            layers = work_out(self.model, seen, timestep, said, x, y, told)
        return [
            WorkedLayer(
                layer.name, layer.grid, layer.place, layer.width, layer.scores.numpy(),
                layer.weights.numpy(), layer.moves.numpy(), layer.moved.numpy(), layer.total,
                layer.feature,
            )
            for layer in layers
        ]  # fmt: skip

    def prepare(self) -> None:
        """Prepare the fastest backend. This takes seconds; drawing goes on meanwhile."""
        self.engine.network.prepare()

    @property
    def busy(self) -> bool:
        return self.engine.busy

    @property
    def stalled(self) -> float:
        return self.engine.stalled

    def close(self) -> None:
        self.engine.stop()

    def practise(self) -> None:
        """Draw a little with one row, with two rows, and with a full call.

        The first call of each size is slow. Afterwards a visitor's first picture is fast, and the
        seconds of a call are known before anyone asks what a race will cost. Of a model whose call
        takes seconds one call is enough, and its picture is not decoded.
        """
        usual = Recipe.for_model(self.model.name, self.defaults)
        if self.nbytes > LARGE:
            with self.engine.submit([replace(usual, steps=2, guidance=1.0)]) as run:
                next(iter(run))
            return
        for number, scale, steps in ((1, 1.0, 4), (1, 5.0, 4), (self.engine.max_rows // 2, 5.0, 2)):
            w = scale if self.facts.guidance.branches else 1.0  # else a row is all there is
            recipes = [replace(usual, steps=steps, seed=seed, guidance=w) for seed in range(number)]
            list(self.engine.submit(recipes))


def open_session(
    name: str, lora: str = "", report: Callable[[int, int], None] | None = None,
    work: Work | None = None,
) -> LocalSession:  # fmt: skip
    """A new session on the model of that name: its weights are read, its first pictures drawn.

    `work` limits what each visitor may ask for.
    """
    model = load(name, lora, report or (lambda *_: None))
    rows = memory.rows(MAX_ROWS, model.nbytes, model.device or "cpu")
    engine = Engine(model, rows, backends.fastest(model), work)
    session = LocalSession(engine, specs.get(name).defaults)
    session.practise()
    return session
