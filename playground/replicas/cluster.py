"""Replicas on Ray Serve (https://docs.ray.io/en/latest/serve/), an optional dependency.

Serve starts them, replaces those that die, adds and removes some by the number of requests, and
brings each visitor to the same one.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ray.exceptions import RayError, RayTaskError

from playground.engine.session import Session
from playground.models import specs
from playground.replicas.records import Answer, Asked, Record, ReplicaLostError
from playground.replicas.session import ReplicatedSession


class Cluster:
    """A `Transport` to the replicas of an application that runs on Ray Serve."""

    def __init__(self, handle: Any, tell: Callable[[str], object]):
        """`tell` says a sentence to whoever iterates over a run."""
        self._handle, self._tell = handle, tell

    def session(self, model: str, lora: str = "", report: object = None) -> Session:
        """A session of that model, once a replica has opened it."""
        return ReplicatedSession(self, model, lora, specs.get(model).defaults, self._tell)

    def open(self, model: str, lora: str, asked: Asked) -> "_Stream":
        return _Stream(self._of(model, lora, asked.key).options(stream=True).run.remote(asked))

    def call(
        self, model: str, lora: str, key: str, method: str, arguments: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Answer:  # fmt: skip
        with _Losses():
            handle = self._of(model, lora, key)
            return own(handle.ask.remote(method, tuple(arguments), dict(options)).result())

    def _of(self, model: str, lora: str, key: str) -> Any:
        return self._handle.options(
            session_id=key, multiplexed_model_id=json.dumps([model, lora], ensure_ascii=True)
        )


def own(record: Any) -> Any:
    """A copy in this process's memory.

    What arrives lies in memory that Ray shares, read-only, and stays there as long as anybody has
    an array of it; a page keeps runs for long.
    """
    return copy.deepcopy(record)


class _Stream:
    def __init__(self, response: Any):
        self._response = response

    def __iter__(self) -> Iterator[Record]:
        with _Losses():
            yield from map(own, self._response)

    def cancel(self) -> None:
        self._response.cancel()


class _Losses:
    """Ray's errors, except those of our own code, as ReplicaLostError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _, error: BaseException | None, __) -> None:
        if isinstance(error, RayError) and not isinstance(error, RayTaskError):
            raise ReplicaLostError(type(error).__name__) from error
