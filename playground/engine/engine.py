"""Continuous batching: all cells of all visitors advance together, one network call a tick.

A cell is one picture in the making. Grids, races and several visitors are the same thing: more
cells in the batch. Cancelling is removing cells, effective within one tick.
"""

import math
import statistics
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue

import numpy as np
import torch
from torch import Tensor

from playground.attention import editing
from playground.attention.record import Watched, word_columns
from playground.diffusion.guidance import COND
from playground.engine.backends import Eager
from playground.engine.cells import Cell, Dropped, Event, Failure, HeadMaps, Maps, Picture, Step
from playground.models.latent import LatentModel, Prompt
from playground.recipe import Recipe, RecipeError

MAX_ROWS = 16  # per network call: more gains little per row and delays previews and cancels
LARGEST_RUN = 256  # cells
LATELY = 9  # calls of a size whose median says what such a call takes: some are held up


class Run:
    """A visitor's cells: iterate for events, `cancel` (or leave the `with`) to stop."""

    def __init__(self, engine: "Engine", cells: Sequence[Cell], owner: str | None, asked: float):
        self._engine, self._events = engine, SimpleQueue()
        self.owner, self.asked = owner, asked
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

    def cancel(self) -> None:
        """Remove what is not finished; the iteration then ends."""
        self._engine.remove(self)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_) -> None:
        self.cancel()


