"""What endpoints need of the place where they run, and who asks."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playground.engine.events import DrawingFailedError, Failure, Step
from playground.engine.record import RunRecord, records
from playground.engine.session import Session
from playground.hosting import addresses
from playground.page import serving
from playground.recipe import Recipe

AT_ONCE = 32  # requests that may be drawn together: each has a thread


class BusyError(ValueError):
    """Too many others are drawing."""


class GoneError(ValueError):
    """Who asked does not wait any longer."""


@dataclass(frozen=True)
class Caller:
    """Who asks: turns go by `visitor`; `gone` is set when nobody waits for the answer any more;
    every step is `heard`.
    """

    visitor: str | None = None
    gone: threading.Event = field(default_factory=threading.Event)
    heard: Callable[[Step], object] = lambda step: None


class Gate:
    """Lets so many callers in at once, and turns the others away with a sentence."""

    def __init__(self, most: int = AT_ONCE):
        self._free, self.most = threading.BoundedSemaphore(most), most

    @contextmanager
    def entered(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            raise BusyError(f"{self.most} requests are being drawn already: try again in a moment.")
        try:
            yield
        finally:
            self._free.release()


def page_session(recipe: Recipe, caller: Caller) -> Session:
    """The page's own session of the recipe's model, opened now if it was not."""
    for _ in serving.getting_ready(recipe):
        if caller.gone.is_set():
            raise GoneError("Nobody waits for this model any more.")
    return serving.session(recipe.model, recipe.lora)


@dataclass(frozen=True)
class Service:
    """`session` gives a recipe's session; `check` returns the recipe as it will be drawn, or raises
    ValueError with a plain sentence.
    """

    session: Callable[[Recipe, Caller], Session] = page_session
    check: Callable[[Recipe], Recipe] = serving.check
    gate: Gate = field(default_factory=Gate)
    proxies: int = 0  # in front of the page, that are trusted (see `hosting.settings`)

    def visitor(self, scope: dict[str, Any]) -> str:
        """Whose turn a request takes that has no session: its address's."""
        return f"api {addresses.of(scope, self.proxies)}"

    def drawn(
        self, recipes: Sequence[Recipe], caller: Caller, record: bool = False
    ) -> tuple[list[RunRecord], float]:
        """The runs of these recipes of one model, drawn together, in their order, and the seconds
        that this took, without those of opening the model.

        Raises DrawingFailedError with the reason if one of them failed.
        """
        session, found = self.session(recipes[0], caller), {}
        started = time.perf_counter()
        section = f"request {secrets.token_hex(4)}"  # a request does not end the visitor's others
        with session.submit(recipes, record=record, visitor=caller.visitor, section=section) as run:
            for event in records(session, run):
                if caller.gone.is_set():
                    raise GoneError("Nobody waits for this picture any more.")
                if isinstance(event, Step):
                    caller.heard(event)
                if isinstance(event, Failure):
                    raise DrawingFailedError(event.reason)
                if isinstance(event, RunRecord):
                    found[event.picture.cell] = event
        if len(found) < len(recipes):
            raise DrawingFailedError("The drawing was stopped.")
        seconds = round(time.perf_counter() - started, 3)
        return [found[i] for i in range(len(recipes))], seconds
