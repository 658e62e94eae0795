"""Several recipes drawn together from the same noise: their states, and how much is done."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.diffusion import guidance, samplers
from playground.engine.events import Dropped, Failure, Picture, Step
from playground.engine.record import RunRecord, records
from playground.engine.session import Run, Session
from playground.page import fits
from playground.recipe import Recipe

FRAME = 0.25  # seconds between frames of all previews


def calls(recipe: Recipe) -> int:
    """Network calls (NFE) of this recipe."""
    return samplers.get(recipe.sampler).network_calls(recipe.steps)


def rows(recipe: Recipe) -> int:
    """Network rows of these calls."""
    return guidance.rows(recipe, calls(recipe), fits.of(recipe.model, recipe.lora).guidance)


@dataclass(eq=False)
class Drawn:
    """One of the recipes: its steps so far and, once it has ended, how."""

    recipe: Recipe
    steps: list[Step] = field(default_factory=list)
    end: RunRecord | Failure | Dropped | None = None


class Together:
    """All of them."""

    def __init__(self, recipes: Sequence[Recipe]):
        self.cells = [Drawn(recipe) for recipe in recipes]
        self.started = time.perf_counter()

    def take(self, event: Step | RunRecord | Failure | Dropped, places: Sequence[int]) -> None:
        """`places` are the numbers, among all recipes, of the cells of the event's run."""
        if isinstance(event, Step):
            self.cells[places[event.cell]].steps.append(event)
        elif isinstance(event, RunRecord):
            self.cells[places[event.picture.cell]].end = event
        else:
            self.cells[places[event.cell]].end = event

    @property
    def pictures(self) -> list[Picture]:
        return [cell.end.picture for cell in self.cells if isinstance(cell.end, RunRecord)]

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self.started

    @property
    def share(self) -> float:
        """How much of all calls is done; 1 only when every cell has ended."""
        if all(cell.end for cell in self.cells):
            return 1.0
        counts = [calls(cell.recipe) for cell in self.cells]
        done = [n if c.end else len(c.steps) for n, c in zip(counts, self.cells, strict=True)]
        return min(sum(done) / sum(counts), 0.99)

    @property
    def left(self) -> float:
        """Seconds still to wait, at the speed so far."""
        share = max(self.share, 0.01)
        return self.spent / share * (1 - share)


def follow(session: Session, run: Run, recipes: Sequence[Recipe]) -> Iterator[Together]:
    """The state of a run: every now and then, whenever a cell ends, and at the end."""
    yield from follow_all([Part(session, run, range(len(recipes)))], recipes)


@dataclass(frozen=True)
class Part:
    """One model's run of some of the recipes: those at `places` among all."""

    session: Session
    run: Run
    places: Sequence[int]


def by_model(recipes: Sequence[Recipe]) -> dict[tuple[str, str], list[int]]:
    """The places of each model's recipes, by model and LoRA."""
    found: dict[tuple[str, str], list[int]] = {}
    for place, recipe in enumerate(recipes):
        found.setdefault((recipe.model, recipe.lora), []).append(place)
    return found


def follow_all(parts: Sequence[Part], recipes: Sequence[Recipe]) -> Iterator[Together]:
    """As `follow`, of runs of several models at the same time."""
    state, shown = Together(recipes), 0.0
    for part, event in merged([records(part.session, part.run) for part in parts]):
        state.take(event, parts[part].places)
        recent = isinstance(event, Step) and time.perf_counter() - shown < FRAME
        if state.share < 1 and not recent:
            yield state
            shown = time.perf_counter()
    yield state


def merged(sources: Sequence[Iterator]) -> Iterator[tuple[int, Any]]:
    """What any of the sources yields, as it comes, with the source's number.

    Each is read by a thread of its own until it ends; what it raises is raised here.
    """
    if len(sources) == 1:
        yield from ((0, item) for item in sources[0])
        return
    arrived: queue.SimpleQueue = queue.SimpleQueue()

    def read(number: int, source: Iterator) -> None:
        try:
            for item in source:
                arrived.put((number, item, None))
            arrived.put((number, None, StopIteration()))
        except Exception as error:
            arrived.put((number, None, error))

    for number, source in enumerate(sources):
        threading.Thread(target=read, args=(number, source), daemon=True).start()
    reading = len(sources)
    while reading:
        number, item, end = arrived.get()
        if end is None:
            yield number, item
        elif isinstance(end, StopIteration):
            reading -= 1
        else:
            raise end
