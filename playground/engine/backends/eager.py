"""PyTorch, call by call."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from playground.attention.record import Rewrite, Watched, record
from playground.diffusion.levels import Level
from playground.engine.backends.network import Answer
from playground.models.latent import LatentModel
from playground.models.prompt import Condition


class Eager:
    """The network as it was trained, in PyTorch."""

    label = "PyTorch"

    def __init__(self, model: LatentModel):
        self.model = model

    def ask(
        self,
        latents: Tensor,
        at: Sequence[Level],
        conditions: Sequence[Condition],
        watched: Sequence[Watched] = (),
        rewrite: Rewrite | None = None,
    ) -> Answer:
        model, calls = self.model, self.model.calls(conditions)
        with model.network_lock, record(model.network, watched, rewrite, calls=calls) as recorder:
            outputs = model.predict(latents, at, conditions)
        return Answer(outputs, recorder, self.label)

    def decode(self, latents: Tensor) -> np.ndarray:
        return self.model.decode(latents)

    def prepare(self) -> None:
        """There is nothing to prepare."""
