"""See what the layers that read words hand to attention, with hooks that leave nothing behind.

Every such layer ends in `torch.nn.functional.scaled_dot_product_attention`, and hands it the very
queries, keys and values that it uses (after norms, rotary embedding, mask). A TorchFunctionMode
sees that call; hooks say which layer makes it. So no layer needs a processor of ours.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from playground.attention.layouts import Layout, Size, UnreadableAttentionError, unreadable


@dataclass(frozen=True, eq=False)
class Call:
    """One layer's attention: softmax(scale·q·kᵀ + mask)·v.

    `query` [rows, heads, queries, d]; `key` and `value` [rows, heads, keys, d]. `mask`, if any, has
    four axes that spread to [rows, heads, queries, keys]: bool (True: is read), or added to the
    scores. `layout` knows where the spatial positions of `grid` (h, w), row by row, are among the
    queries, and the text among the keys. `number` counts calls of the network, from 0.
    """

    name: str  # of the layer
    layer: nn.Module
    grid: Size
    layout: Layout
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    scale: float
    number: int

    @property
    def joint(self) -> bool:
        """Are there keys besides the text?"""
        return self.layout.begins is not None

    def scores(self, row: int) -> Tensor:
        """scale·q·kᵀ + mask of a row [heads, queries, keys] in float32."""
        scores = (self.query[row].float() * self.scale) @ self.key[row].float().mT
        mask = self._mask(row)
        if mask is None:
            return scores
        if mask.dtype == torch.bool:
            return scores.masked_fill(~mask, float("-inf"))
        return scores + mask

    def by_column(self, row: int, indicator: Tensor) -> Tensor:
        """A row's attention to text, tokens of one column added up: [heads, positions, columns].

        `indicator` [text tokens, columns] has a 1 where a token goes. The softmax runs over all
        keys, and must not be formed where these include the image (1.8 GB in one layer of Flux).
        But its product with the indicator is what attention gives if the indicator takes the place
        of the values: computed by the same fused kernel in the network's own precision, in parts
        as wide as a head, which such kernels want.
        """
        key, mask = self.key[row], self._mask(row)
        positions, tokens = self.grid[0] * self.grid[1], len(indicator)
        image, text = self.layout.parts(positions, key.shape[1], tokens)
        query = self.query[row, :, image]
        if mask is not None:
            mask = (mask[:, image] if mask.shape[1] > 1 else mask)[None]
        d, columns = self.value.shape[3], indicator.shape[1]
        wide = key.new_zeros(key.shape[1], -(-columns // d) * d)
        wide[text, :columns] = indicator
        parts = [
            F.scaled_dot_product_attention(
                query[None], key[None], part.expand(1, len(key), -1, -1), mask, scale=self.scale
            )
            for part in wide.split(d, 1)
        ]
        return torch.cat(parts, 3)[0, ..., :columns].float()

    def _mask(self, row: int) -> Tensor | None:
        """[heads or 1, queries or 1, keys]"""
        return None if self.mask is None else self.mask[row if len(self.mask) > 1 else 0]


# From a call and what attention answers [rows, heads, queries, d] to what the layer goes on with.
Listener = Callable[[Call, Tensor], Tensor]


@contextmanager
def attention_calls(network: nn.Module, layout: Layout, listener: Listener) -> Iterator[None]:
    """Inside, `listener` hears of every attention call of `network` that reads words.

    Calls from other threads are not heard. All that is added to the network are hooks, removed
    again also after an error. Raises UnreadableAttentionError before anything is changed if the
    network has no such layer, or one of a kind that cannot be read, or is listened to already; and
    at the end of a network call if a layer did not make its attention call in it.
    """
    layers, around = layout.find(network)
    for name, layer in layers.items():
        if any(isinstance(hook, _Hook) and hook.mine for hook in layer._forward_hooks.values()):
            raise UnreadableAttentionError(f"{name} is being recorded already.")
    mode = _AttentionMode(layout, layers, listener)
    hooks = []
    try:
        hooks.append(network.register_forward_pre_hook(_Hook(mode.begin)))
        hooks.append(network.register_forward_hook(_Hook(mode.end)))
        for module in around:
            hooks.append(module.register_forward_pre_hook(_Hook(mode.note), with_kwargs=True))
        for layer in layers.values():
            hooks.append(layer.register_forward_pre_hook(_Hook(mode.enter)))
            hooks.append(layer.register_forward_hook(_Hook(mode.leave), always_call=True))
        yield
    finally:
        for hook in hooks:
            hook.remove()
        mode.leave()  # an interrupted call may not have left its layer


class _Hook:
    """A hook for network calls from the thread that made it."""

    def __init__(self, hook: Callable):
        self.hook, self.thread = hook, threading.get_ident()

    @property
    def mine(self) -> bool:
        return self.thread == threading.get_ident()

    def __call__(self, *inputs) -> None:
        if self.mine:
            self.hook(*inputs)


class _AttentionMode(TorchFunctionMode):
    """Hears attention calls inside layers: hooks enter and leave the mode around each of them.

    Around a whole network call the mode would cost a tenth of it: it is asked at every operation.
    """

    def __init__(self, layout: Layout, layers: dict[str, nn.Module], listener: Listener):
        super().__init__()
        self.layout, self.layers, self.listener = layout, layers, listener
        self.names = {layer: name for name, layer in layers.items()}
        self.number = -1  # of the network call
        self.grid: Size | None = None
        self.inside: nn.Module | None = None  # the layer that is being computed
        self.heard: set[nn.Module] = set()  # layers that made their attention call

    def begin(self, *_) -> None:
        self.leave()  # a layer whose computing was interrupted: PyTorch then calls no hook
        self.number += 1
        self.heard.clear()

    def note(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        self.grid = self.layout.grid(module, args, kwargs)

    def enter(self, layer: nn.Module, *_) -> None:
        self.inside = layer
        self.heard.discard(layer)
        self.__enter__()

    def leave(self, *_) -> None:
        if self.inside is not None:
            self.inside = None
            self.__exit__(None, None, None)

    def end(self, *_) -> None:
        for name, layer in self.layers.items():
            if layer not in self.heard:
                raise unreadable(name, layer, "it did not call scaled_dot_product_attention")

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        if func is not F.scaled_dot_product_attention or self.inside is None:
            return output
        return self.listener(self._call(self.inside, *args, **kwargs), output)

    def _call(
        self, layer: nn.Module, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False,
        *, scale=None, enable_gqa=False,
    ) -> Call:  # fmt: skip
        name = self.names[layer]
        if layer in self.heard:
            raise unreadable(name, layer, "it calls scaled_dot_product_attention more than once")
        self.heard.add(layer)
        if dropout_p:
            raise unreadable(name, layer, "it leaves out probabilities at random")
        if self.grid is None or query.ndim != 4:
            raise unreadable(name, layer, "its queries are on no grid that is known")
        positions = self.grid[0] * self.grid[1]
        if query.shape[2] != (key.shape[2] if self.layout.begins else positions):
            h, w = self.grid
            raise unreadable(name, layer, f"{query.shape[2]} queries are no grid of {h} × {w}")
        if enable_gqa:  # a key for several heads
            key, value = (
                x.repeat_interleave(query.shape[1] // x.shape[1], 1) for x in (key, value)
            )
        if is_causal:
            attn_mask = torch.ones(
                query.shape[2], key.shape[2], dtype=torch.bool, device=query.device
            ).tril()
        if attn_mask is not None:
            attn_mask = attn_mask[(None,) * (4 - attn_mask.ndim)]
        scale = query.shape[3] ** -0.5 if scale is None else scale
        return Call(
            name, layer, self.grid, self.layout, query, key, value, attn_mask, scale, self.number
        )  # fmt: skip
