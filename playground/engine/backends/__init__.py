"""What computes the network's calls: PyTorch itself, or a graph exported from it.

A backend answers `ask` with the same numbers as the others, up to rounding, and says who computed
them. A graph is made in the background; until it is there, and for what it cannot do (another
size, rewritten attention), PyTorch answers.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from playground.attention.record import Recorder, Rewrite, Watched, record
from playground.engine.backends.graph import Graph
from playground.models.latent import LatentModel, Prompt, to_uint8

CLOSE = 1e-3  # a graph whose predictions, pixels or maps are farther off is not used


@dataclass(frozen=True)
class Answer:
    """Predictions [rows, c, h, w], what was recorded, and the label of who computed them."""

    outputs: Tensor
    recorder: Recorder
    by: str


class Eager:
    """PyTorch, call by call."""

    label = "PyTorch"

    def __init__(self, model: LatentModel):
        self.model = model

    def ask(
        self,
        latents: Tensor,
        timesteps: Tensor,
        prompts: Sequence[Prompt],
        watched: Sequence[Watched] = (),
        rewrite: Rewrite | None = None,
    ) -> Answer:
        """The network's answer for rows [n, c, h, w] at timesteps [n], one prompt a row."""
        model = self.model
        with model.network_lock, record(model.unet, watched, rewrite) as recorder:
            outputs = model.predict(latents, timesteps, prompts)
        return Answer(outputs, recorder, Eager.label)

    def predict(self, latents: Tensor, timesteps: Tensor, prompts: Sequence[Prompt]) -> Tensor:
        """The predictions alone: `LatentModel.predict` by this backend."""
        return self.ask(latents, timesteps, prompts).outputs

    def decode(self, latents: Tensor) -> np.ndarray:
        """uint8 pictures [n, height, width, 3] of latents [n, channels, h, w]."""
        return self.model.decode(latents)

    def prepare(self) -> None:
        """Make the first call as fast as the later ones."""


class Onnx(Eager):
    """Network and decoder as graphs that ONNX Runtime computes, for latents of the trained size."""

    def __init__(self, model: LatentModel):
        super().__init__(model)
        side = model.unet.config.sample_size
        self.shape = (model.unet.config.in_channels, side, side)
        self._graph: Graph | None = None
        self._begun = threading.Lock()

    @property
    def label(self) -> str:
        return "ONNX Runtime" if self._graph else super().label

    def ask(self, latents, timesteps, prompts, watched=(), rewrite=None) -> Answer:
        if self._graph is None or rewrite or tuple(latents.shape[1:]) != self.shape:
            return super().ask(latents, timesteps, prompts, watched, rewrite)
        return Answer(*self._graph(latents, timesteps, prompts, watched), self.label)

    def decode(self, latents: Tensor) -> np.ndarray:
        if self._graph is None or tuple(latents.shape[1:]) != self.shape:
            return super().decode(latents)
        return to_uint8(self._graph.pixels(latents))

    def prepare(self) -> None:
        """Export the graph, once; a network that it cannot hold stays with PyTorch."""
        if not self._begun.acquire(blocking=False):
            return
        try:
            graph = Graph(self.model, self.shape)
            for output, off in self._distances(graph).items():
                if not off < CLOSE:  # also if it is not a number
                    raise ArithmeticError(f"its {output} are {off:.2g} off")
        except Exception as error:  # whatever an exporter raises: the page goes on, and says so
            logging.getLogger(__name__).warning("PyTorch draws, no ONNX graph: %s", error)
        else:
            self._graph = graph

    @torch.inference_mode()
    def _distances(self, graph: Graph) -> dict[str, float]:
        """By output, the graph's largest difference to PyTorch, for two rows."""
        latents = torch.randn((2, *self.shape), generator=torch.Generator().manual_seed(0))
        timesteps, prompts = torch.tensor([900.0, 100.0]), [self.model.encode(t) for t in ("", "a")]
        watched = [Watched(row, prompt.columns) for row, prompt in enumerate(prompts)]
        predictions, recorder = graph(latents, timesteps, prompts, watched)
        true = super().ask(latents, timesteps, prompts, watched)
        pairs = {
            "predictions": (predictions, true.outputs),
            "pixels": (graph.pixels(latents), self.model.pixels(latents)),
        }
        for size in true.recorder.sums:
            maps = (torch.cat([m[size] for m in r.maps()]) for r in (recorder, true.recorder))
            pairs[f"maps of {size}"] = tuple(maps)
        return {name: float((a - b).abs().max()) for name, (a, b) in pairs.items()}


@dataclass(frozen=True)
class Backend:
    """A choice of who computes the network; its `packages` must be importable."""

    name: str
    make: Callable[[LatentModel], Eager]
    packages: tuple[str, ...]
    sentence: str


# Fastest first. What else was measured is in training/LOG.md.
_TABLE = (
    Backend(
        "onnx", Onnx, ("onnx", "onnxruntime"),
        "One graph for any number of rows, exported once; float32, attention is an output of it.",
    ),
    Backend(
        "pytorch", Eager, ("torch",),
        "Layer by layer as the model was trained; text keys and values once per prompt.",
    ),
)  # fmt: skip
BACKENDS = {backend.name: backend for backend in _TABLE}


class UnknownBackendError(ValueError):
    """No such name in BACKENDS."""


def get(name: str) -> Backend:
    try:
        return BACKENDS[name]
    except KeyError:
        known = ", ".join(BACKENDS)
        raise UnknownBackendError(f"There is no backend {name!r}; there are: {known}.") from None


def fastest(model: LatentModel) -> Eager:
    """The first of the table whose packages are installed."""
    return next(b for b in BACKENDS.values() if all(map(find_spec, b.packages))).make(model)