Chosen = list[tuple[Run, Cell]]
# What a cell's network input was, its branches' predictions, its attention, how many of its
# rows another cell had asked for already, and its heads: the arguments of `Cell.advance`.
Answer = tuple[Tensor, dict[str, Tensor], Maps | None, int, HeadMaps | None]


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a network call: latents [1, channels, h, w], their timestep, and words."""

    noisy: Tensor
    timestep: float
    prompt: Prompt


def _leaders(cells: Sequence[Cell]) -> list[Cell]:
    """Those that do not follow another of them: an edited cell goes where its source goes."""
    return [cell for cell in cells if cell.source is None or cell.source not in cells]


def _distinct_rows(
    cells: Sequence[Cell], inputs: Sequence[Tensor]
) -> tuple[list[Row], dict[tuple[int, str], int]]:
    """The rows to compute, and the one that answers each cell's branch.

    Rows that are equal number by number are computed once. So cells of one noise and prompt share
    their first call whatever their w, and so do visitors who draw the same recipe. A row whose
    attention is edited is like no other.
    """
    rows, numbers, row_of = [], {}, {}
    for i, (cell, noisy) in enumerate(zip(cells, inputs, strict=True)):
        content = noisy.numpy().tobytes()
        for branch in cell.branches:
            row = Row(noisy, float(cell.timestep), cell.prompts[branch])
            edited = cell if cell.plan and branch == COND else None
            number = numbers.setdefault((content, row.timestep, row.prompt, edited), len(rows))
            row_of[i, branch] = number
            if number == len(rows):
                rows.append(row)
    return rows, row_of


def _stop(engine: weakref.ref) -> None:
    if there := engine():
        there.stop()


class Engine:
    """Draws with one model, in one background thread that lives while there is work."""

    def __init__(self, model: LatentModel, max_rows: int = MAX_ROWS, network: Eager | None = None):
        self.model, self.max_rows, self.network = model, max_rows, network or Eager(model)
        self._runs: deque[Run] = deque()
        # By who computed: rows of a network call, and seconds of the latest such.
        self._measured: dict[str, dict[int, deque[float]]] = {}
        self._changed = threading.Lock()
        self._thread: threading.Thread | None = None
        # A daemon thread that the interpreter ends inside torch aborts the whole process.
        weakref.finalize(self, _stop, weakref.ref(self))  # when the process exits

    def submit(
        self,
        recipes: Sequence[Recipe],
        record: bool = False,
        owner: str | None = None,
        asked: float | None = None,
        heads: bool = False,
        plan: editing.Plan | None = None,
    ) -> Run:
        """Start drawing. Raises ValueError (in words) before anything is drawn.

        `record` asks for attention maps, `heads` also for those of every branch and head. With
        a `plan` the second of two recipes reads the first one's attention. An owner has one run,
        the one last `asked` for (in `time.monotonic` seconds; by default now): the other is
        cancelled.
        """
        asked = time.monotonic() if asked is None else asked
        if not 1 <= len(recipes) <= LARGEST_RUN:
            raise RecipeError(f"A run has 1 to {LARGEST_RUN} pictures, not {len(recipes)}.")
        for recipe in recipes:
            self._check_size(recipe)
        if plan and [replace(r, prompt=recipes[0].prompt) for r in recipes[1:]] != [recipes[0]]:
            raise RecipeError("An edit is of two recipes that differ in nothing but their words.")
        cells = [Cell(i, r, self.model, record, heads) for i, r in enumerate(recipes)]
        if plan:
            cells[1].source, cells[1].plan = cells[0], plan
        run = Run(self, cells, owner, asked)
        with self._changed:
            self._runs.append(run)
            mine = [r for r in self._runs if owner is not None and r.owner == owner]
            for old in sorted(mine, key=lambda r: r.asked)[:-1]:
                self._drop(old)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
        return run

    def draw(self, recipe: Recipe) -> Picture:
        """One picture, waited for. Raises RuntimeError with the reason if it failed."""
        *_, last = self.submit([recipe])
        if isinstance(last, Failure):
            raise RuntimeError(last.reason)
        return last

    def remove(self, run: Run) -> None:
        with self._changed:
            if run in self._runs:
                self._drop(run)

    def seconds_per_call(self, rows: float) -> float | None:
        """What a network call of so many rows takes, judged by those there were; None if none."""
        measured = self.measured()
        if not measured:
            return None
        known, seconds = zip(*measured.items(), strict=True)
        return float(np.interp(rows, known, seconds)) * max(1, rows / known[-1])

    def measured(self) -> dict[int, float]:
        """By rows of a network call, what it took lately by who computes now, in seconds."""
        calls = dict(self._measured.get(self.network.label, {}))
        return {rows: statistics.median(list(calls[rows])) for rows in sorted(calls)}

    def cancel_cell(self, owner: str, recipe: Recipe) -> None:
        """Remove what draws `recipe` from this owner's runs (and its edit); the others go on."""
        with self._changed:
            for run in [r for r in self._runs if r.owner == owner]:
                named = [c for c in run.cells if c.recipe == recipe]
                for cell in [c for c in run.cells if c in named or c.source in named]:
                    run.cells.remove(cell)
                    run.put(Dropped(cell.index))

    def stop(self) -> None:
        """Cancel every run, and wait until the call that is under way has ended."""
        with self._changed:
            for run in list(self._runs):
                self._drop(run)
            thread = self._thread
        if thread:
            thread.join()

    def _drop(self, run: Run) -> None:
        self._runs.remove(run)
        run.cells.clear()
        run.put(None)

    def _check_size(self, recipe: Recipe) -> None:
        multiple = self.model.multiple
        for side in (recipe.width, recipe.height):
            if side % multiple:
                raise RecipeError(f"This model draws sides that are multiples of {multiple}.")

    def _work(self) -> None:
        try:
            self._serve()
        except Exception as error:  # a defect: nobody waits for ever, the next run begins anew
            with self._changed:
                broken = list(self._runs)
                self._runs.clear()
                self._thread = None
            for run in broken:
                for cell in list(run.cells):
                    self._fail(run, cell, error)
            raise

    def _serve(self) -> None:
        while True:
            with self._changed:
                for run in [r for r in self._runs if not r.cells]:
                    self._runs.remove(run)
                if not self._runs:
                    self._thread = None
                    return
                chosen = self._choose()
            self._tick(chosen)

    def _choose(self) -> Chosen:
        """The cells of the next tick: one of each run in turn until the rows are full.

        Cells of one tick have one latent size; an edited cell comes with its source. The run that
        was served first goes to the back.
        """
        chosen, rows, size = [], 0, None
        followers = {c.source: c for run in self._runs for c in run.cells if c.source}
        waiting = {run: deque(self._in_order(run)) for run in self._runs}
        while waiting:
            for run in list(waiting):
                if not waiting[run]:
                    del waiting[run]
                    continue
                cell = waiting[run].popleft()
                size = size or cell.sample.shape
                together = [c for c in (cell, followers.get(cell)) if c]
                needed = sum(len(c.branches) for c in together)
                fits = not chosen or rows + needed <= self.max_rows
                if cell.sample.shape == size and fits:
                    chosen += [(run, c) for c in together]
                    rows += needed
            if rows >= self.max_rows:
                break
        self._runs.rotate(-1)
        return chosen

    def _in_order(self, run: Run) -> list[Cell]:
        """A run's cells as they are served: those that cannot wait, then as they were asked for.

        A cell cannot wait if that made the run longer than it must be, which is its longest cell
        or all its rows in full calls (McNaughton 1959, Management Science 6, 1). So cells that fit
        one call advance in lock-step, and of more the first are finished first: stopped half-way,
        half the pictures are there instead of none.
        """
        cells = _leaders(run.cells)
        rows = sum(len(cell.branches) * cell.left for cell in cells)
        shortest = max(math.ceil(rows / self.max_rows), *(cell.left for cell in cells))
        return sorted(cells, key=lambda cell: cell.left < shortest)

    @torch.inference_mode()
    def _tick(self, chosen: Chosen) -> None:
        """One network call for all; if it fails, each cell alone, so that only the culprit ends."""
        start = time.perf_counter()
        try:
            answers = self._ask_network([cell for _, cell in chosen])
        except Exception as error:
            leaders = _leaders([cell for _, cell in chosen])
            for leader in leaders:
                group = [pair for pair in chosen if leader in (pair[1], pair[1].source)]
                if len(leaders) > 1:
                    self._tick(group)
                else:
                    for pair in group:
                        self._fail(*pair, error)
            return
        seconds = time.perf_counter() - start
        rows = sum(len(predictions) for _, predictions, *_ in answers)
        finished = []
        for (run, cell), answer in zip(chosen, answers, strict=True):
            cell.seconds["network"] += seconds * len(answer[1]) / rows
            try:
                run.put(cell.advance(*answer))
            except Exception as error:
                self._fail(run, cell, error)
            else:
                finished += [(run, cell)] if cell.done else []
        if finished:
            self._finish(finished)

    def _ask_network(self, cells: list[Cell]) -> list[Answer]:
        inputs = [cell.network_input() for cell in cells]
        rows, row_of = _distinct_rows(cells, inputs)
        recorded = sorted({row_of[i, COND] for i, c in enumerate(cells) if c.records_now})
        watched = [Watched(row, rows[row].prompt.columns) for row in recorded]
        closer = sorted({row_of[i, b] for i, c in enumerate(cells) if c.heads for b in c.branches})
        for row in closer:
            prompt = rows[row].prompt
            merged = word_columns(prompt.columns, prompt.words, prompt.content)
            watched.append(Watched(row, prompt.columns, merged))
        rewrite = editing.rewriting(cells, row_of, COND)
        start = time.perf_counter()
        answer = self.network.ask(
            torch.cat([row.noisy for row in rows]),
            torch.tensor([row.timestep for row in rows]),
            [row.prompt for row in rows],
            watched,
            rewrite,
        )
        calls = self._measured.setdefault(answer.by, {})
        lately = calls.setdefault(len(rows), deque(maxlen=LATELY))
        lately.append(time.perf_counter() - start)
        outputs, recorder = answer.outputs, answer.recorder
        maps = dict(zip(recorded, recorder.maps(), strict=False))
        heads = dict(zip(closer, recorder.heads()[len(recorded) :], strict=True))
        answers, given = [], set()
        for i, (cell, noisy) in enumerate(zip(cells, inputs, strict=True)):
            mine = [row_of[i, branch] for branch in cell.branches]
            predictions = dict(zip(cell.branches, outputs[mine].split(1), strict=True))
            attention = maps[row_of[i, COND]] if cell.records_now else None
            shared = len(mine) - len({*mine} - given)
            single = {b: heads[row_of[i, b]] for b in cell.branches} if cell.heads else None
            answers.append((noisy, predictions, attention, shared, single))
            given.update(mine)
            cell.networks[answer.by] = cell.networks.get(answer.by, 0) + 1
        return answers

    def _finish(self, finished: Chosen) -> None:
        """Decode cells that ended together in one batch; if that fails, each alone."""
        start = time.perf_counter()
        try:
            images = self.network.decode(torch.cat([cell.sample for _, cell in finished]))
        except Exception as error:
            if len(finished) > 1:
                for pair in finished:
                    self._finish([pair])
            else:
                self._fail(*finished[0], error)
            return
        share = (time.perf_counter() - start) / len(finished)
        for (run, cell), image in zip(finished, images, strict=True):
            cell.seconds["decoder"] += share
            self._end(run, cell, cell.picture(image))

    def _fail(self, run: Run, cell: Cell, error: Exception) -> None:
        text = str(error).strip()
        self._end(run, cell, Failure(cell.index, text.splitlines()[0] if text else repr(error)))

    def _end(self, run: Run, cell: Cell, event: Event) -> None:
        with self._changed:
            if cell in run.cells:  # else the run was cancelled meanwhile
                run.cells.remove(cell)
                run.put(event)
