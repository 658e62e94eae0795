"""A model's network and decoder as graphs that ONNX Runtime computes, exported once.

An exported graph has no hooks: all that is recorded must be one of its outputs.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from playground.attention.layouts import Size
from playground.attention.record import Recorder, Watched
from playground.diffusion.levels import Level
from playground.engine.backends.exported import ROWS, Exported
from playground.models.latent import LatentModel
from playground.models.prompt import Condition

PREDICTION = "prediction"  # name of that output; the others are named after grids and layers
Shape = tuple[int, ...]  # of latents without their rows: (channels, h, w)


class Graph(ABC):
    """Network and decoder of a model.

    `layers` are the layers that read words, in the order of computation, by the name of an output:
    there their probabilities are summed, each the mean over heads [rows, positions, tokens]. Every
    layer has an output of its own name besides [rows, heads, positions, tokens].
    """

    network: Exported
    layers: Mapping[str, Sequence[str]]
    checked: Sequence[Shape]  # of latents for which it is compared with PyTorch

    def __init__(self, model: LatentModel, shape: Shape, any_size: bool = False):
        self.model = model
        self._decoder = Exported(
            Decoder(model), (torch.zeros(2, *shape),), ("latents",), ("pixels",),
            {
                "latents": ROWS | {2: "h", 3: "w"}, "pixels": ROWS | {1: "height", 2: "width"},
            } if any_size else {},
        )  # fmt: skip

    @abstractmethod
    def takes(self, shape: Shape) -> bool:
        """Whether it can compute latents of this shape."""

    @abstractmethod
    def grids(self, shape: Shape) -> Mapping[str, Size]:
        """Of the outputs in `layers`, the grid (h, w) of their layers."""

    @abstractmethod
    def inputs(
        self, latents: Tensor, at: Sequence[Level], conditions: Sequence[Condition]
    ) -> dict[str, np.ndarray]:
        """The network's inputs by name, for rows of one call."""

    def __call__(
        self, latents: Tensor, at: Sequence[Level], conditions: Sequence[Condition],
        watched: Sequence[Watched] = (),
    ) -> tuple[Tensor, Recorder]:  # fmt: skip
        """Predictions of the rows, and the attention of those that are watched."""
        recorder = Recorder(list(watched))
        closer = any(w.head_columns is not None for w in watched)
        asked = [n for name, layers in self.layers.items() for n in (layers if closer else [name])]
        names = [PREDICTION, *(asked if recorder.rows else ())]
        parts = _parts(self.model.calls(conditions), len(latents))
        answers = self.network(names, [
            self.inputs(latents[rows], [at[i] for i in rows], [conditions[i] for i in rows])
            for rows in parts
        ])  # fmt: skip
        found = {
            row: dict(zip(names, each, strict=True))
            for rows, outputs in zip(parts, answers, strict=True)
            for row, each in zip(rows, zip(*outputs, strict=True), strict=True)
        }
        self._record(recorder, found, self.grids(tuple(latents.shape[1:])), closer)
        predictions = np.stack([found[row][PREDICTION] for row in range(len(latents))])
        return torch.from_numpy(predictions), recorder

    def _record(
        self, recorder: Recorder, found: Mapping[int, Mapping[str, np.ndarray]],
        grids: Mapping[str, Size], closer: bool,
    ) -> None:  # fmt: skip
        """Hand the recorder what was `found` of its rows: by row, then by output."""

        def outputs(name: str) -> dict[int, Tensor]:
            return {row: torch.from_numpy(found[row][name]) for row in recorder.rows}

        for name, layers in self.layers.items() if recorder.rows else ():
            if closer:
                for layer in layers:
                    recorder.take(grids[name], outputs(layer).items(), [layer])
            else:
                recorder.take_mean(grids[name], outputs(name), layers)

    def pixels(self, latents: Tensor) -> Tensor:
        """`LatentModel.pixels`, one picture at a time: a single one fits into a core's cache."""
        single = self._decoder(["pixels"], [{"latents": one.numpy()} for one in latents.split(1)])
        return torch.from_numpy(np.concatenate([pixels for (pixels,) in single]))


def _parts(calls: Sequence[Sequence[int]], rows: int) -> list[Sequence[int]]:
    """The rows of every call in two halves, which are computed at the same time."""
    parts: list[Sequence[int]] = []
    for call in calls or [range(rows)]:
        half = (len(call) + 1) // 2
        parts += [part for part in (call[:half], call[half:]) if part]
    return parts


class Decoder(nn.Module):
    def __init__(self, model: LatentModel):
        super().__init__()
        self.vae, self.pixels = model.vae, model.pixels

    def forward(self, latents: Tensor) -> Tensor:
        return self.pixels(latents)
