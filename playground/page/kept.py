"""Finished pictures, found again by the recipe that determines them."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from playground.engine.record import RunRecord
from playground.recipe import Recipe

MOST = 512  # pictures; with their previews about 40 kB each


@dataclass(frozen=True, eq=False)
class Finished:
    """What is kept of a run, small: its picture with its recipe as PNG, the pred_x0 previews of all
    calls uint8 [h, w, 3], and its own seconds.
    """

    png: bytes
    previews: tuple[np.ndarray, ...]
    seconds: float

    @classmethod
    def of(cls, run: RunRecord) -> "Finished":
        return cls(run.png(), tuple(run.previews), sum(run.picture.seconds.values()))


class Kept:
    """The pictures that were asked for or finished last."""

    def __init__(self, most: int = MOST):
        self._most, self._lock = most, threading.Lock()
        self._pictures: OrderedDict[Recipe, Finished] = OrderedDict()

    def get(self, recipe: Recipe) -> Finished | None:
        with self._lock:
            if recipe in self._pictures:
                self._pictures.move_to_end(recipe)
            return self._pictures.get(recipe)

    def put(self, recipe: Recipe, picture: Finished) -> None:
        with self._lock:
            self._pictures[recipe] = picture
            self._pictures.move_to_end(recipe)
            while len(self._pictures) > self._most:
                self._pictures.popitem(last=False)
