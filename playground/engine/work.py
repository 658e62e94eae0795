"""How much work a visitor may ask for: pictures and calls at the same time, seconds of network."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from playground.recipe import RecipeError

WINDOW = 600.0  # seconds in which the seconds of network are counted
GRAIN = 10.0  # seconds that are counted as one


class TooMuchError(RecipeError):
    """Why more work is refused for now, in one sentence."""


@dataclass(frozen=True)
class Limits:
    """For each visitor: pictures in work and the network calls (NFE) that they still need, and
    seconds of network within `WINDOW`. These count only while somebody else draws, too.
    """

    cells: int
    calls: int
    seconds: float


class Work:
    """Keeps to the limits, over all models of a process. Who has no name has no limits."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic):
        self.limits, self._clock = limits, clock
        self._lock = threading.Lock()
        self._used: dict[str, deque[tuple[float, float]]] = {}  # when, seconds

    def used(self, visitor: str) -> float:
        """Seconds of network that the visitor used lately."""
        with self._lock:
            self._forget()
            return sum(seconds for _, seconds in self._used.get(visitor, ()))

    def add(self, visitor: str | None, seconds: float) -> None:
        if visitor is None:
            return
        now = self._clock()
        with self._lock:
            mine = self._used.setdefault(visitor, deque())
            if mine and now - mine[-1][0] < GRAIN:
                at, before = mine.pop()
                mine.append((at, before + seconds))
            else:
                mine.append((now, seconds))
                self._forget()

    def admit(self, visitor: str | None, cells: int, calls: int, others: bool) -> None:
        """Raises TooMuchError if the visitor would have so many cells and calls in work, and if
        `others` draw and the visitor has used the machine for too long.
        """
        if visitor is None:
            return
        most = self.limits
        if cells > most.cells:
            raise TooMuchError(
                f"You would have {cells} pictures in work; at most {most.cells} at the same time: "
                "wait for some of them, or stop them."
            )
        if calls > most.calls:
            raise TooMuchError(
                f"You would have {calls:,} network calls in work; at most {most.calls:,} at the "
                "same time: take fewer steps or fewer pictures."
            )
        if others and (used := self.used(visitor)) > most.seconds:
            raise TooMuchError(
                f"You have used the network for {used:.0f} s of the last ten minutes, and others "
                "are drawing: try again in a minute."
            )

    def _forget(self) -> None:
        since = self._clock() - WINDOW
        for mine in self._used.values():
            while mine and mine[0][0] < since:
                mine.popleft()
        self._used = {visitor: mine for visitor, mine in self._used.items() if mine}
