"""Where the words are in a network's attention: which layers read them, and on which grid.

A `Layout` is all that recording knows of a family of networks. In cross-attention every key is a
text token and every query a spatial position (Rombach et al. 2022, arXiv 2112.10752, sec. 3.3).
In joint attention text and image are one sequence of queries and keys (Esser et al. 2024,
arXiv 2403.03206, sec. 4).
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from diffusers.models import attention_processor as kinds
from diffusers.models.attention import AttentionModuleMixin
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import nn

from playground.models.families.zimage import MULTIPLE

Size = tuple[int, int]  # (h, w) of a grid
# Layers that read words, by name, and the modules that know a grid.
Found = tuple[dict[str, nn.Module], list[nn.Module]]

ATTENTION = (kinds.Attention, AttentionModuleMixin)  # modules with a processor

# They compute attention by other means than `scaled_dot_product_attention`, or ask it again for
# the tokens of a picture (IP-Adapter).
UNREADABLE = (
    kinds.AttnProcessor, kinds.SlicedAttnProcessor, kinds.SlicedAttnAddedKVProcessor,
    kinds.XFormersAttnProcessor, kinds.XFormersJointAttnProcessor,
    kinds.XFormersAttnAddedKVProcessor, kinds.SanaLinearAttnProcessor2_0,
    kinds.AttnAddedKVProcessor, kinds.CustomDiffusionAttnProcessor,
    kinds.CustomDiffusionXFormersAttnProcessor, kinds.IPAdapterAttnProcessor,
    kinds.IPAdapterAttnProcessor2_0, kinds.IPAdapterXFormersAttnProcessor,
)  # fmt: skip


class UnreadableAttentionError(ValueError):
    """A network's attention cannot be recorded; the message names the layer and says why."""


def unreadable(name: str, layer: nn.Module, why: str) -> UnreadableAttentionError:
    kind = type(layer.processor).__name__
    return UnreadableAttentionError(f"{name} uses {kind}, which cannot be recorded: {why}.")


@dataclass(frozen=True)
class Layout:
    """How a family of networks attends to its words.

    `reads` says of a module's name and the module whether it is a layer that reads words. `grid`
    finds (h, w) of the spatial positions in what a module of type `inside` is called with, which
    lies around such layers (None: the network itself). `begins` is for joint attention: where the
    image and where the text of a row begins in the sequence, given the numbers of its spatial
    positions, of all keys, and of its text tokens. It is None for cross-attention.
    """

    reads: Callable[[str, nn.Module], bool]
    grid: Callable[[nn.Module, tuple, dict], Size]
    inside: type[nn.Module] | None = None
    begins: Callable[[int, int, int], tuple[int, int]] | None = None

    def find(self, network: nn.Module) -> Found:
        """Raises UnreadableAttentionError if there is no layer that reads words, or one of a kind
        that cannot be recorded.
        """
        layers, around = {}, [] if self.inside else [network]

        def walk(module: nn.Module, name: str) -> None:
            # Faster than `named_modules`, which costs as much as layers of a small network.
            if isinstance(module, ATTENTION):
                if self.reads(name, module):
                    layers[name] = module
                return
            if self.inside and isinstance(module, self.inside):
                around.append(module)
            for part, child in module._modules.items():  # `named_children` takes twice as long
                if child is not None and child._modules:  # an attention layer has projections
                    walk(child, f"{name}.{part}" if name else part)

        walk(network, "")
        if not layers:
            kind = type(network).__name__
            raise UnreadableAttentionError(f"{kind} has no layer here that reads words.")
        self.check(layers)
        return layers, around

    def check(self, layers: dict[str, nn.Module]) -> None:
        """Raises UnreadableAttentionError for layers of a kind that cannot be recorded."""
        for name, layer in layers.items():
            backend = getattr(layer.processor, "_attention_backend", None)
            if isinstance(layer.processor, UNREADABLE):
                raise unreadable(name, layer, "its probabilities cannot be seen")
            if backend and "native" not in backend:
                used = getattr(backend, "value", backend)
                raise unreadable(name, layer, f'its attention backend is {used}, not "native"')

    def parts(self, positions: int, keys: int, tokens: int) -> tuple[slice, slice]:
        """A row's spatial positions among the queries, and its text tokens among the keys."""
        image, text = self.begins(positions, keys, tokens) if self.begins else (0, 0)
        return slice(image, image + positions), slice(text, text + tokens)


def _is_cross_attention(name: str, module: Any) -> bool:
    return bool(getattr(module, "is_cross_attention", False))  # Flux's layers do not say


