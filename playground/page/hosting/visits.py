"""Who is here, and what of them is kept: a visitor who has left is forgotten, with all memory."""

import ctypes
import dataclasses
import gc
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Container
from contextlib import contextmanager

import numpy as np
from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from playground.hosting.settings import MEGABYTE, Settings

HEARTBEAT = re.compile(r"/heartbeat/([^/]+)/?$")
LISTENING = 20  # seconds after which nobody will come to hear what was asked for
# Messages that a session may leave unread, whoever listens: a page on a slow line is some seconds
# behind, of up to a dozen frames a second. A stream that is open and not read fills memory.
UNREAD = 500
STREAM = re.compile(r"/queue/data/?$")
CALL = re.compile(r"/call/(?:v2/)?[^/]+/([^/]+)/?$")  # the same, of a program, by its event


class Visits:
    """Which sessions have a page open or listen to their events, and what gradio keeps of whom.

    `queue` and `states` are gradio's own (`Blocks._queue`, `App.state_holder`). All of it is used
    in the event loop alone.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic):
        self._settings, self._clock = settings, clock
        self._open: Counter[str] = Counter()
        self._seen: dict[str, float] = {}  # when a session was noticed here last
        self.queue = self.states = None

    def follow(self, queue, states) -> None:
        self.queue, self.states = queue, states

    @contextmanager
    def here(self, session: str):
        """While a connection of this session is open."""
        self._open[session] += 1
        try:
            yield
        finally:
            self._open[session] -= 1
            self._seen[session] = self._clock()
            if not self._open[session]:
                del self._open[session]

    def here_now(self) -> Container[str]:
        return self._open

    def needed(self) -> set[str]:
        """Sessions that are here, or have an event that waits or runs."""
        return {*self._open} | self._working()

    def _working(self) -> set[str]:
        running = [job for job in self.queue.active_jobs if job]
        waiting = [one.queue for one in self.queue.event_queue_per_concurrency_id.values()]
        return {event.session_hash for events in running + waiting for event in events}

    def expected(self, session: str) -> bool:
        """Whether there are or may come messages for this session."""
        return session in self.queue.pending_messages_per_session

    def of_event(self, event: str) -> str:
        """The session that asked for it; empty if nobody did, or it has been answered."""
        queue = self.queue
        if known := queue.event_ids_to_events.get(event):
            return known.session_hash
        waiting = queue.pending_event_ids_session.items()
        return next((session for session, events in waiting if event in events), "")

    async def tidy(self) -> int:
        """Stop what nobody listens to or reads; forget who does not read, who has left some time
        ago, and what is held beyond the limit, the oldest first. Returns of how many something was
        forgotten.
        """
        queue, now = self.queue, self._clock()
        deaf = queue.pending_messages_per_session.unread(UNREAD)
        silent = [s for s in self._working() - {*self._open} if self._away(s, now) > LISTENING]
        for session in {*deaf, *silent}:
            await queue.clean_events(session_hash=session)
        for session in deaf:  # an event that has begun sends nothing more, and ends after a frame
            self._forget(session)
        needed = self.needed()
        known = {*self.states.session_data, *queue.pending_messages_per_session,
                 *queue.pending_event_ids_session}  # fmt: skip
        patience = self._settings.leave_seconds
        left = [s for s in known if s not in needed and self._away(s, now) > patience]
        for session in left:
            self._forget(session)
        self._seen = {s: at for s, at in self._seen.items() if s in known and s not in left}
        return len({*deaf, *left}) + self._lighten()

    def _away(self, session: str, now: float) -> float:
        """Seconds since it was noticed here last, or for the first time."""
        return now - self._seen.setdefault(session, now)

    def _forget(self, session: str) -> None:
        self.states.delete_state(session)
        self.states.session_data.pop(session, None)
        self.states.time_last_used.pop(session, None)
        self.queue.pending_messages_per_session.pop(session, None)
        self.queue.pending_event_ids_session.pop(session, None)

    def _lighten(self) -> int:
        """Session data is in the order of use: what was used least lately is forgotten first."""
        held = {s: dict(state.state_data) for s, state in self.states.session_data.items()}
        weights = {session: weight(values) for session, values in held.items()}
        total, most, lightened = sum(weights.values()), self._settings.session_megabytes, 0
        for session, own in weights.items():
            if total <= most * MEGABYTE:
                break
            if own:
                self.states.session_data[session].state_data.clear()  # begins anew when asked for
                total, lightened = total - own, lightened + 1
        return lightened


def weight(value) -> int:
    """Bytes of the arrays, files and texts in a value of records, lists and dictionaries."""
    seen: set[int] = set()

    def of(value) -> int:
        if id(value) in seen:
            return 0
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            return value.nbytes
        if isinstance(value, bytes | bytearray | str):
            return len(value)
        if isinstance(value, dict):
            return sum(map(of, value.values()))
        if isinstance(value, list | tuple | set | frozenset):
            return sum(map(of, value))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return sum(of(getattr(value, field.name)) for field in dataclasses.fields(value))
        return 0

    return of(value)


def give_back() -> None:
    """Return freed memory to the system, which the allocator of Linux would keep."""
    gc.collect()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
        if trim:
            trim(0)


class Noted:
    """Wraps an application and notes whose page is open."""

    def __init__(self, app: ASGIApp, visits: Visits):
        self._app, self._visits = app, visits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = of_stream = None
        if scope["type"] == "http" and scope["method"] == "GET":
            if found := HEARTBEAT.search(scope["path"]):
                session = found[1]
            elif STREAM.search(scope["path"]):
                query = QueryParams(scope["query_string"])
                session = of_stream = query.get("session_hash", "")
            elif found := CALL.search(scope["path"]):
                session = of_stream = self._visits.of_event(found[1])
        if session is None:
            await self._app(scope, receive, send)
        elif of_stream is not None and not self._visits.expected(session):
            sentence = "Nothing is being drawn for this page any more."
            await JSONResponse({"error": sentence, "detail": sentence}, 404)(scope, receive, send)
        else:
            with self._visits.here(session):
                await self._app(scope, receive, send)
