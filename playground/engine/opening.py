"""Open a model while a page stays alive: downloading and reading, with progress and cancel.

for progress in Opening(sessions, "owner/name"):
    print(progress.sentence)
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from playground import faults
from playground.engine.sessions import Sessions
from playground.models import memory
from playground.models.fetch import DOWNLOADING, READING, fetched
from playground.models.source import read

READY, FAILED, CANCELLED = "ready", "failed", "cancelled"
LONGEST = 300  # characters of a reason
PAUSE = 0.4  # seconds between two reports to whoever iterates


@dataclass(frozen=True)
class Progress:
    """Where an opening is: bytes `done` of `total` (0 if unknown), `seconds` since it began.

    `name` is what recipes call the model, known when it is ready; `reason` says why it failed.
    """

    state: str
    label: str
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    name: str = ""
    reason: str = ""

    @property
    def sentence(self) -> str:
        if self.reason:
            return self.reason
        if self.state in (DOWNLOADING, READING):
            of = f" {memory.said(self.done)} of {memory.said(self.total)}," if self.total else ""
            return f"{self.state.capitalize()} {self.label}:{of} {self.seconds:.0f} s."
        return f"{self.label} is {self.state}, after {self.seconds:.0f} s."


class _CancelledError(Exception):
    pass


class Opening:
    """Begins at once, in a thread of its own. Iterate for Progress; the last one is READY, FAILED
    or CANCELLED. Whoever else opens the same model waits for the same loading.
    """

    def __init__(self, sessions: Sessions, model: str, lora: str = ""):
        self._sessions, self._model, self._lora = sessions, model, lora
        self._start, self._cancelled = time.monotonic(), threading.Event()
        self._ended = threading.Event()
        self._now = Progress(READING, _label(model))
        threading.Thread(target=self._work, name="opening").start()

    def __iter__(self) -> Iterator[Progress]:
        yield self.progress
        while not self._ended.wait(PAUSE):
            yield self.progress
        yield self.progress

    @property
    def progress(self) -> Progress:
        """As it is now."""
        return self._now if self._ended.is_set() else replace(self._now, seconds=self._seconds())

    def cancel(self) -> None:
        """Stop between two files, and while downloading within a moment; no error afterwards."""
        self._cancelled.set()

    def _seconds(self) -> float:
        return time.monotonic() - self._start

    def _report(self, state: str, done: int, total: int) -> None:
        if self._cancelled.is_set() or not threading.main_thread().is_alive():
            raise _CancelledError
        self._now = Progress(state, self._now.label, done, total)

    def _work(self) -> None:
        try:
            spec = fetched(self._model, self._report)
            self._report(READING, 0, spec.nbytes)
            self._sessions.get(
                spec.name, self._lora, lambda done, total: self._report(READING, done, total)
            )
            self._end(READY, name=spec.name)
        except _CancelledError:
            self._end(CANCELLED)
        except MemoryError:
            self._end(FAILED, reason="Memory ran out: close other programs, or choose a smaller "
                      "model.")  # fmt: skip
        except Exception as error:
            self._end(FAILED, reason=faults.told(error, "opening a model")[:LONGEST])

    def _end(self, state: str, name: str = "", reason: str = "") -> None:
        self._now = Progress(
            state, self._now.label, self._now.done, self._now.total, self._seconds(), name, reason
        )
        self._ended.set()


def _label(model: str) -> str:
    try:
        return read(model).label
    except ValueError:
        return model[:80]
