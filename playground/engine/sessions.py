"""The sessions of a process, by the model's name and LoRA, as many as memory allows."""

import gc
import threading
from collections.abc import Callable

from playground.engine.session import Session
from playground.models import memory

Report = Callable[[int, int], None]  # bytes read, bytes in all; raises to stop
Opener = Callable[[str, str, Report | None], Session]  # of a model's name and LoRA
Key = tuple[str, str]  # a model's name, and a LoRA as recipes name it


class Sessions:
    """Opens each session once, also if several visitors ask at the same time.

    Asking for an open session never waits for another one that is being opened. `limit` gives the
    bytes of weights that all may have together, `cost` those of a model that is to be opened: the
    ones least recently asked for are closed first, but none that is drawing. Without a `cost` none
    is closed. `stamp` says when a model's and a LoRA's files were last written.
    """

    def __init__(
        self,
        opener: Opener,
        cost: Callable[[str], int] | None = None,
        limit: Callable[[], int] = memory.limit,
        stamp: Callable[[str, str], object] = lambda model, lora: None,
    ):
        self._opener, self._cost, self._limit, self._stamp = opener, cost, limit, stamp
        self._lock = threading.Lock()
        self._locks: dict[Key, threading.Lock] = {}
        self._open: dict[Key, Session] = {}  # the one most recently asked for is the last
        self._stamps: dict[Key, object] = {}  # of the files that they were opened from

    def get(self, name: str, lora: str = "", report: Report | None = None) -> Session:
        """The session of that model, opened now if it was not; raises what opening raises."""
        key = name, lora
        with self._lock:
            mine = self._locks.setdefault(key, threading.Lock())
        with mine:
            found = self.opened(name, lora)
            if found is None:
                self._make_room(self._cost(name) if self._cost else 0, key)
                stamp = self._stamp(name, lora)
                found = self._opener(name, lora, report)
                with self._lock:
                    self._open[key], self._stamps[key] = found, stamp
                self._make_room(0, key)  # now its true size is known
            return found

    def opened(self, name: str, lora: str = "") -> Session | None:
        """The session of that model if it is open, at once; else None. One whose files have been
        written since is not: its pictures would say that they are of the new weights.
        """
        key = name, lora
        if key not in self._open:
            return None
        stamp = self._stamp(name, lora)
        with self._lock:
            if key in self._open and stamp != self._stamps[key]:
                del self._open[key]  # who still draws with it holds it
            if key not in self._open:
                return None
            self._open[key] = self._open.pop(key)
            return self._open[key]

    def opened_by_any(self, name: str) -> Session | None:
        """A session of that model, with whatever LoRA, that is open; else None."""
        with self._lock:
            loras = [lora for model, lora in self._open if model == name]
        return next((one for lora in loras if (one := self.opened(name, lora))), None)

    def all(self) -> list[Session]:
        """Those that are open."""
        with self._lock:
            return list(self._open.values())

    def _make_room(self, wanted: int, but: Key) -> None:
        """Close sessions until `wanted` more bytes are within the limit, as far as that goes."""
        if self._cost is None:
            return
        limit = self._limit()
        closed = []
        with self._lock:
            for key in [key for key, one in self._open.items() if key != but and not one.busy]:
                if sum(one.nbytes for one in self._open.values()) + wanted <= limit:
                    break
                closed.append(self._open.pop(key))
        if closed:
            while closed:
                closed.pop().close()
            frozen = gc.get_freeze_count()
            gc.unfreeze()  # a session may be among what a page takes for what stays
            gc.collect()  # engines and their runs know each other
            if frozen:
                gc.freeze()
