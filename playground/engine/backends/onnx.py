"""Network and decoder as graphs that ONNX Runtime computes."""

import logging
import threading

import numpy as np
import torch
from torch import Tensor

from playground.attention.record import Watched
from playground.diffusion.levels import Level
from playground.engine.backends.eager import Eager
from playground.engine.backends.graph import Graph, Shape
from playground.engine.backends.joint_graph import JointGraph
from playground.engine.backends.network import Answer
from playground.engine.backends.unet_graph import UNetGraph
from playground.models.families.joint import JointModel
from playground.models.families.unet import UNetModel
from playground.models.latent import LatentModel, to_uint8
from playground.models.prompt import Condition

GRAPHS = {UNetModel: UNetGraph, JointModel: JointGraph}  # by the model's class
CLOSE = 1e-3  # largest difference to PyTorch of a graph that is used: predictions, pixels, maps
TEXTS = ("", "a", " ".join(["a"] * 40))  # some families read longer texts in another call


class Onnx:
    """The graph is exported in the background. Until it is ready, and for what it cannot compute
    (another size, rewritten attention), PyTorch computes.
    """

    def __init__(self, model: LatentModel):
        self.model, self.eager = model, Eager(model)
        self._graph: Graph | None = None
        self._preparing, self._tried = threading.Lock(), False

    @property
    def label(self) -> str:
        return "ONNX Runtime" if self._graph else self.eager.label

    def ask(self, latents, at, conditions, watched=(), rewrite=None) -> Answer:
        if self._graph is None or rewrite or not self._graph.takes(tuple(latents.shape[1:])):
            return self.eager.ask(latents, at, conditions, watched, rewrite)
        return Answer(*self._graph(latents, at, conditions, watched), self.label)

    def decode(self, latents: Tensor) -> np.ndarray:
        if self._graph is None or not self._graph.takes(tuple(latents.shape[1:])):
            return self.eager.decode(latents)
        return to_uint8(self._graph.pixels(latents))

    def prepare(self) -> None:
        """Export the graph, once; who asks meanwhile waits. A network that cannot be exported stays
        with PyTorch.
        """
        with self._preparing:
            if not self._tried:
                self._tried = True
                self._graph = self._checked()

    def _checked(self) -> Graph | None:
        """The graph, if it answers as PyTorch does."""
        try:
            graph = GRAPHS[type(self.model)](self.model, (self.model.channels, *self.model.size))
            for shape in graph.checked:
                for output, off in self._distances(graph, shape).items():
                    if not off < CLOSE:  # also if it is not a number
                        raise ArithmeticError(f"its {output} are {off:.2g} off")
        except Exception as error:  # an exporter may raise anything: log it, go on with PyTorch
            logging.getLogger(__name__).warning("PyTorch draws, no ONNX graph: %s", error)
            return None
        return graph

    @torch.inference_mode()
    def _distances(self, graph: Graph, shape: Shape) -> dict[str, float]:
        """By output, the graph's largest difference to PyTorch, for a row of each of TEXTS."""
        rows, branches = len(TEXTS), self.model.guidance_kind.branches
        latents = torch.randn((rows, *shape), generator=torch.Generator().manual_seed(0))
        at = [Level(0.1, 0.995, 900.0), Level(0.9, 0.436, 100.0), Level(0.5, 0.866, 500.0)]
        prompts = [self.model.encode(text) for text in TEXTS]
        conditions = [
            Condition(prompt, None if branches else w)
            for w, prompt in zip((1.0, 5.0, 12.0), prompts, strict=True)
        ]
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
