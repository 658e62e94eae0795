"""The interface of every backend that computes network calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from playground.attention.record import Recorder, Rewrite, Watched
from playground.diffusion.levels import Level
from playground.models.prompt import Condition


@dataclass(frozen=True)
class Answer:
    """Predictions [rows, c, h, w], what was recorded, and the label of the backend."""

    outputs: Tensor
    recorder: Recorder
    by: str


class Network(Protocol):
    """Every backend gives the same numbers, up to rounding, and its own label."""

    @property
    def label(self) -> str: ...

    def ask(
        self,
        latents: Tensor,
        at: Sequence[Level],
        conditions: Sequence[Condition],
        watched: Sequence[Watched] = (),
        rewrite: Rewrite | None = None,
    ) -> Answer:
        """The network's answer for rows [n, c, h, w], a level and a condition each."""
        ...

    def decode(self, latents: Tensor) -> np.ndarray:
        """uint8 pictures [n, height, width, 3] of latents [n, channels, h, w]."""
        ...

    def prepare(self) -> None:
        """Make the first call as fast as the later ones."""
        ...
