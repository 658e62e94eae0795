"""Whether the process lives: a route that says so, and a watch that ends it when it does not.

What supervises the process (systemd, Docker, a Space) then starts it again.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

LOG = logging.getLogger("playground")
EXIT = 70  # of sysexits.h: an error of the software itself
PAUSE = 5.0  # seconds between two looks
TWICE = 2  # looks in a row that must find something wrong

# What may be wrong, by its name: an empty text if all is well.
Checks = Mapping[str, Callable[[], str]]


class Health:
    def __init__(self, checks: Checks):
        self._checks = checks

    def wrong(self) -> dict[str, str]:
        """What is wrong, by the name of the check."""
        found = {name: check() for name, check in self._checks.items()}
        return {name: text for name, text in found.items() if text}

    async def route(self, request: Request) -> JSONResponse:
        """200 if all is well, else 503; what each check found."""
        wrong = self.wrong()
        found = {name: wrong.get(name, "alive") for name in self._checks}
        return JSONResponse(found, 503 if wrong else 200, {"cache-control": "no-store"})


def stalled(checked: Callable[[], float], what: str, most: float) -> Callable[[], str]:
    """A check of something that has not gone on for `checked()` seconds."""

    def check() -> str:
        seconds = checked()
        return f"{what} has not gone on for {seconds:.0f} s" if seconds > most else ""

    return check


class Watch:
    """Looks every few seconds, in a thread of its own, and ends the process if it is dead."""

    def __init__(
        self, health: Health, end: Callable[[int], object] = os._exit, pause: float = PAUSE
    ):
        """`end` gets the exit code; threads that hang cannot be waited for."""
        self._health, self._end, self._pause = health, end, pause
        self._stopped = threading.Event()
        threading.Thread(target=self._look, name="watch", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _look(self) -> None:
        times = 0
        while not self._stopped.wait(self._pause):
            wrong = self._health.wrong()
            times = times + 1 if wrong else 0
            if times >= TWICE:
                LOG.critical("This process ends itself: %s.", "; ".join(wrong.values()))
                self._end(EXIT)
                return


class Pulse:
    """When something was seen alive last."""

    def __init__(self):
        self._at = time.monotonic()

    def beat(self) -> None:
        self._at = time.monotonic()

    def age(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._at
