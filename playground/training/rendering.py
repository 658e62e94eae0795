"""Make training data in other processes, ahead of the training that asks for it."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

AHEAD = 2  # results a process makes before they are asked for


class Ahead:
    """`make(index)` for every index, in this order, made by `processes` in advance.

    `make` must be importable (a function of a module, or a `functools.partial` of one). Results
    depend on their index alone, so a training that goes on at step n gets what it would have got.
    """

    def __init__(self, make: Callable[[int], Any], indices: Iterable[int], processes: int):
        self._make, self._indices = make, iter(indices)
        # Not a fork: a process that computes with threads cannot be copied safely.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(processes, context, initializer=_begin)
        self._made: deque[Future] = deque()
        for _ in range(AHEAD * processes):
            self._order()

    def _order(self) -> None:
        for index in self._indices:
            self._made.append(self._pool.submit(self._make, index))
            return

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        """The next result, as soon as it is made. Raises what `make` raised."""
        if not self._made:
            raise StopIteration
        result = self._made.popleft().result()
        self._order()
        return result

    @property
    def ready(self) -> bool:
        """Whether the next result is there already."""
        return bool(self._made) and self._made[0].done()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """A renderer gives way to the training, and ends with it, however that ends."""
    if hasattr(os, "nice"):
        os.nice(5)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