def _named(pattern: str) -> Callable[[str, nn.Module], bool]:
    return lambda name, module: re.fullmatch(pattern, name) is not None


def _hidden_size(module: nn.Module, args: tuple, kwargs: dict) -> Size:
    hidden_states = args[0] if args else kwargs["hidden_states"]
    h, w = hidden_states.shape[-2:]
    return int(h), int(w)  # traced networks have tensors for them


def _patches(module: Any, args: tuple, kwargs: dict) -> Size:
    h, w = _hidden_size(module, args, kwargs)
    return h // module.config.patch_size, w // module.config.patch_size


def _by_position_ids(module: nn.Module, args: tuple, kwargs: dict) -> Size:
    """Flux gets its latents as one sequence, row by row, with `img_ids` (0, row, column)."""
    _, row, column = _given("img_ids", module, args, kwargs).reshape(-1, 3)[-1].tolist()
    return int(row) + 1, int(column) + 1


def _by_shapes(module: nn.Module, args: tuple, kwargs: dict) -> Size:
    """Qwen-Image gets its latents as one sequence, and (1, h, w) of every row."""
    _, h, w = _given("img_shapes", module, args, kwargs)[0][0]
    return h, w


def _given(name: str, module: nn.Module, args: tuple, kwargs: dict) -> Any:
    if name in kwargs:  # it takes as long as a layer of a small network to ask for the signature
        return kwargs[name]
    return inspect.signature(module.forward).bind(*args, **kwargs).arguments[name]


def _by_list(module: nn.Module, args: tuple, kwargs: dict) -> Size:
    """Z-Image gets a list of rows [c, 1, h, w]; its patches have 2 × 2 positions."""
    h, w = args[0][0].shape[-2:]
    return h // 2, w // 2


# U-Nets: every level has a grid of its own, known to the block around its layers.
CROSS_ATTENTION = Layout(_is_cross_attention, _hidden_size, inside=Transformer2DModel)
# Transformers with cross-attention: one grid, of patches.
PATCHED = Layout(_is_cross_attention, _patches)
# A second attention of some blocks of SD3, `attn2`, is of the image alone.
IMAGE_FIRST = Layout(
    _named(r"transformer_blocks\.\d+\.attn"), _patches,
    begins=lambda positions, keys, tokens: (0, positions),
)  # fmt: skip
# Flux: blocks with a stream each for text and image, then blocks with one for both.
TEXT_FIRST = Layout(
    _named(r"(single_)?transformer_blocks\.\d+\.attn"), _by_position_ids,
    begins=lambda positions, keys, tokens: (tokens, 0),
)  # fmt: skip
# Qwen-Image: shorter texts of a call are padded, so that the image of every row is last.
TEXT_PADDED_FIRST = Layout(
    _named(r"transformer_blocks\.\d+\.attn"), _by_shapes,
    begins=lambda positions, keys, tokens: (keys - positions, 0),
)  # fmt: skip
# Lumina2: the image follows its row's own text, padding comes last. Layers called refiners see
# text or image alone.
TEXT_THEN_IMAGE = Layout(
    _named(r"layers\.\d+\.attn"), _patches,
    begins=lambda positions, keys, tokens: (tokens, 0),
)  # fmt: skip
# Z-Image pads image and text, each by itself. Its refiners are of one kind too.
IMAGE_PADDED_FIRST = Layout(
    _named(r"layers\.\d+\.attention"), _by_list,
    begins=lambda positions, keys, tokens: (0, positions + -positions % MULTIPLE),
)  # fmt: skip
LAYOUTS = {
    "UNet2DConditionModel": CROSS_ATTENTION,  # SD 1.x, 2.x, SDXL
    "PixArtTransformer2DModel": PATCHED,
    "SanaTransformer2DModel": PATCHED,
    "SD3Transformer2DModel": IMAGE_FIRST,
    "FluxTransformer2DModel": TEXT_FIRST,
    "Lumina2Transformer2DModel": TEXT_THEN_IMAGE,
    "ZImageTransformer2DModel": IMAGE_PADDED_FIRST,
    "QwenImageTransformer2DModel": TEXT_PADDED_FIRST,
}  # by name: importing all of these classes takes seconds


def layout_of(network: nn.Module) -> Layout:
    """Raises UnreadableAttentionError if it is not known where this kind of network has words."""
    for kind in type(network).__mro__:
        if kind.__name__ in LAYOUTS:
            return LAYOUTS[kind.__name__]
    raise UnreadableAttentionError(
        f"It is not known where {type(network).__name__} has its words; it is of: "
        f"{', '.join(LAYOUTS)}."
    )
