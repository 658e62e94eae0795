"""What tests ask of families with cross-attention: our picture, and the stock pipeline's."""

import functools
from pathlib import Path

import numpy as np
from torch import nn

from playground.engine.engine import Engine
from playground.engine.events import Picture
from playground.measuring import pairs
from playground.measuring.pairs import loaded, model_of
from playground.recipe import Recipe

SMALL = {"width": 128, "height": 96, "steps": 4, "seed": 5}
WORDS = "A photo of a dog and a red apple, a dog"
FAMILIES = ("sd15", "sd21", "lcm", "sdxl", "sdxl_turbo", "pixart", "sana")
READS = ("sd15", "sdxl", "pixart", "sana")  # one of each kind of text


class Both:
    """A stock pipeline and our model of it: they share their weights."""

    def __init__(self, folder: Path, family: str):
        self.family, self.pipeline = family, loaded(folder)
        self.model = model_of(self.pipeline)
        self.sampler, self.w = pairs.MADE_FOR[family]
        self.draw = functools.cache(self._draw)

    @property
    def network(self) -> nn.Module:
        return self.model.network

    def recipe(self, **changed) -> Recipe:
        made = {"prompt": WORDS, "sampler": self.sampler, "guidance": self.w, **SMALL}
        return Recipe(**made | changed)

    def _draw(self, **changed) -> Picture:
        return Engine(self.model).draw(self.recipe(**changed))

    def stock(self, scheduler=None, prompt: str = WORDS, width=128, height=96, **options):
        """The pipeline's latents [c, h, w] for the same seed."""
        asked = self.recipe(prompt=prompt, width=width, height=height)
        return pairs.stock(self.pipeline, self.model, asked, scheduler, **options)


def same(found: np.ndarray, expected: np.ndarray, within: float = 1e-4) -> None:
    """Equal `within` so much of latents of unit spread."""
    assert pairs.difference(found, expected) <= within
