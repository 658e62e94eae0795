"""A run on a replica, which outlives that replica."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from queue import SimpleQueue

from playground import faults
from playground.engine.events import (
    Ahead,
    DrawingFailedError,
    Dropped,
    Event,
    Failure,
    Step,
)
from playground.recipe import Recipe
from playground.replicas.records import Accepted, Asked, Ended, ReplicaLostError, Stream

AGAIN = 1  # times that a run is asked again after its replica was lost
INTERRUPTED = "The machine that was drawing this stopped; another one goes on …"
LOST = (
    "The machine that was drawing stopped, and so did the one that took over; please draw it again."
)


class ReplicatedRun:
    """A `Run` whose records come from a replica; a thread of its own reads them.

    If the replica is lost, that is told, and what has not ended is asked for again: the same seed
    gives the same numbers. Steps that were said already are not said again.
    """

    def __init__(
        self, opener: Callable[[Asked], Stream], asked: Asked,
        ended: Callable[["ReplicatedRun"], object], tell: Callable[[str], object] = lambda _: None,
    ):  # fmt: skip
        """`opener` begins a stream; `ended` hears when there is nothing more to come. What happens
        to the run, `tell` is told in the thread that iterates: a page knows there whose run it is.
        """
        self.asked, self.moved = asked, time.monotonic()
        self._opener, self._on_end, self._tell = opener, ended, tell
        # A text is to be told; None: there is nothing more.
        self._events: SimpleQueue[Event | str | None] = SimpleQueue()
        self._aheads: SimpleQueue[Ahead | None] = SimpleQueue()  # None: it has begun, or ended
        self._accepted: Future[None] = Future()
        self._lock = threading.RLock()
        self._heard: dict[int, int] = {}  # steps that were said, by cell
        self._done: set[int] = set()  # cells
        self._stream: Stream | None = None
        self._begun = self._cancelled = False
        self.ended = False
        threading.Thread(target=self._read, name="replicated run", daemon=True).start()

    def wait(self) -> None:
        """Until a replica has accepted it; raises what the session there raised."""
        self._accepted.result()

    def __iter__(self) -> Iterator[Event]:
        while (event := self._events.get()) is not None:
            if isinstance(event, str):
                self._tell(event)
            else:
                yield event
        self._events.put(None)  # whoever iterates again

    def ahead(self) -> Iterator[Ahead]:
        while (ahead := self._aheads.get()) is not None:
            yield ahead
        self._aheads.put(None)

    def cancel(self) -> None:
        with self._lock:
            self._cancelled, stream = True, self._stream
        if stream:
            stream.cancel()
        self._end()

    def drop(self, recipe: Recipe) -> None:
        """Say at once that the cells of this recipe are dropped; a source takes its edit along."""
        with self._lock:
            named = [i for i, task in enumerate(self.asked.tasks) if task.recipe == recipe]
            for cell in self._left() if self.asked.edit and named else named:
                self._say(Dropped(cell))

    def __enter__(self) -> "ReplicatedRun":
        return self

    def __exit__(self, *_) -> None:
        self.cancel()

    # ---- the thread that reads --------------------------------------------------------------

    def _read(self) -> None:
        try:
            self._follow_to_the_end()
        except Exception as error:  # refused, or a defect
            if not self._accepted.done():
                self._accepted.set_exception(error)
            known = isinstance(error, DrawingFailedError)  # told by the replica
            self._fail(str(error) if known else faults.told(error, "a replicated run"))
        finally:
            if not self._accepted.done():  # cancelled
                self._accepted.set_result(None)
            self._end()

    def _follow_to_the_end(self) -> None:
        for attempt in range(1 + AGAIN):
            try:
                self._follow(self._left())
                return
            except ReplicaLostError:
                if self._cancelled or not self._left():
                    return
                if attempt < AGAIN:
                    self._events.put(INTERRUPTED)
        self._fail(LOST)

    def _left(self) -> list[int]:
        """Cells that have not ended. An edit adds cells of its own to the one that was asked for;
        how many, its events tell.
        """
        known = len(self.asked.tasks) + bool(self.asked.edit)
        with self._lock:
            number = max(known, *(cell + 1 for cell in self._heard), 0)
            return [cell for cell in range(number) if cell not in self._done]

    def _follow(self, left: Sequence[int]) -> None:
        """Ask for these cells and say what comes, until the stream has ended."""
        tasks, edit = self.asked.tasks, self.asked.edit
        if not edit:  # cells of an edit belong together: one reads the other's attention
            tasks = tuple(tasks[cell] for cell in left)
        with self._lock:
            if self._cancelled:
                return
            self._stream = stream = self._opener(replace(self.asked, tasks=tasks))
        try:
            for record in stream:
                self.moved = time.monotonic()
                if isinstance(record, Ended):
                    if record.error:
                        raise record.error
                    return
                if isinstance(record, Accepted):
                    if not self._accepted.done():
                        self._accepted.set_result(None)
                elif isinstance(record, Ahead):
                    self._aheads.put(record)
                else:
                    self._take(record if edit else replace(record, cell=left[record.cell]))
        finally:
            stream.cancel()  # whatever is left of it
        raise ReplicaLostError("The stream ended without its last record.")

    def _take(self, event: Event) -> None:
        with self._lock:
            if not isinstance(event, Step) or event.index >= self._heard.get(event.cell, 0):
                self._say(event)

    def _say(self, event: Event) -> None:
        with self._lock:
            if event.cell in self._done:
                return
            if isinstance(event, Step):
                self._heard[event.cell] = event.index + 1
            else:
                self._done.add(event.cell)
            self._begin()
            self._events.put(event)

    def _fail(self, reason: str) -> None:
        with self._lock:
            for cell in self._left():
                self._say(Failure(cell, reason))

    def _begin(self) -> None:
        """Nothing stands before it any more."""
        if not self._begun:
            self._begun = True
            self._aheads.put(None)

    def _end(self) -> None:
        self.ended = True
        self._begin()
        self._events.put(None)
        self._on_end(self)
