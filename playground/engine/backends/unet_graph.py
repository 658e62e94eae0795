"""A U-Net as a graph: any number of rows, latents of one size."""

import copy
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from diffusers.models.activations import GEGLU
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor, nn

from playground.attention.layouts import CROSS_ATTENTION, Size, unreadable
from playground.diffusion.guidance import EMBEDDED
from playground.diffusion.levels import Level
from playground.engine.backends.exported import Exported
from playground.engine.backends.graph import PREDICTION, Graph, Shape
from playground.engine.backends.operations import MultiHeadAttention, SplitGEGLU
from playground.models.families.unet import UNetModel
from playground.models.prompt import Condition


class UNetGraph(Graph):
    """For latents of one `shape`; networks that take w as an input are given it."""

    model: UNetModel

    def __init__(self, model: UNetModel, shape: Shape):
        super().__init__(model, shape)
        self.shape, self.checked = shape, [shape]
        with model.network_lock:  # a call that is running has replaced processors and forwards
            network = UNetWithMaps(model.unet).eval()
        conditions = [Condition(model.encode(""))] * 2
        inputs = self.inputs(torch.zeros(2, *shape), [Level(1, 0, 0)] * 2, conditions)
        example = tuple(map(torch.from_numpy, inputs.values()))
        with torch.no_grad():
            network(*example)  # records the layers and their grids
        by_grid: dict[Size, list[str]] = {}
        for name, (grid, _) in network.kept.items():
            by_grid.setdefault(grid, []).append(name)
        self.layers = {f"{h}x{w}": names for (h, w), names in by_grid.items()}
        self._grids = dict(zip(self.layers, by_grid, strict=True))
        self.network = Exported(
            network, example, list(inputs), (PREDICTION, *self.layers, *network.kept),
            {"embeds": {0: "prompts"}},
        )  # fmt: skip

    def takes(self, shape: Shape) -> bool:
        return shape == self.shape

    def grids(self, shape: Shape) -> Mapping[str, Size]:
        return self._grids

    def inputs(
        self, latents: Tensor, at: Sequence[Level], conditions: Sequence[Condition]
    ) -> dict[str, np.ndarray]:
        prompts = [condition.prompt for condition in conditions]
        distinct = list(dict.fromkeys(prompts))  # text keys and values once per prompt
        inputs = {
            "latents": latents.numpy(),
            "timesteps": np.array([level.t for level in at], np.float32),
            "embeds": torch.cat([prompt.embeds for prompt in distinct]).numpy(),
            "prompt": np.array([distinct.index(prompt) for prompt in prompts]),
        }
        if self.model.guidance_kind is EMBEDDED:
            inputs["guidance"] = self.model.guidance_embeds(conditions).numpy()
        return inputs


