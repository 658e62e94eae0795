"""A visitor's run, and the rows that the cells of all runs need together."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from torch import Tensor

from playground.diffusion.guidance import COND
from playground.diffusion.levels import Level
from playground.engine.cells import Cell
from playground.engine.events import Ahead, Dropped, Event, Step
from playground.models.prompt import Condition
from playground.recipe import Recipe

FIRST, AGAIN = 0.1, 1.0  # seconds of waiting after which a run says so, and says so again
SHARE = 0.1  # … but later the more others there are, since everybody's sentences cost time


class _Owner(Protocol):
    def remove(self, run: "Run") -> None: ...
    def ahead(self, run: "Run") -> Ahead: ...
    def full(self, run: "Run") -> bool: ...


class Run:
    """A visitor's cells: iterate for events, `cancel` (or leave the `with`) to stop."""

    def __init__(
        self, engine: _Owner, cells: Sequence[Cell], visitor: str | None, section: str, asked: float
    ):
        self._engine = engine
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self.begun = threading.Event()  # or ended: nothing stands before it any more
        self.visitor, self.section, self.asked = visitor, section, asked
        self.cells = list(cells)  # that have not ended, in the order they were asked for
        self.pending = len(cells)  # cells that have not ended, as the reader of events sees it

    def __iter__(self) -> Iterator[Event]:
        while self.pending:
            event = self._events.get()
            if event is None:
                self.pending = 0
                return
            self.pending -= not isinstance(event, Step)
            yield event

    def ahead(self) -> Iterator[Ahead]:
        """What stands before this run, now and then until its first network call begins."""
        pause = 0.0 if self._engine.full(self) else FIRST  # else it may begin at once
        while not self.begun.wait(pause):
            ahead = self._engine.ahead(self)
            yield ahead
            pause = max(AGAIN, ahead.others * SHARE)

    def put(self, event: Event | None) -> None:
        self.begun.set()
        self._events.put(event)

    def drop(self, recipe: Recipe) -> None:
        """Cancel the cell that draws `recipe`, and its edit."""
        named = [cell for cell in self.cells if cell.recipe == recipe]
        for cell in [c for c in self.cells if c in named or c.source in named]:
            self.cells.remove(cell)
            self.put(Dropped(cell.index))

    def cancel(self) -> None:
        """Remove all unfinished cells; the iteration then ends."""
        self._engine.remove(self)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_) -> None:
        self.cancel()


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a network call: latents [1, channels, h, w], their level and their condition."""

    latents: Tensor
    level: Level
    condition: Condition


def distinct_rows(
    cells: Sequence[Cell], inputs: Sequence[Tensor]
) -> tuple[list[Row], dict[tuple[int, str], int]]:
    """The rows to compute, and for each branch of a cell the row that answers it.

    Rows with equal numbers are computed once. So cells of the same noise and prompt share their
    first call at any w, and so do visitors who draw the same recipe. A row whose attention is
    edited is never shared.
    """
    rows: list[Row] = []
    numbers: dict[tuple, int] = {}
    row_of: dict[tuple[int, str], int] = {}
    for i, (cell, latents) in enumerate(zip(cells, inputs, strict=True)):
        content, level = latents.numpy().tobytes(), cell.level
        for branch in cell.branches:
            told = cell.condition(branch)
            edited = cell if cell.plan and branch == COND else None
            key = (content, level, told.prompt, told.guidance, told.size, edited)
            number = numbers.setdefault(key, len(rows))
            row_of[i, branch] = number
            if number == len(rows):
                rows.append(Row(latents, level, told))
    return rows, row_of
