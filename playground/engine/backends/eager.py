"""PyTorch, call by call."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from playground.attention.layouts import Found, layout_of
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
        self._layers: tuple[nn.Module, Found] | None = None  # of the network, once looked for

    def ask(
        self,
        latents: Tensor,
        at: Sequence[Level],
        conditions: Sequence[Condition],
        watched: Sequence[Watched] = (),
        rewrite: Rewrite | None = None,
    ) -> Answer:
        model, calls = self.model, self.model.calls(conditions)
        with model.network_lock:
            found = self._found() if watched or rewrite else None
            with record(model.network, watched, rewrite, calls=calls, found=found) as recorder:
                outputs = model.predict(latents, at, conditions)
        return Answer(outputs, recorder, self.label)

    def _found(self) -> Found:
        network = self.model.network
        if self._layers is None or self._layers[0] is not network:
            self._layers = network, layout_of(network).find(network)
        return self._layers[1]

    def decode(self, latents: Tensor) -> np.ndarray:
        return self.model.decode(latents)

    def prepare(self) -> None:
        """There is nothing to prepare."""