class UNetWithMaps(nn.Module):
    """A copy of a U-Net that also returns its cross-attention, in the order of computation.

    After the predictions come, per grid, the probabilities summed over its layers, each the mean
    over heads [rows, positions, tokens]; then those of every layer [rows, heads, positions,
    tokens]. It is a copy so that the original can draw meanwhile. `kept` holds (grid,
    probabilities) of the last call, by layer.

    The copy's layers get our own processors, which compute exactly what diffusers'
    AttnProcessor2_0 computes. Layers with another processor are refused. A `portable` copy has no
    operation that ONNX itself does not have.
    """

    def __init__(self, unet: nn.Module, portable: bool = False):
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
                module.set_processor(_Exposing(name, self.keep))
            elif isinstance(module, Attention):
                module.set_processor(_Plain() if portable else _Fused())
            elif isinstance(module, GEGLU):
                self.unet.set_submodule(name, SplitGEGLU(module))

    def _note_grid(self, block: nn.Module, args: tuple, kwargs: dict) -> None:
        self.grid = CROSS_ATTENTION.grid(block, args, kwargs)

    def keep(self, name: str, weights: Tensor) -> None:
        self.kept[name] = self.grid, weights

    def forward(
        self, latents: Tensor, timesteps: Tensor, embeds: Tensor, prompt: Tensor,
        guidance: Tensor | None = None, weights: Tensor | None = None,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """Latents [rows, c, h, w], timesteps [rows], embeds [prompts, tokens, width], and which of
        these a row reads, `prompt` [rows]; `guidance` [rows, width] is w embedded, where the
        network takes it; `weights` [rows, tokens] multiply the attention to words.
        """
        self.kept.clear()
        outputs = self.unet(
            latents, timesteps, embeds, timestep_cond=guidance,
            cross_attention_kwargs={"prompt": prompt, "weights": weights}, return_dict=False,
        )[0]  # fmt: skip
        sums: dict[Size, Tensor] = {}
        for grid, weights in self.kept.values():
            mean = weights.mean(1)
            sums[grid] = sums[grid] + mean if grid in sums else mean
        return outputs, *sums.values(), *(weights for _, weights in self.kept.values())


def _output(attn: Attention, mixed: Tensor) -> Tensor:
    """The layer's output, from its concatenated heads [n, positions, width]."""
    return attn.to_out[0](mixed) / attn.rescale_output_factor


class _Exposing:
    """A processor that computes attention from explicit probabilities, and hands them out."""

    def __init__(self, name: str, keep: Callable[[str, Tensor], None]):
        self.name, self.keep = name, keep

    def __call__(
        self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, prompt=None,
        weights=None,
    ):  # fmt: skip
        query, key, value = projected(attn, hidden_states, encoder_hidden_states, prompt)
        probabilities = _probabilities(attn, query, key)
        if weights is not None:
            probabilities = probabilities * weights[:, None, None]
        self.keep(self.name, probabilities)
        return output_of(attn, probabilities, value)


class _Plain:
    """A processor for self-attention, in operations that every runtime of ONNX has."""

    def __call__(
        self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, prompt=None,
        weights=None,
    ):  # fmt: skip
        query, key, value = (to(hidden_states) for to in (attn.to_q, attn.to_k, attn.to_v))
        return output_of(attn, _probabilities(attn, query, key), value)


def projected(
    attn: Attention, image: Tensor, embeds: Tensor, prompt: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries [rows, positions, width], keys and values [rows, tokens, width]: those of the text
    once per prompt, and of each row those of its own, `prompt` [rows].
    """
    query = attn.to_q(image)
    key, value = (to(embeds)[prompt] for to in (attn.to_k, attn.to_v))
    return query, key, value


def by_head(attn: Attention, rows: Tensor) -> Tensor:
    """[n, positions, width] → [n, heads, positions, width of a head]"""
    return rows.unflatten(-1, (attn.heads, -1)).transpose(1, 2)


def _probabilities(attn: Attention, query: Tensor, key: Tensor) -> Tensor:
    """[n, heads, positions, keys]"""
    return scores_of(attn, query, key).softmax(-1)


def scores_of(attn: Attention, query: Tensor, key: Tensor) -> Tensor:
    """[n, heads, positions, keys]"""
    return by_head(attn, query) @ by_head(attn, key).transpose(-1, -2) * attn.scale


def output_of(attn: Attention, probabilities: Tensor, value: Tensor) -> Tensor:
    """The layer's output [n, positions, width] from its probabilities."""
    return _output(attn, (probabilities @ by_head(attn, value)).transpose(1, 2).flatten(2))


class _Fused:
    """A processor for self-attention as one operation: its probabilities are not recorded."""

    def __call__(
        self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, prompt=None,
        weights=None,
    ):  # fmt: skip
        projected = (to(hidden_states) for to in (attn.to_q, attn.to_k, attn.to_v))
        mixed = MultiHeadAttention.apply(*projected, attn.heads, attn.scale)
        return _output(attn, mixed)
