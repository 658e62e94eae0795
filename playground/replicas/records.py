"""What goes between a page and the replicas of its engine: plain records, and who carries them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from playground.engine.events import Ahead, Event, Task
from playground.engine.session import Edit


@dataclass(frozen=True)
class Asked:
    """What `Session.submit` was asked. Requests with the same `key` go to the same replica, as long
    as it lives: that of a visitor.
    """

    key: str
    tasks: tuple[Task, ...]
    record: bool
    heads: bool
    edit: Edit | None
    visitor: str | None
    section: str
    asked: float  # by the clock of the page's process, also when it is asked again


@dataclass(frozen=True)
class Accepted:
    """The first record of a run that can be drawn."""


@dataclass(frozen=True)
class Ended:
    """The last record of every run: an `error` says why it was refused or could not go on.

    A stream that ends without it was interrupted: its replica is gone.
    """

    error: Exception | None = None


Record = Accepted | Ahead | Event | Ended


@dataclass(frozen=True)
class Answer:
    """What a session's method returned, or the ValueError that it raised."""

    value: Any = None
    error: ValueError | None = None


class ReplicaLostError(ConnectionError):
    """A replica is gone: its process was killed, or its machine or the network failed."""


class Stream(Protocol):
    """Iterate for a run's records, once; raises ReplicaLostError. `cancel` ends it."""

    def __iter__(self) -> Iterator[Record]: ...
    def cancel(self) -> None: ...


class Transport(Protocol):
    """Carries records between this process and the replicas."""

    def open(self, model: str, lora: str, asked: Asked) -> Stream:
        """Begin a run on one of the replicas: that of `asked.key`."""
        ...

    def call(
        self, model: str, lora: str, key: str, method: str, arguments: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Answer:  # fmt: skip
        """Ask the replica of that key; raises ReplicaLostError."""
        ...
