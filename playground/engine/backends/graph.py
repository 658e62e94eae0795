"""A model's network and decoder as graphs that ONNX Runtime computes, exported once.

Any number of rows, latents of one size, float32. Where diffusers computes something twice or in
pieces, the exported copy computes it once or in one: the same numbers up to rounding.
"""

import copy
import io
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from diffusers.models.activations import GEGLU
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor, nn
from torch.nn import functional

from playground.attention.layouts import CROSS_ATTENTION, Size, unreadable
from playground.attention.record import Recorder, Watched
from playground.diffusion.levels import Level
from playground.models.families.unet import UNetModel
from playground.models.prompt import Condition

PREDICTION = "prediction"  # name of that output; the others are named after grids and layers


class Graph:
    """Network and decoder of a model, for latents of one `shape` (channels, h, w).

    `layers` is the grid (h, w) of every cross-attention by name, in the order of computation;
    `grids` are these grids by the names of the outputs that sum over a grid's layers.
    """

    def __init__(self, model: UNetModel, shape: tuple[int, int, int]):
        with model.network_lock:  # a call that is running has replaced processors and forwards
            network = _Network(model.unet).eval()
        embeds = model.encode("").embeds.expand(2, -1, -1).clone()
        latents = torch.zeros(2, *shape)
        example = (latents, torch.zeros(2), embeds, torch.tensor([0, 1]))
        with torch.no_grad():
            network(*example)  # records the layers and their grids
        self.layers = {name: grid for name, (grid, _) in network.kept.items()}
        self.grids = {f"{h}x{w}": (h, w) for h, w in dict.fromkeys(self.layers.values())}
        self._network = _Exported(
            network, example, ("latents", "timesteps", "embeds", "prompt"),
            (PREDICTION, *self.grids, *self.layers), {"embeds": "prompts"},
        )  # fmt: skip
        self._decoder = _Exported(_Decoder(model), (latents,), ("latents",), ("pixels",))

    def __call__(
        self, latents: Tensor, at: Sequence[Level], conditions: Sequence[Condition],
        watched: Sequence[Watched] = (),
    ) -> tuple[Tensor, Recorder]:  # fmt: skip
        """Predictions of the rows, and the attention of those that are watched."""
        recorder = Recorder(list(watched))
        heads = any(w.head_columns is not None for w in watched)
        outputs = self.layers if heads else self.grids if recorder.rows else {}
        half = (len(latents) + 1) // 2
        prompts = [condition.prompt for condition in conditions]
        timesteps = np.array([level.t for level in at], np.float32)

        def inputs(first: int) -> dict[str, np.ndarray]:
            mine = slice(first, first + half)
            distinct = list(dict.fromkeys(prompts[mine]))  # keys and values once per prompt
            return {
                "latents": latents[mine].numpy(),
                "timesteps": timesteps[mine],
                "embeds": torch.cat([prompt.embeds for prompt in distinct]).numpy(),
                "prompt": np.array([distinct.index(prompt) for prompt in prompts[mine]]),
            }

        halves = self._network(
            [PREDICTION, *outputs], [inputs(first) for first in range(0, len(latents), half)]
        )
        predictions, *found = zip(*halves, strict=True)
        for (name, grid), parts in zip(outputs.items(), found, strict=True):
            rows = {row: torch.from_numpy(parts[row // half][row % half]) for row in recorder.rows}
            if heads:
                recorder.take(grid, rows.items(), [name])
            else:
                names = [layer for layer, its in self.layers.items() if its == grid]
                recorder.take_mean(grid, rows, names)
        return torch.from_numpy(np.concatenate(predictions)), recorder

    def pixels(self, latents: Tensor) -> Tensor:
        """`UNetModel.pixels`, one picture at a time: a single one fits into a core's cache."""
        single = self._decoder(["pixels"], [{"latents": one.numpy()} for one in latents.split(1)])
        return torch.from_numpy(np.concatenate([pixels for (pixels,) in single]))


class _Exported:
    """A module that ONNX Runtime computes; `axes` names first axes that are not "rows".

    Two callers compute half of the rows each, at the same time. With two cores this is a sixth
    faster than one call with all threads, because threads that share an operation must wait for
    each other at its end. If there is only one part, it is computed with all threads.
    """

    def __init__(
        self, module: nn.Module, example: tuple, inputs: Sequence[str], outputs: Sequence[str],
        axes: dict[str, str] | None = None,
    ):  # fmt: skip
        file = io.BytesIO()
        with torch.no_grad(), warnings.catch_warnings():
            # The tracer warns of every size that it treats as constant; here they are constant.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module, example, file, dynamo=False, opset_version=17,  # type: ignore[arg-type]
                input_names=list(inputs), output_names=list(outputs),
                dynamic_axes={n: {0: (axes or {}).get(n, "rows")} for n in (*inputs, *outputs)},
            )  # fmt: skip
        threads = torch.get_num_threads()
        self._alone = _session(file.getvalue(), threads)
        self._beside = _session(file.getvalue(), max(1, threads - 1))  # both callers compute
        self._callers = ThreadPoolExecutor(2)

    def __call__(
        self, names: Sequence[str], parts: Sequence[dict[str, np.ndarray]]
    ) -> list[list[np.ndarray]]:
        """The outputs called `names`, for the inputs of each part."""
        if len(parts) == 1:
            return [self._alone.run(names, parts[0])]
        return list(self._callers.map(lambda inputs: self._beside.run(names, inputs), parts))


def _session(graph: bytes, threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads spin between two operations of a call but sleep between two calls, so that PyTorch and
    # other processes can use the cores.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


class _Network(nn.Module):
    """A copy of a U-Net that also returns its cross-attention, in the order of computation.

    After the predictions come, per grid, the probabilities summed over its layers, each the mean
    over heads [rows, positions, tokens]; then those of every layer [rows, heads, positions,
    tokens]. It is a copy so that the original can draw meanwhile. `kept` holds (grid,
    probabilities) of the last call, by layer.

    In PyTorch hooks read the attention. An exported graph has no hooks: all that is read must be
    one of its outputs. So the copy's layers get our own processors, which compute exactly what
    diffusers' AttnProcessor2_0 computes. Layers with another processor are refused.
    """

    def __init__(self, unet: nn.Module):
        super().__init__()
        self.unet = copy.deepcopy(unet)
        self.kept: dict[str, tuple[Size, Tensor]] = {}
        self.grid: Size = (0, 0)  # of the block that is computed
        layers, blocks = CROSS_ATTENTION.find(self.unet)
        for name, layer in layers.items():
            if type(layer.processor) is not AttnProcessor2_0:
                raise unreadable(name, layer, "the exported graph cannot reproduce its processor")
        for block in blocks:
            block.register_forward_pre_hook(self._note_grid, with_kwargs=True)
        for name, module in list(self.unet.named_modules()):
            if name in layers:
                module.set_processor(_Exposing(name, self._keep))
            elif isinstance(module, Attention):
                module.set_processor(_Fused())
            elif isinstance(module, GEGLU):
                self.unet.set_submodule(name, _SplitGEGLU(module))

    def _note_grid(self, block: nn.Module, args: tuple, kwargs: dict) -> None:
        self.grid = CROSS_ATTENTION.grid(block, args, kwargs)

    def _keep(self, name: str, weights: Tensor) -> None:
        self.kept[name] = self.grid, weights

    def forward(
        self, latents: Tensor, timesteps: Tensor, embeds: Tensor, prompt: Tensor
    ) -> tuple[Tensor, ...]:
        """Latents [rows, c, h, w], timesteps [rows], embeds [prompts, tokens, width], and which of
        these a row reads, `prompt` [rows]."""
        self.kept.clear()
        outputs = self.unet(
            latents, timesteps, embeds, cross_attention_kwargs={"prompt": prompt},
            return_dict=False,
        )[0]  # fmt: skip
        sums: dict[Size, Tensor] = {}
        for grid, weights in self.kept.values():
            mean = weights.mean(1)
            sums[grid] = sums[grid] + mean if grid in sums else mean
        return outputs, *sums.values(), *(weights for _, weights in self.kept.values())


class _Decoder(nn.Module):
    def __init__(self, model: UNetModel):
        super().__init__()
        self.vae, self.pixels = model.vae, model.pixels

    def forward(self, latents: Tensor) -> Tensor:
        return self.pixels(latents)


def _output(attn: Attention, mixed: Tensor) -> Tensor:
    """The layer's output, from its concatenated heads [n, positions, width]."""
    return attn.to_out[0](mixed) / attn.rescale_output_factor


class _Exposing:
    """A processor that computes attention from explicit probabilities, and hands them out."""

    def __init__(self, name: str, keep: Callable[[str, Tensor], None]):
        self.name, self.keep = name, keep

    def __call__(
        self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, prompt=None
    ):
        def by_head(rows: Tensor) -> Tensor:  # [n, positions, width] → [n, heads, positions, …]
            return rows.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

        query = attn.to_q(hidden_states)
        key, value = (to(encoder_hidden_states)[prompt] for to in (attn.to_k, attn.to_v))
        weights = (by_head(query) @ by_head(key).transpose(-1, -2) * attn.scale).softmax(-1)
        self.keep(self.name, weights)
        return _output(attn, (weights @ by_head(value)).transpose(1, 2).flatten(2))


class _Fused:
    """A processor for self-attention as one operation: its probabilities are not recorded."""

    def __call__(
        self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, prompt=None
    ):
        projected = (to(hidden_states) for to in (attn.to_q, attn.to_k, attn.to_v))
        mixed = _MultiHeadAttention.apply(*projected, attn.heads, attn.scale)
        return _output(attn, mixed)


class _MultiHeadAttention(torch.autograd.Function):
    """PyTorch's attention of queries, keys, values [n, positions, width], as ONNX Runtime's own.

    One fused operation for all heads is a third faster than its parts.
    """

    @staticmethod
    def forward(ctx, query, key, value, heads: int, scale: float):
        q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key, value))
        mixed = functional.scaled_dot_product_attention(q, k, v, scale=scale)
        return mixed.transpose(1, 2).flatten(2)

    @staticmethod
    def symbolic(graph, query, key, value, heads: int, scale: float):
        name = "com.microsoft::MultiHeadAttention"
        return graph.op(name, query, key, value, num_heads_i=heads, scale_f=scale).setType(
            query.type()
        )


class _SplitGEGLU(nn.Module):
    """diffusers' GEGLU with a linear for the values and one for their gates (Shazeer 2020).

    The result of a single linear would have to be split, which copies all of it.
    """

    def __init__(self, whole: GEGLU):
        super().__init__()
        weights, biases = whole.proj.weight.chunk(2), whole.proj.bias.chunk(2)
        self.linears = nn.ModuleList(map(_linear, weights, biases))

    def forward(self, hidden_states: Tensor) -> Tensor:
        values, gates = (linear(hidden_states) for linear in self.linears)
        return values * functional.gelu(gates)


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
    return linear
