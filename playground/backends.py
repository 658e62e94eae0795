"""What computes the network's calls: PyTorch itself, or a graph exported from it.

A backend answers `ask` with the same numbers as the others, up to rounding, and says who computed
them. A graph is made in the background; until it is there, and for what it cannot do (another
size, rewritten attention), PyTorch answers.
"""

import copy
import io
import logging
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor, nn

from playground.attention import Recorder, Rewrite, Watched, answer, cross_attention, record
from playground.model import LatentModel, Prompt

CLOSE = 1e-3  # a graph whose predictions (of unit spread) are farther off is not used
PREDICTION = "prediction"  # name of that output; the others are named after their layers


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

    def prepare(self) -> None:
        """Make the first call as fast as the later ones."""


class Onnx(Eager):
    """The U-Net as a graph that ONNX Runtime computes, for latents of the trained size."""

    label = "ONNX Runtime"

    def __init__(self, model: LatentModel):
        super().__init__(model)
        side = model.unet.config.sample_size
        self.shape = (model.unet.config.in_channels, side, side)
        self._graph: _Graph | None = None
        self._begun = threading.Lock()

    def ask(self, latents, timesteps, prompts, watched=(), rewrite=None) -> Answer:
        if self._graph is None or rewrite or tuple(latents.shape[1:]) != self.shape:
            return super().ask(latents, timesteps, prompts, watched, rewrite)
        embeds = torch.cat([prompt.embeds for prompt in prompts])
        return Answer(*self._graph(latents, timesteps, embeds, watched), self.label)

    def prepare(self) -> None:
        """Export the graph, once; a network that it cannot hold stays with PyTorch."""
        if not self._begun.acquire(blocking=False):
            return
        try:
            graph = _Graph(self.model, self.shape)
            off = self._distance(graph)
            if not off < CLOSE:
                raise ArithmeticError(f"its predictions are {off:.2g} off")
        except Exception as error:  # whatever an exporter raises: the page goes on, and says so
            logging.getLogger(__name__).warning("PyTorch draws, no ONNX graph: %s", error)
        else:
            self._graph = graph

    @torch.inference_mode()
    def _distance(self, graph: "_Graph") -> float:
        """Largest difference between the graph's predictions and PyTorch's, of two rows."""
        latents = torch.randn((2, *self.shape), generator=torch.Generator().manual_seed(0))
        timesteps, prompts = torch.tensor([900.0, 100.0]), [self.model.encode(t) for t in ("", "a")]
        mine, _ = graph(latents, timesteps, torch.cat([p.embeds for p in prompts]), ())
        return float((mine - self.model.predict(latents, timesteps, prompts)).abs().max())


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


# ---- the graph --------------------------------------------------------------------------------


class _Exposing:
    """A processor that answers from the probabilities themselves, and keeps them."""

    def __init__(self, name: str, kept: dict[str, Tensor]):
        self.name, self.kept = name, kept

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None):
        def by_head(rows: Tensor) -> Tensor:  # [n, places, width] → [n, heads, places, …]
            return rows.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

        query, key = attn.to_q(hidden_states), attn.to_k(encoder_hidden_states)
        weights = (by_head(query) @ by_head(key).transpose(-1, -2) * attn.scale).softmax(-1)
        self.kept[self.name] = weights
        return answer(attn, weights, attn.to_v(encoder_hidden_states))


class _Exported(nn.Module):
    """A copy of a U-Net that also returns every cross-attention's probabilities, in order.

    A copy, so that the original can draw meanwhile. `kept` are those of the last call, by layer.
    """

    def __init__(self, unet: nn.Module):
        super().__init__()
        self.unet = copy.deepcopy(unet)
        self.kept: dict[str, Tensor] = {}
        for name, layer in cross_attention(self.unet).items():
            layer.set_processor(_Exposing(name, self.kept))

    def forward(self, latents: Tensor, timesteps: Tensor, embeds: Tensor) -> tuple[Tensor, ...]:
        self.kept.clear()
        outputs = self.unet(latents, timesteps, embeds, return_dict=False)[0]
        return outputs, *self.kept.values()


class _Graph:
    """The exported network: any number of rows, latents of one `shape` (channels, h, w)."""

    inputs = ("latents", "timesteps", "embeds")

    def __init__(self, model: LatentModel, shape: tuple[int, int, int]):
        import onnxruntime

        with model.network_lock:  # a call under way has its own processors and forwards in it
            exported = _Exported(model.unet).eval()
        file = io.BytesIO()
        embeds = model.encode("").embeds.expand(2, -1, -1).clone()
        example = (torch.zeros(2, *shape), torch.zeros(2), embeds)
        with torch.no_grad(), warnings.catch_warnings():
            exported(*example)  # names the layers, in the order of computation
            places = {name: weights.shape[2] for name, weights in exported.kept.items()}
            self.grids = {name: _grid(n, shape[1:]) for name, n in places.items()}
            names = [PREDICTION, *self.grids]
            # The tracer warns of every size that it takes for fixed; those are.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                exported, example, file, dynamo=False, opset_version=17,
                input_names=list(self.inputs), output_names=names,
                dynamic_axes={name: {0: "rows"} for name in (*self.inputs, *names)},
            )  # fmt: skip
        options = onnxruntime.SessionOptions()
        # The two callers (see `__call__`) compute too. The others wait busily between two
        # operations, and asleep between two calls: then PyTorch and everybody else has the cores.
        options.intra_op_num_threads = max(1, torch.get_num_threads() - 1)
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = onnxruntime.InferenceSession(
            file.getvalue(), options, providers=["CPUExecutionProvider"]
        )
        self._two = ThreadPoolExecutor(2)

    def __call__(
        self, latents: Tensor, timesteps: Tensor, embeds: Tensor, watched: Sequence[Watched]
    ) -> tuple[Tensor, Recorder]:
        """Predictions of the rows, and the attention of those that are watched.

        Two halves of the rows at once: rows never wait for each other, the threads that share one
        operation do at its end. A sixth faster with two cores.
        """
        recorder = Recorder(list(watched))
        wanted = [PREDICTION, *(self.grids if recorder.rows else ())]
        inputs = [each.numpy() for each in (latents, timesteps, embeds)]
        half = (len(latents) + 1) // 2

        def run(first: int) -> list[np.ndarray]:
            mine = [each[first : first + half] for each in inputs]
            return self.session.run(wanted, dict(zip(self.inputs, mine, strict=True)))

        halves = list(self._two.map(run, range(0, len(latents), half)))
        outputs, *layers = zip(*halves, strict=True)
        for (name, recorder.grid), weights in zip(self.grids.items(), layers, strict=False):
            rows = [torch.from_numpy(weights[row // half][row % half]) for row in recorder.rows]
            recorder.take(rows, name)
        return torch.from_numpy(np.concatenate(outputs)), recorder


def _grid(places: int, size: tuple[int, int]) -> tuple[int, int]:
    """(h, w) of a layer with so many places: the latent's size, halved some times."""
    h, w = size
    while h * w > places:
        h, w = (h + 1) // 2, (w + 1) // 2
    return h, w
