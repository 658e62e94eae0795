"""The runs of all visitors, and the order in which the engine's ticks serve them."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from torch import Tensor

from playground.diffusion.guidance import COND
from playground.diffusion.levels import Level
from playground.engine.cells import Cell
from playground.engine.events import Dropped, Event, Step
from playground.models.prompt import Condition
from playground.recipe import Recipe


class _Owner(Protocol):
    def remove(self, run: "Run") -> None: ...


class Run:
    """A visitor's cells: iterate for events, `cancel` (or leave the `with`) to stop."""

    def __init__(
        self, engine: _Owner, cells: Sequence[Cell], visitor: str | None, section: str, asked: float
    ):
        self._engine = engine
        self._events: SimpleQueue[Event | None] = SimpleQueue()
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

    def put(self, event: Event | None) -> None:
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


SINGLE, BESIDE = 2, 4  # cells of a visitor who waits for a picture; rows for all others beside


class Turns:
    """Runs by visitor. A visitor with ten runs has no more turns than one with a single run."""

    def __init__(self):
        self._visitors: deque[tuple[object, deque[Run]]] = deque()

    @property
    def runs(self) -> list[Run]:
        return [run for _, mine in self._visitors for run in mine]

    def of(self, visitor: str | None, section: str) -> list[Run]:
        return [r for r in self.runs if (r.visitor, r.section) == (visitor, section)]

    def add(self, run: Run) -> list[Run]:
        """Add a run; returns those that it replaces: the visitor's earlier ones in its section."""
        key = run if run.visitor is None else run.visitor  # without a name: a visitor of its own
        for other, mine in self._visitors:
            if other == key:
                mine.append(run)
                break
        else:
            self._visitors.append((key, deque([run])))
        if run.visitor is None:
            return []
        return sorted(self.of(run.visitor, run.section), key=lambda r: r.asked)[:-1]

    def remove(self, run: Run) -> None:
        for _, mine in self._visitors:
            if run in mine:
                mine.remove(run)
        self._visitors = deque(pair for pair in self._visitors if pair[1])

    def forget_finished(self) -> None:
        for run in [r for r in self.runs if not r.cells]:
            self.remove(run)

    def rows(self, max_rows: int) -> int:
        """How many rows the next tick may have.

        Fewer than `max_rows` while single pictures are drawn beside another visitor's many: the
        time of a call grows with its rows, and a single picture waits for the whole of each call.
        """
        cells = [sum(len(run.cells) for run in mine) for _, mine in self._visitors]
        singles = sum(count <= SINGLE for count in cells)
        if singles in (0, len(cells)):
            return max_rows
        return min(max_rows, 2 * singles + BESIDE)

    def in_turn(self, max_rows: int) -> Iterator[tuple[Run, Cell]]:
        """One cell of each visitor, then the next one of each, and so on (round robin)."""
        waiting = [
            deque(zip_in_turn([(run, in_order(run, max_rows)) for run in mine]))
            for _, mine in self._visitors
        ]
        while waiting:
            for queue in waiting:
                yield queue.popleft()
            waiting = [queue for queue in waiting if queue]

    def next_turn(self) -> None:
        """Move the visitor served first to the back, and the first of this visitor's runs too."""
        self._visitors.rotate(-1)
        if self._visitors:
            self._visitors[-1][1].rotate(-1)


def zip_in_turn(runs: Sequence[tuple[Run, Sequence[Cell]]]) -> Iterator[tuple[Run, Cell]]:
    """The first cell of each run, the second of each, and so on."""
    for place in range(max(len(cells) for _, cells in runs)):
        yield from ((run, cells[place]) for run, cells in runs if place < len(cells))


def leaders(cells: Sequence[Cell]) -> list[Cell]:
    """Cells whose source is not among them: an edited cell is served with its source."""
    return [cell for cell in cells if cell.source is None or cell.source not in cells]


def in_order(run: Run, max_rows: int) -> list[Cell]:
    """A run's cells in the order of service: urgent ones, then the others as they were asked for.

    A cell is urgent if waiting would make the run longer than its lower bound. The bound is the
    calls of its longest cell, or all its rows in full calls, whichever is more (McNaughton 1959,
    Management Science 6, 1). So cells that fit into one call advance together. If there are more,
    the first ones are finished first: a run that is stopped half-way has half of its pictures.
    """
    cells = leaders(run.cells)
    rows = sum(len(cell.branches) * cell.left for cell in cells)
    shortest = max(math.ceil(rows / max_rows), *(cell.left for cell in cells))
    return sorted(cells, key=lambda cell: cell.left < shortest)


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
