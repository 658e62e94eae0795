"""A session whose network is in replicas: the page asks it as it asks one of its own process."""

import functools
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from playground.attention.summing import DEFAULT, Aggregation
from playground.diffusion.guidance import COND, KINDS
from playground.engine import reading
from playground.engine.events import Task
from playground.engine.session import (
    Edit,
    EditPlan,
    ModelFacts,
    Price,
    PromptFacts,
    WorkedLayer,
)
from playground.recipe import Recipe
from playground.replicas.records import Asked, ReplicaLostError, Transport
from playground.replicas.run import ReplicatedRun


class ReplicatedSession:
    """A `Session` of one model. Its `Transport` finds a replica, which opens the model."""

    nbytes = 0  # of weights in this process

    def __init__(
        self, transport: Transport, model: str, lora: str = "",
        defaults: Mapping[str, object] | None = None,
        tell: Callable[[str], object] = lambda _: None,
    ):  # fmt: skip
        """`defaults` are the recipe's fields that differ for this model (see `models.specs`);
        `tell` says a sentence to whoever iterates over a run.
        """
        self._transport, self._model, self._lora = transport, model, lora
        self.defaults, self._tell = defaults or {}, tell
        self._lock = threading.Lock()
        self._runs: set[ReplicatedRun] = set()  # that have not ended
        facts = self._ask("facts")
        self.facts: ModelFacts = replace(facts, guidance=KINDS[facts.guidance.name])

    def submit(
        self, tasks: Sequence[Task | Recipe], *, record: bool = False, heads: bool = False,
        edit: Edit | None = None, visitor: str | None = None, section: str = "",
        asked: float | None = None,
    ) -> ReplicatedRun:  # fmt: skip
        wanted = Asked(
            visitor or secrets.token_hex(8), tuple(map(Task.of, tasks)), record, heads, edit,
            visitor, section, time.monotonic() if asked is None else asked,
        )  # fmt: skip
        opener = functools.partial(self._transport.open, self._model, self._lora)
        run = ReplicatedRun(opener, wanted, self._forget, self._tell)
        run.wait()
        for other in self._add(run):
            other.cancel()
        return run

    def _add(self, run: ReplicatedRun) -> list[ReplicatedRun]:
        """Those that must end now, because a visitor has one run in each section.

        A replica sees to that among its own runs; the visitor's last one may be on another.
        """
        with self._lock:
            if not run.ended:
                self._runs.add(run)
            return sorted(self._of(run.asked.visitor, run.asked.section), key=_when)[:-1]

    def _of(self, visitor: str | None, section: str) -> list[ReplicatedRun]:
        named = (visitor, section)
        if visitor is None:
            return []
        return [r for r in self._runs if (r.asked.visitor, r.asked.section) == named]

    def _forget(self, run: ReplicatedRun) -> None:
        with self._lock:
            self._runs.discard(run)

    def drop(self, visitor: str, section: str, recipe: Recipe) -> None:
        with self._lock:
            mine = self._of(visitor, section)
        for run in mine:
            run.drop(recipe)
        self._ask("drop", visitor, section, recipe, key=visitor)

    def read(
        self, picture: np.ndarray, prompt: str, *, how: Aggregation = DEFAULT, seed: int = 0,
        heads: bool = False, visitor: str | None = None, section: str = "",
        asked: float | None = None,
    ) -> ReplicatedRun:  # fmt: skip
        task = reading.task(self, self.defaults, picture, prompt, how, seed)
        return self.submit([task], record=True, heads=heads, visitor=visitor, section=section,
                           asked=asked)  # fmt: skip

    @property
    def busy(self) -> bool:
        return bool(self._runs)

    @property
    def stalled(self) -> float:
        with self._lock:
            latest = max((run.moved for run in self._runs), default=None)
        return 0.0 if latest is None else time.monotonic() - latest

    def close(self) -> None:
        with self._lock:
            runs = list(self._runs)
        for run in runs:
            run.cancel()

    # ---- what a replica is asked ------------------------------------------------------------

    def _ask(self, method: str, *arguments: Any, key: str = "", **options: Any) -> Any:
        """The answer of any replica, or of the key's; if that one is lost, of the next."""
        for last in (False, True):
            try:
                answer = self._transport.call(
                    self._model, self._lora, key or secrets.token_hex(8), method, arguments, options
                )
            except ReplicaLostError:
                if last:
                    raise
                continue
            if answer.error:
                raise answer.error
            return answer.value
        raise AssertionError("unreachable")

    def describe(self, prompt: str, branch: str = COND) -> PromptFacts:
        return self._ask("describe", prompt, branch)

    def plan(self, recipe: Recipe, edit: Edit) -> EditPlan:
        return self._ask("plan", recipe, edit)

    def price(self, tasks: Sequence[Task | Recipe]) -> Price:
        return self._ask("price", tasks)

    def call_seconds(self) -> dict[int, float]:
        return self._ask("call_seconds")

    def timing(self, steps: int, height: int, width: int) -> dict[str, Any]:
        return self._ask("timing", steps, height, width)

    def noise(self, seed: int, height: int, width: int) -> np.ndarray:
        return self._ask("noise", seed, height, width)

    def decode(self, latents: np.ndarray) -> np.ndarray:
        return self._ask("decode", latents)

    def encode(self, picture: np.ndarray) -> np.ndarray:
        return self._ask("encode", picture)

    def work_out(
        self, prompt: str, latents: np.ndarray, timestep: float, x: float, y: float, w: float = 1.0
    ) -> list[WorkedLayer]:
        return self._ask("work_out", prompt, latents, timestep, x, y, w)

    def prepare(self) -> None:
        """Wait until a replica has its fastest backend; each prepares its own when it opens."""
        self._ask("prepare")

    def practise(self) -> None:
        self._ask("practise")


def _when(run: ReplicatedRun) -> float:
    return run.asked.asked
