"""Backends that compute network calls: PyTorch itself, or a graph exported from it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from playground.engine.backends.eager import Eager
from playground.engine.backends.network import Network
from playground.engine.backends.onnx import GRAPHS, Onnx
from playground.models.latent import LatentModel
from playground.models.specs import MODELS


def _is_built_in(model: LatentModel) -> bool:
    """Whether it is a built-in model, of a family that has a graph.

    Checkpoints stay in PyTorch: a graph of more than 2 GB cannot be made in memory, and one that
    was made in a folder was not faster.
    """
    return model.name in MODELS and type(model) in GRAPHS


@dataclass(frozen=True)
class Backend:
    """One backend; its `packages` must be importable, and `computes` says for which models."""

    name: str
    make: Callable[..., Network]
    packages: tuple[str, ...]
    sentence: str
    computes: Callable[[LatentModel], bool] = lambda model: True

    @property
    def installed(self) -> bool:
        return all(map(find_spec, self.packages))


# Fastest first. What else was measured is in training/LOG.md.
_TABLE = (
    Backend(
        "onnx", Onnx, ("onnx", "onnxruntime"),
        "One graph for any number of rows, exported once; float32, attention is an output of it.",
        _is_built_in,
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


def fastest(model: LatentModel) -> Network:
    """The first of the table that is installed and can compute this model."""
    usable = (b for b in BACKENDS.values() if b.installed and b.computes(model))
    return next(usable).make(model)
