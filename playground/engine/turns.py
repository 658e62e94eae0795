"""Whose turn it is: the order in which the engine's ticks serve the runs of all visitors."""

import itertools
import math
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from playground.engine.cells import Cell
from playground.engine.runs import Run

SINGLE = 2  # cells in work of a visitor who waits for a picture, not for many
BESIDE = 2  # rows of a call for all others while a single picture is drawn: one cell
EVERY = 4  # while there are many of these, one cell in so many is of the others


@dataclass(frozen=True)
class Before:
    """Who is served before a run: other visitors, and the calls of so many rows until it ends."""

    others: int
    launches: int
    rows: float


class Turns:
    """Runs by visitor. A visitor with ten runs has no more turns than one with a single run.

    Who waits for a single picture is served in the order of asking, so that pictures end one after
    the other and not all at the end; who wants many has the rest, in turn.
    """

    def __init__(self):
        self._visitors: deque[tuple[object, deque[Run]]] = deque()
        self._asked: dict[Run, int] = {}  # in which order
        self._numbers, self._ticks = itertools.count(), 0

    @property
    def runs(self) -> list[Run]:
        return [run for _, mine in self._visitors for run in mine]

    def of(self, visitor: str | None, section: str) -> list[Run]:
        return [r for r in self.runs if (r.visitor, r.section) == (visitor, section)]

    def add(self, run: Run) -> list[Run]:
        """Add a run; returns those that it replaces: the visitor's earlier ones in its section."""
        key = run if run.visitor is None else run.visitor  # without a name: a visitor of its own
        self._asked[run] = next(self._numbers)
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
        self._asked.pop(run, None)
        self._visitors = deque(pair for pair in self._visitors if pair[1])

    def forget_finished(self) -> None:
        for run in [r for r in self.runs if not r.cells]:
            self.remove(run)

    def rows(self, max_rows: int) -> int:
        """How many rows the next tick may have.

        Fewer than `max_rows` while single pictures are drawn beside another visitor's many: the
        time of a call grows with its rows, and a single picture waits for the whole of each call.
        So the others have one cell, an edited one with its source; of many single pictures' calls
        they have a quarter.
        """
        singles, many = self._parted()
        if not (singles and many):
            return max_rows
        own = sum(len(cell.branches) for mine in singles for run in mine for cell in run.cells)
        theirs = BESIDE * math.ceil(own / (BESIDE * (EVERY - 1)))
        together = Counter[Cell]()
        for cell in (cell for mine in many for run in mine for cell in run.cells):
            together[cell.source or cell] += len(cell.branches)
        return min(max_rows, own + max(theirs, *together.values()))

    def in_turn(self, max_rows: int) -> Iterator[tuple[Run, Cell]]:
        """All cells in the order of service: mostly those of single pictures, and every `EVERY`th
        one, which moves on with each tick, of those who want many.
        """
        singles, many = (
            zip_in_turn([served(mine, max_rows) for mine in group]) for group in self._parted()
        )
        for place in itertools.count(self._ticks):
            first, second = (many, singles) if place % EVERY == 0 else (singles, many)
            found = next(first, None) or next(second, None)
            if found is None:
                return
            yield found

    def next_turn(self) -> None:
        """Move the visitor served first to the back, and the first of everybody's runs too."""
        self._ticks += 1
        self._visitors.rotate(-1)
        for _, mine in self._visitors:
            mine.rotate(-1)

    def before(self, run: Run, max_rows: int) -> Before:
        """Who and what is served before this run has ended, as far as is known now."""
        singles, many = self._parted()
        others = [mine for mine in (*singles, *many) if run not in mine]
        if any(run in mine for mine in singles):
            number = self._asked[run]
            first = [mine for mine in singles if self._number(mine) < number and run not in mine]
            rows = sum(map(rows_of, itertools.chain(*first)))
            capacity = max(1, max_rows * (EVERY - 1) // EVERY if many else max_rows)
            others = [*first, *many]
        else:
            rows = sum(min(rows_of(run), sum(map(rows_of, mine))) for mine in others)
            capacity = max_rows
        rows += rows_of(run)
        launches = max(math.ceil(rows / capacity), *(cell.left for cell in run.cells), 1)
        beside = BESIDE if many else 0
        return Before(len(others), launches, min(max_rows, rows / launches + beside))

    def full(self, run: Run, max_rows: int) -> bool:
        """Whether those before a single picture fill all calls that it would need by itself. Who
        wants many begins at once, with a share of each call.
        """
        singles, _ = self._parted()
        if not any(run in mine for mine in singles) or not run.cells:
            return False
        before = self.before(run, max_rows)
        return before.others > 0 and before.launches > max(cell.left for cell in run.cells)

    def _parted(self) -> tuple[list[deque[Run]], list[deque[Run]]]:
        """The runs of who waits for a single picture, by the order of asking, and of the others."""
        singles: list[deque[Run]] = []
        many: list[deque[Run]] = []
        for _, mine in self._visitors:
            few = sum(len(run.cells) for run in mine) <= SINGLE
            (singles if few else many).append(mine)
        return sorted(singles, key=self._number), many

    def _number(self, mine: deque[Run]) -> int:
        return min(self._asked[run] for run in mine)


def served(mine: deque[Run], max_rows: int) -> list[tuple[Run, Cell]]:
    """One visitor's cells in the order of service: of each run the first, then the second."""
    return list(zip_in_turn([[(run, c) for c in in_order(run, max_rows)] for run in mine]))


def zip_in_turn(queues: Sequence[Sequence]) -> Iterator:
    """The first of each, the second of each, and so on (round robin)."""
    for places in itertools.zip_longest(*queues):
        yield from (found for found in places if found is not None)


def leaders(cells: Sequence[Cell]) -> list[Cell]:
    """Cells whose source is not among them: an edited cell is served with its source."""
    return [cell for cell in cells if cell.source is None or cell.source not in cells]


def rows_of(run: Run) -> int:
    """Rows that a run still needs, about: guidance may be off in some of its calls."""
    return sum(len(cell.branches) * cell.left for cell in run.cells if cell.left)


def in_order(run: Run, max_rows: int) -> list[Cell]:
    """A run's cells in the order of service: urgent ones, then the others as they were asked for.

    A cell is urgent if waiting would make the run longer than its lower bound. The bound is the
    calls of its longest cell, or all its rows in full calls, whichever is more (McNaughton 1959,
    Management Science 6, 1). So cells that fit into one call advance together. If there are more,
    the first ones are finished first: a run that is stopped half-way has half of its pictures.
    """
    cells = leaders(run.cells)
    if not cells:
        return []
    rows = sum(len(cell.branches) * cell.left for cell in cells)
    shortest = max(math.ceil(rows / max_rows), *(cell.left for cell in cells))
    return sorted(cells, key=lambda cell: cell.left < shortest)
