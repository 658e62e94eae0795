"""Continuous batching: all cells of all visitors advance together, one network call a tick.

A cell is one picture that is being drawn. Grids, races and several visitors all just add cells to
the batch. Cancelling removes cells, and takes effect within one tick.
"""

import statistics
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from playground import faults
from playground.attention import editing
from playground.attention.record import Watched
from playground.diffusion.guidance import COND
from playground.engine.backends.eager import Eager
from playground.engine.backends.network import Network
from playground.engine.cells import Cell, CellAnswer
from playground.engine.events import Ahead, Event, Failure, Picture, Task
from playground.engine.runs import Run, distinct_rows
from playground.engine.turns import Turns, leaders
from playground.engine.work import Work
from playground.models.latent import LatentModel
from playground.models.prompt import word_columns
from playground.recipe import Recipe, RecipeError

MAX_ROWS = 16  # per network call: more would gain little and delay previews and cancelling
LARGEST_RUN = 256  # cells
LATELY = 9  # calls of one size: their median is the estimate, because single calls may be slow
Chosen = list[tuple[Run, Cell]]


def _stop(engine: weakref.ref) -> None:
    if there := engine():
        there.stop()


class Engine:
    """Draws with one model, in one background thread that lives while there is work."""

    def __init__(
        self, model: LatentModel, max_rows: int = MAX_ROWS, network: Network | None = None,
        work: Work | None = None,
    ):  # fmt: skip
        """`work` limits what each visitor may ask for."""
        self.model, self.max_rows, self.network = model, max_rows, network or Eager(model)
        self.work = work
        self._turns = Turns()
        self._moved = time.monotonic()  # when a tick ended last
        # Seconds of the latest network calls, by backend and by number of rows.
        self._measured: dict[str, dict[int, deque[float]]] = {}
        self._changed = threading.Lock()
        self._thread: threading.Thread | None = None
        # If the interpreter ends a daemon thread inside torch, the whole process aborts.
        weakref.finalize(self, _stop, weakref.ref(self))  # when the process exits

    def submit(
        self,
        tasks: Sequence[Task | Recipe],
        record: bool = False,
        heads: bool = False,
        plan: editing.Plan | None = None,
        visitor: str | None = None,
        section: str = "",
        asked: float | None = None,
    ) -> Run:
        """Start drawing. Raises ValueError (in words) before anything is drawn.

        `record` asks for attention maps, `heads` also for those of every branch and head. With
        a `plan` the second of two recipes reads the first one's attention. Turns go by `visitor`; a
        visitor has one run in each `section`, the one last `asked` for (in `time.monotonic`
        seconds; by default now): the other is cancelled.
        """
        asked = time.monotonic() if asked is None else asked
        if not 1 <= len(tasks) <= LARGEST_RUN:
            raise RecipeError(f"A run has 1 to {LARGEST_RUN} pictures, not {len(tasks)}.")
        wanted = [Task.of(task) for task in tasks]
        for task in wanted:
            self._check_size(task.recipe)
        if plan:
            first, *others = (task.recipe for task in wanted)
            if not others or any(replace(r, prompt=first.prompt) != first for r in others):
                raise RecipeError("An edit is of recipes that differ in nothing but their words.")
        cells = [Cell(i, task, self.model, record, heads) for i, task in enumerate(wanted)]
        if plan:
            cells[1].source, cells[1].plan = cells[0], plan
        run = Run(self, cells, visitor, section, asked)
        with self._changed:
            self._admit(run)
            for old in self._turns.add(run):
                self._drop(old)
            if self._thread is None:
                self._moved = time.monotonic()
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
        return run

    def draw(self, recipe: Recipe) -> Picture:
        """Draw one picture and wait for it. Raises RuntimeError with the reason if it failed."""
        *_, last = self.submit([recipe])
        if isinstance(last, Picture):
            return last
        raise RuntimeError(last.reason if isinstance(last, Failure) else "It was cancelled.")

    @property
    def busy(self) -> bool:
        """Whether there are unfinished runs."""
        with self._changed:
            return bool(self._turns.runs)

    @property
    def stalled(self) -> float:
        """Seconds since unfinished runs went on; 0 if there are none."""
        return time.monotonic() - self._moved if self.busy else 0.0

    def ahead(self, run: Run) -> Ahead:
        """What stands before a run that waits."""
        with self._changed:
            before = self._turns.before(run, self.max_rows)
        seconds = self.seconds_per_call(before.rows)
        return Ahead(before.others, seconds and before.launches * seconds)

    def full(self, run: Run) -> bool:
        """Whether those before a run fill all calls that it would need by itself."""
        with self._changed:
            return self._turns.full(run, self.max_rows)

    def _admit(self, run: Run) -> None:
        """Raises TooMuchError if this visitor may not have this run, too."""
        if self.work is None or run.visitor is None:
            return
        replaced = self._turns.of(run.visitor, run.section)
        mine = [r for r in self._turns.runs if r.visitor == run.visitor and r not in replaced]
        cells = [cell for each in (*mine, run) for cell in each.cells]
        others = any(r.visitor != run.visitor for r in self._turns.runs)
        self.work.admit(run.visitor, len(cells), sum(cell.left for cell in cells), others)

    def remove(self, run: Run) -> None:
        with self._changed:
            if run in self._turns.runs:
                self._drop(run)

    def seconds_per_call(self, rows: float) -> float | None:
        """Estimated seconds of a network call of so many rows; None if no call was measured."""
        measured = self.measured()
        if not measured:
            return None
        known, seconds = zip(*measured.items(), strict=True)
        return float(np.interp(rows, known, seconds)) * max(1, rows / known[-1])

    def measured(self) -> dict[int, float]:
        """Recent seconds of a network call, by its number of rows, for the current backend."""
        calls = dict(self._measured.get(self.network.label, {}))
        return {rows: statistics.median(list(calls[rows])) for rows in sorted(calls)}

    def cancel_cell(self, visitor: str, section: str, recipe: Recipe) -> None:
        """Cancel the cell that draws `recipe` in this visitor's section, and its edit."""
        with self._changed:
            for run in self._turns.of(visitor, section):
                run.drop(recipe)

    def stop(self) -> None:
        """Cancel every run, and wait until the current network call has ended."""
        with self._changed:
            for run in list(self._turns.runs):
                self._drop(run)
            thread = self._thread
        if thread:
            thread.join()

    def _drop(self, run: Run) -> None:
        self._turns.remove(run)
        run.cells.clear()
        run.put(None)

    def _check_size(self, recipe: Recipe) -> None:
        multiple = self.model.multiple
        for side in (recipe.width, recipe.height):
            if side % multiple:
                raise RecipeError(f"This model draws sides that are multiples of {multiple}.")

    # ---- the background thread ----------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._serve()
        except Exception as error:  # a defect: end all runs, so that no reader waits for ever
            with self._changed:
                broken = list(self._turns.runs)
                self._turns = Turns()
                self._thread = None
            for run in broken:
                for cell in list(run.cells):
                    self._fail(run, cell, error)
            raise

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._turns.forget_finished()
                if not self._turns.runs:
                    self._thread = None
                    return
                chosen = self._choose()
            for run, _ in chosen:
                run.begun.set()
            self._tick(chosen)

    def _choose(self) -> Chosen:
        """The cells of the next tick: one of each visitor in turn until the rows are full.

        Cells of one tick have one latent size; an edited cell comes with its source.
        """
        chosen: Chosen = []
        rows, size, most = 0, None, self._turns.rows(self.max_rows)
        followers = {c.source: c for run in self._turns.runs for c in run.cells if c.source}
        for run, cell in self._turns.in_turn(self.max_rows):
            size = size or cell.shape
            together = [c for c in (cell, followers.get(cell)) if c]
            needed = sum(len(c.branches) for c in together)
            if cell.shape == size and (not chosen or rows + needed <= most):
                chosen += [(run, c) for c in together]
                rows += needed
            if rows >= most:
                break
        self._turns.next_turn()
        return chosen

    @torch.inference_mode()
    def _tick(self, chosen: Chosen) -> None:
        """One network call for all cells; if it fails, one per cell: only the faulty one ends."""
        start = time.perf_counter()
        cells = [cell for _, cell in chosen]
        inputs = [cell.network_input() for cell in cells]
        try:
            answers = self._ask_network(cells, inputs)
        except Exception as error:
            alone = leaders(cells)
            for leader in alone:
                group = [pair for pair in chosen if leader in (pair[1], pair[1].source)]
                if len(alone) > 1:
                    self._tick(group)
                else:
                    for pair in group:
                        self._fail(*pair, error)
            return
        seconds = time.perf_counter() - start
        rows = sum(len(answer.predictions) for answer in answers)
        finished, told = [], []
        self._moved = time.monotonic()
        for (run, cell), latents, answer in zip(chosen, inputs, answers, strict=True):
            share = seconds * len(answer.predictions) / rows
            cell.seconds["network"] += share
            if self.work:
                self.work.add(run.visitor, share)
            try:
                told.append((run, cell.advance(latents, answer)))
            except Exception as error:
                self._fail(run, cell, error)
            else:
                finished += [(run, cell)] if cell.done else []
        for run, step in told:  # together: each wakes a reader, who takes the interpreter from here
            run.put(step)
        if finished:
            self._finish(finished)

    def _ask_network(self, cells: list[Cell], inputs: list[Tensor]) -> list[CellAnswer]:
        rows, row_of = distinct_rows(cells, inputs)
        recorded = sorted({row_of[i, COND] for i, c in enumerate(cells) if c.records_now})
        by_head = sorted(
            {row_of[i, b] for i, c in enumerate(cells) if c.record_heads for b in c.branches}
        )
        watched = [Watched(row, rows[row].condition.prompt.columns) for row in recorded]
        for row in by_head:
            prompt = rows[row].condition.prompt
            watched.append(Watched(row, prompt.columns, word_columns(prompt)))
        start = time.perf_counter()
        answer = self.network.ask(
            torch.cat([row.latents for row in rows]),
            [row.level for row in rows],
            [row.condition for row in rows],
            watched,
            editing.rewriting(cells, row_of, COND),
        )
        calls = self._measured.setdefault(answer.by, {})
        lately = calls.setdefault(len(rows), deque(maxlen=LATELY))
        lately.append(time.perf_counter() - start)
        maps = dict(zip(recorded, answer.recorder.maps(), strict=False))
        heads = dict(zip(by_head, answer.recorder.heads()[len(recorded) :], strict=True))
        answers: list[CellAnswer] = []
        given: set[int] = set()
        for i, cell in enumerate(cells):
            mine = [row_of[i, branch] for branch in cell.branches]
            answers.append(
                CellAnswer(
                    dict(zip(cell.branches, answer.outputs[mine].split(1), strict=True)),
                    maps[row_of[i, COND]] if cell.records_now else None,
                    {b: heads[row_of[i, b]] for b in cell.branches} if cell.record_heads else None,
                    len(mine) - len({*mine} - given),
                )
            )
            given.update(mine)
            cell.networks[answer.by] = cell.networks.get(answer.by, 0) + 1
        return answers

    def _finish(self, finished: Chosen) -> None:
        """Decode cells that ended together in one batch; if that fails, each alone."""
        start = time.perf_counter()
        try:
            images = self.network.decode(torch.cat([cell.solver.sample for _, cell in finished]))
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
        self._end(run, cell, Failure(cell.index, faults.told(error, "drawing")))

    def _end(self, run: Run, cell: Cell, event: Event) -> None:
        with self._changed:
            if cell in run.cells:  # else the run was cancelled meanwhile
                run.cells.remove(cell)
                run.put(event)
