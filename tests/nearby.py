"""A transport to replicas in this process, for tests: all that Ray Serve does but the network."""

import asyncio
import pickle
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

from playground.engine.session import Session
from playground.replicas.records import Answer, Asked, Record, ReplicaLostError
from playground.replicas.replica import Replica


class Nearby:
    """Keys go to the first replica that is alive, or to the one that `places` names."""

    def __init__(self, *sessions: Session):
        self.alive = {number: _Process(one) for number, one in enumerate(sessions)}
        self.places: dict[str, int] = {}
        self.asked: list[tuple[int, Asked]] = []  # replica, what it was asked
        self.before_call: Callable[[], object] = lambda: None

    def open(self, model: str, lora: str, asked: Asked) -> "_Stream":
        number = self._place(asked.key)
        self.asked.append((number, asked))
        return self.alive[number].stream(model, lora, pickle.loads(pickle.dumps(asked)))

    def call(self, model, lora, key, method, arguments, options) -> Answer:
        self.before_call()
        there = self.alive[self._place(key)]
        answer = there.replica.ask(model, lora, method, arguments, options)
        found = asyncio.run_coroutine_threadsafe(answer, there.loop).result()
        return pickle.loads(pickle.dumps(found))

    def _place(self, key: str) -> int:
        if not self.alive:
            raise ReplicaLostError
        wanted = self.places.get(key)
        return wanted if wanted in self.alive else next(iter(self.alive))

    def kill(self, number: int) -> None:
        self.alive.pop(number).kill()

    def close(self) -> None:
        for process in self.alive.values():
            process.kill()


class _Process:
    """A replica with the event loop that its process would have."""

    def __init__(self, session: Session):
        self.replica, self.streams = Replica(lambda *_: _ready(session)), []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def stream(self, model: str, lora: str, asked: Asked) -> "_Stream":
        self.streams.append(_Stream(self.loop, self.replica.run(model, lora, asked)))
        return self.streams[-1]

    def kill(self) -> None:
        for stream in self.streams:
            stream.arrived.put(ReplicaLostError())
            stream.cancel()
        self.loop.call_soon_threadsafe(self.loop.call_later, 0.05, self.loop.stop)
        self.thread.join()
        self.loop.close()


async def _ready(session: Session) -> Session:
    return session


class _Stream:
    def __init__(self, loop: asyncio.AbstractEventLoop, records):
        self.loop, self.arrived = loop, SimpleQueue()
        self.task = asyncio.run_coroutine_threadsafe(self._carry(records), loop)

    async def _carry(self, records) -> None:
        try:
            async for record in records:
                self.arrived.put(pickle.dumps(record))
        finally:
            self.arrived.put(None)

    def __iter__(self) -> Iterator[Record]:
        while (found := self.arrived.get()) is not None:
            if isinstance(found, ReplicaLostError):
                raise found
            yield pickle.loads(found)

    def cancel(self) -> None:
        self.task.cancel()
