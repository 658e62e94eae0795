"""The sessions of a process, by the model's name."""

import threading
from collections.abc import Callable

from playground.engine.session import Session


class Sessions:
    """Opens each session once, also if several visitors ask at the same time.

    Asking for an open session never waits for another one that is being opened.
    """

    def __init__(self, opener: Callable[[str], Session]):
        self._opener, self._lock = opener, threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._open: dict[str, Session] = {}

    def get(self, name: str) -> Session:
        """The session of that model, opened now if it was not; raises what opening raises."""
        with self._lock:
            mine = self._locks.setdefault(name, threading.Lock())
        with mine:
            if name not in self._open:
                self._open[name] = self._opener(name)
            return self._open[name]

    def opened(self, name: str) -> Session | None:
        """The session of that model if it is open, at once; else None."""
        return self._open.get(name)
