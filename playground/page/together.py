"""Several recipes drawn together from the same noise: their states, and how much is done."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from playground.diffusion import guidance, samplers
from playground.engine.events import Dropped, Failure, Picture, Step
from playground.engine.record import RunRecord, records
from playground.engine.session import Run, Session
from playground.page import fits
from playground.recipe import Recipe

FRAME = 0.25  # seconds between frames of all previews
# Fields that a price depends on.
PRICED = ("model", "guidance", "steps", "guidance_start", "guidance_stop")


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

    def take(self, event: Step | RunRecord | Failure | Dropped) -> None:
        if isinstance(event, Step):
            self.cells[event.cell].steps.append(event)
        elif isinstance(event, RunRecord):
            self.cells[event.picture.cell].end = event
        else:
            self.cells[event.cell].end = event

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
    state, shown = Together(recipes), 0.0
    for event in records(session, run):
        state.take(event)
        recent = isinstance(event, Step) and time.perf_counter() - shown < FRAME
        if state.share < 1 and not recent:
            yield state
            shown = time.perf_counter()
    yield state
