"""Sessions on ZeroGPU (Hugging Face Spaces), where a GPU is lent for the time of one call.

The page's process has no GPU. `spaces.GPU` runs a decorated function in a process forked for it and
passes on, pickled, what it yields: here the events of one run. To be imported before the page is
launched, because that is when `spaces` counts such functions. Without ZeroGPU the decorator changes
nothing, and all of this draws on the processor.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import spaces
import torch

from playground.diffusion.guidance import COND, UNCOND
from playground.engine import backends
from playground.engine.engine import MAX_ROWS, Engine
from playground.engine.events import Ahead, Dropped, Event, Failure, Picture, Step, Task
from playground.engine.local import LocalSession
from playground.engine.session import Edit, Price, PromptFacts
from playground.engine.work import Work
from playground.models import device, memory, specs
from playground.models.device import Place
from playground.models.latent import LatentModel
from playground.models.load import load
from playground.recipe import Recipe

Key = tuple[str, str]  # a model's name, and a LoRA as recipes name it
SHORTEST, LONGEST = 15, 120  # seconds that a run may ask for; they come from the visitor's quota
READING = 2e9  # bytes a second onto the GPU
GUESS = 0.08  # seconds of a row at 1024 × 1024, by billion parameters, until a row was measured
KEPT = 64  # prompts whose embeds are kept in the page's process

# By memory that the forked process inherits: nothing as large can be passed to it.
_models: dict[Key, LatentModel] = {}


@dataclass(frozen=True)
class Asked:
    """What `Session.submit` was asked."""

    tasks: tuple[Task, ...]
    record: bool
    heads: bool
    edit: Edit | None


@dataclass(frozen=True, eq=False)
class Described:
    """Prompts as the text encoder reads them, by text and branch."""

    facts: dict[tuple[str, str], PromptFacts]


@dataclass(frozen=True)
class Refused:
    """What a ValueError says: exceptions do not come through as they are."""

    sentence: str


def _duration(key: Key, asked: Asked, seconds: int) -> int:
    return seconds


@spaces.GPU(duration=_duration)
def drawn(key: Key, asked: Asked, seconds: int) -> Iterator[Event | Described | Refused]:
    """The events of one run, on the GPU. Closing it stops the run after a step."""
    try:
        session = _here(key)
        yield Described(_described(session, asked))
        with session.submit(
            asked.tasks, record=asked.record, heads=asked.heads, edit=asked.edit
        ) as run:
            yield from run
    except ValueError as error:
        yield Refused(str(error))


@spaces.GPU(duration=SHORTEST)
def called(key: Key, method: str, arguments: tuple) -> Any:
    """One answer of a session on the GPU: decode, encode, work_out."""
    return getattr(_here(key), method)(*arguments)


def _here(key: Key) -> LocalSession:
    """A session where this function runs, its weights on the GPU if there is one."""
    model = _models.get(key)
    if model is None:  # this process was forked before the model was loaded
        model = _models[key] = load(*key)
    model.renew_locks()
    if torch.cuda.is_available() and model.device != "cuda":
        model.move("cuda")
    rows = memory.rows(MAX_ROWS, model.nbytes, model.device or "cpu")
    return LocalSession(Engine(model, rows, backends.fastest(model)), specs.get(key[0]).defaults)


def _described(session: LocalSession, asked: Asked) -> dict[tuple[str, str], PromptFacts]:
    recipes = [task.recipe for task in asked.tasks]
    if asked.edit:
        recipes.append(session.plan(recipes[0], asked.edit).recipe)
    said = {(r.prompt, COND) for r in recipes} | {(r.negative, UNCOND) for r in recipes}
    return {each: session.describe(*each) for each in said}


class LentRun:
    """A `Run` whose events come from a GPU that is lent for it."""

    def __init__(self, asked: Asked, cells: int, begin: Callable[[], Iterator]):
        self.asked, self._cells, self._begin = asked, cells, begin
        self.ended = self._cancelled = False
        self._done: set[int] = set()
        self._dropped: list[int] = []

    def __iter__(self) -> Iterator[Event]:
        events = self._begin()
        try:
            for event in events:
                yield from self._said()
                if self._cancelled:
                    return
                if isinstance(event, Refused):
                    yield from self._failed(event.sentence)
                    return
                if event.cell not in self._done:
                    if not isinstance(event, Step):
                        self._done.add(event.cell)
                    yield event
        except Exception as error:
            # Those of gradio, as `spaces` raises them (quota, no GPU, aborted), are ValueErrors.
            own = isinstance(error, ValueError) and not hasattr(error, "message")
            yield from self._failed(str(error) if own else reason(error))
        finally:
            events.close()  # type: ignore[attr-defined]
            self.ended = True

    def _said(self) -> Iterator[Event]:
        """Cells that were dropped meanwhile."""
        while self._dropped:
            cell = self._dropped.pop()
            if cell not in self._done:
                self._done.add(cell)
                yield Dropped(cell)

    def _failed(self, sentence: str) -> Iterator[Event]:
        for cell in range(self._cells):
            if cell not in self._done:
                yield Failure(cell, sentence)

    def ahead(self) -> Iterator[Ahead]:
        """What waits for a GPU is not known."""
        return iter(())

    def drop(self, recipe: Recipe) -> None:
        named = [i for i, task in enumerate(self.asked.tasks) if task.recipe == recipe]
        self._dropped += range(self._cells) if self.asked.edit and named else named

    def cancel(self) -> None:
        self._cancelled = True

    def __enter__(self) -> "LentRun":
        return self

    def __exit__(self, *_) -> None:
        self.cancel()


def reason(error: Exception) -> str:
    """What `spaces` says, without its HTML."""
    said = re.sub(r"<[^>]*>", "", str(getattr(error, "message", "") or error)).strip()
    return f"No GPU was lent for this: {(said or type(error).__name__).rstrip('.')}."


class ZeroGPUSession(LocalSession):
    """A `Session` whose runs are drawn on a lent GPU; prices and noise are the page's own."""

    def __init__(self, key: Key, engine: Engine):
        super().__init__(engine, specs.get(key[0]).defaults)
        self._key = key
        self._lock = threading.Lock()
        self._runs: dict[tuple[str | None, str], LentRun] = {}
        self._facts: OrderedDict[tuple[str, str], PromptFacts] = OrderedDict()
        self._row: float | None = None  # seconds of a network row, as measured last

    def submit(  # type: ignore[override]
        self, tasks: Sequence[Task | Recipe], *, record: bool = False, heads: bool = False,
        edit: Edit | None = None, visitor: str | None = None, section: str = "",
        asked: float | None = None,
    ) -> LentRun:  # fmt: skip
        wanted = tuple(Task.of(task) for task in tasks)
        if self.engine.work:
            calls = sum(self._calls(task) for task in wanted)
            self.engine.work.admit(visitor, len(wanted), calls, self.busy)
        order = Asked(wanted, record, heads, edit)
        run = LentRun(order, 2 if edit else len(wanted), lambda: self._events(order))
        with self._lock:
            before = self._runs.get((visitor, section))
            if before and visitor is not None:
                before.cancel()
            self._runs = {key: one for key, one in self._runs.items() if not one.ended}
            self._runs[visitor if visitor is not None else f"{id(run)}", section] = run
        return run

    def _events(self, asked: Asked) -> Iterator[Event | Refused]:
        """Those of the GPU; what it described is kept, and what its rows took."""
        lent = drawn(self._key, asked, self.duration(asked.tasks))
        with closing(lent):
            for event in lent:
                if isinstance(event, Described):
                    self._keep(event.facts)
                    continue
                if isinstance(event, Picture) and event.rows:
                    self._row = event.seconds["network"] / event.rows
                yield event

    def _keep(self, facts: dict[tuple[str, str], PromptFacts]) -> None:
        with self._lock:
            self._facts.update(facts)
            while len(self._facts) > KEPT:
                self._facts.popitem(last=False)

    def duration(self, tasks: Sequence[Task]) -> int:
        """Seconds that the GPU is asked for: the price and a half, and the way of the weights."""
        rows = self.price(tasks).rows
        most = max(task.recipe.width * task.recipe.height for task in tasks)
        guess = GUESS * self.facts.parameters / 1e9 * most / 1024**2
        seconds = rows * (self._row or guess) * 1.5 + self.nbytes / READING + 5
        return int(min(max(seconds, SHORTEST), LONGEST))

    def price(self, tasks: Sequence[Task | Recipe]) -> Price:
        price = super().price(tasks)
        return replace(price, seconds=price.rows * self._row if self._row else None)

    def describe(self, prompt: str, branch: str = COND) -> PromptFacts:
        with self._lock:
            known = self._facts.get((prompt, branch))
        return known or super().describe(prompt, branch)

    def drop(self, visitor: str, section: str, recipe: Recipe) -> None:
        if run := self._runs.get((visitor, section)):
            run.drop(recipe)

    def decode(self, latents: np.ndarray) -> np.ndarray:
        return called(self._key, "decode", (latents,))

    def encode(self, picture: np.ndarray) -> np.ndarray:
        return called(self._key, "encode", (picture,))

    def work_out(self, *arguments):
        return called(self._key, "work_out", arguments)

    @property
    def busy(self) -> bool:
        return any(not run.ended for run in list(self._runs.values()))

    @property
    def stalled(self) -> float:
        return 0.0  # who waits for a GPU does not stall the process

    def close(self) -> None:
        for run in list(self._runs.values()):
            run.cancel()
        _models.pop(self._key, None)

    def prepare(self) -> None:
        """Nothing: no backend is faster there."""

    practise = prepare


def open_session(
    name: str, lora: str = "", report: Callable[[int, int], None] | None = None,
    work: Work | None = None,
) -> ZeroGPUSession:  # fmt: skip
    """A session on a checkpoint whose weights wait in the processor's memory."""
    largest = max(specs.get(name).checkpoint.parameters.values())
    kind = torch.bfloat16 if largest >= device.SMALL else torch.float32
    model = load(name, lora, report or (lambda *_: None), Place("cpu", kind))
    _models[name, lora] = model
    return ZeroGPUSession((name, lora), Engine(model, MAX_ROWS, backends.fastest(model), work))
