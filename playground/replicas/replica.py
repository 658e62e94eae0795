"""A replica: an engine's sessions, asked through records. Whatever carries these is elsewhere."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from playground import faults
from playground.engine.events import DrawingFailedError
from playground.engine.session import Run, Session
from playground.replicas.records import Accepted, Answer, Asked, Ended, Record

METHODS = {
    "call_seconds", "decode", "describe", "drop", "encode", "facts", "noise", "plan", "practise",
    "prepare", "price", "timing", "work_out",
}  # fmt: skip
Opener = Callable[[str, str], Awaitable[Session]]  # a model's name and LoRA


class Replica:
    def __init__(self, opener: Opener):
        """`opener` gives the session of a model, opened if it was not."""
        self._opener = opener

    async def run(self, model: str, lora: str, asked: Asked) -> AsyncIterator[Record]:
        """A run's records; the last one is always Ended.

        If whoever reads them goes away, this generator is cancelled and the engine drops the run's
        cells at its next tick. (A plain generator would be read to its end by nobody.)
        """
        try:
            session = await self._opener(model, lora)
            run = await _submitted(session, asked)
        except Exception as error:
            yield Ended(_said(error))
            return
        try:
            yield Accepted()
            async for record in _records(run):
                yield record
        finally:
            run.cancel()

    async def ask(
        self, model: str, lora: str, method: str, arguments: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Answer:  # fmt: skip
        """What a method of the model's session returns, or the value of an attribute."""
        if method not in METHODS:
            raise ValueError(f"A replica answers {', '.join(sorted(METHODS))}, not {method[:40]}.")
        try:
            found = getattr(await self._opener(model, lora), method)
            if callable(found):
                found = await asyncio.to_thread(found, *arguments, **options)
            return Answer(found)
        except ValueError as error:
            return Answer(error=error)


def _said(error: Exception) -> Exception:
    """What the visitor may read of it (see `faults.told`)."""
    return (
        error
        if isinstance(error, ValueError)
        else DrawingFailedError(faults.told(error, "a replica"))
    )


async def _submitted(session: Session, asked: Asked) -> Run:
    """The run, submitted in a thread because words are encoded now; if this is cancelled
    meanwhile, so is the run.
    """
    submitting = asyncio.ensure_future(
        asyncio.to_thread(
            session.submit, asked.tasks, record=asked.record, heads=asked.heads, edit=asked.edit,
            visitor=asked.visitor, section=asked.section, asked=asked.asked,
        )
    )  # fmt: skip
    try:
        return await asyncio.shield(submitting)
    except asyncio.CancelledError:
        submitting.add_done_callback(lambda done: done.exception() or done.result().cancel())
        raise


async def _records(run: Run) -> AsyncIterator[Record]:
    """What the run says, read by two threads of its own: events, and what stands before it."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Record] = asyncio.Queue()

    def put(record: Record) -> None:
        loop.call_soon_threadsafe(arrived.put_nowait, record)

    def read_all() -> None:
        try:
            read(run)
            put(Ended())
        except Exception as error:
            put(Ended(_said(error)))

    def read(records: Iterable[Record]) -> None:
        for record in records:
            put(record)

    threading.Thread(target=read_all, name="events", daemon=True).start()
    threading.Thread(target=read, args=(run.ahead(),), name="ahead", daemon=True).start()
    while True:
        record = await arrived.get()
        yield record
        if isinstance(record, Ended):
            return
