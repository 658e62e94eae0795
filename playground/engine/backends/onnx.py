"""Network and decoder as graphs that ONNX Runtime computes, for latents of the trained size."""

import logging
import threading

import numpy as np
import torch
from torch import Tensor

from playground.attention.record import Watched
from playground.diffusion.levels import Level
from playground.engine.backends.eager import Eager
from playground.engine.backends.graph import Graph
from playground.engine.backends.network import Answer
from playground.models.families.unet import UNetModel
from playground.models.latent import to_uint8
from playground.models.prompt import Condition

CLOSE = 1e-3  # largest difference to PyTorch of a graph that is used: predictions, pixels, maps


class Onnx:
    """The graph is exported in the background. Until it is ready, and for what it cannot compute
    (another size, rewritten attention), PyTorch computes.
    """

    def __init__(self, model: UNetModel):
        self.model, self.eager = model, Eager(model)
        self.shape = (model.channels, *model.size)
        self._graph: Graph | None = None
        self._begun = threading.Lock()

    @property
    def label(self) -> str:
        return "ONNX Runtime" if self._graph else self.eager.label

    def ask(self, latents, at, conditions, watched=(), rewrite=None) -> Answer:
        if self._graph is None or rewrite or tuple(latents.shape[1:]) != self.shape:
            return self.eager.ask(latents, at, conditions, watched, rewrite)
        return Answer(*self._graph(latents, at, conditions, watched), self.label)

    def decode(self, latents: Tensor) -> np.ndarray:
        if self._graph is None or tuple(latents.shape[1:]) != self.shape:
            return self.eager.decode(latents)
        return to_uint8(self._graph.pixels(latents))

    def prepare(self) -> None:
        """Export the graph, once. A network that cannot be exported stays with PyTorch."""
        if not self._begun.acquire(blocking=False):
            return
        try:
            graph = Graph(self.model, self.shape)
            for output, off in self._distances(graph).items():
                if not off < CLOSE:  # also if it is not a number
                    raise ArithmeticError(f"its {output} are {off:.2g} off")
        except Exception as error:  # an exporter may raise anything: log it, go on with PyTorch
            logging.getLogger(__name__).warning("PyTorch draws, no ONNX graph: %s", error)
        else:
            self._graph = graph

    @torch.inference_mode()
    def _distances(self, graph: Graph) -> dict[str, float]:
        """By output, the graph's largest difference to PyTorch, for two rows."""
        latents = torch.randn((2, *self.shape), generator=torch.Generator().manual_seed(0))
        prompts = [self.model.encode(text) for text in ("", "a")]
        at = [Level(0.1, 0.995, 900.0), Level(0.9, 0.436, 100.0)]
        conditions = [Condition(prompt) for prompt in prompts]
        watched = [Watched(row, prompt.columns) for row, prompt in enumerate(prompts)]
        predictions, recorder = graph(latents, at, conditions, watched)
        true = self.eager.ask(latents, at, conditions, watched)
        pairs = {
            "predictions": (predictions, true.outputs),
            "pixels": (graph.pixels(latents), self.model.pixels(latents)),
        }
        for size in true.recorder.sums:
            mine, theirs = (
                torch.cat([m[size] for m in r.maps()]) for r in (recorder, true.recorder)
            )
            pairs[f"maps of {size}"] = (mine, theirs)
        return {name: float((a - b).abs().max()) for name, (a, b) in pairs.items()}
