"""See what the layers that read words hand to attention, with hooks that leave nothing behind.

Every such layer ends in `torch.nn.functional.scaled_dot_product_attention`, and hands it the very
queries, keys and values that it uses (after norms, rotary embedding, mask). A hook makes the values
a subclass of Tensor as they leave their projection: PyTorch then asks that class to make each call
that they are given to, attention's at last. So no layer needs a processor of ours, and all other
operations cost what they cost.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.attention.layouts import (
    Found,
    Layout,
    Size,
    UnreadableAttentionError,
    unreadable,
)
from playground.attention.probabilities import Part, by_column

# The projections of a layer that give its values: alone, with its keys, with queries and keys.
VALUES = ("to_v", "to_kv", "to_qkv")


@dataclass(eq=False, slots=True)
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

    @property
    def numbers(self) -> int:
        """How many probabilities a row has, of spatial positions and all keys."""
        return self.grid[0] * self.grid[1] * self.query.shape[1] * self.key.shape[2]

    def part(self, row: int, tokens: int) -> Part:
        """What a row's spatial positions attend to, of which its `tokens` of text are wanted."""
        query, key, mask = self.query[row], self.key[row], self._mask(row)
        positions = self.grid[0] * self.grid[1]
        image, text = self.layout.parts(positions, key.shape[1], tokens)
        if query.shape[1] > positions:
            query = query[:, image]
            if mask is not None and mask.shape[1] > 1:
                mask = mask[:, image]
        return Part(query, key, mask, text, self.scale)

    def scores(self, row: int) -> Tensor:
        """scale·q·kᵀ + mask of a row [heads, queries, keys] in float32."""
        keys = slice(0, self.key.shape[2])
        return Part(self.query[row], self.key[row], self._mask(row), keys, self.scale).scores()

    def by_column(self, row: int, indicator: Tensor) -> Tensor:
        """A row's attention to text, tokens of one column added up: [heads, positions, columns].

        `indicator` [text tokens, columns] has a 1 where a token goes.
        """
        return by_column([self.part(row, len(indicator))], indicator)

    def _mask(self, row: int) -> Tensor | None:
        """[heads or 1, queries or 1, keys]"""
        return None if self.mask is None else self.mask[row if len(self.mask) > 1 else 0]


# From a call and what attention answers [rows, heads, queries, d] to what the layer goes on with.
Listener = Callable[[Call, Tensor], Tensor]


@contextmanager
def attention_calls(
    network: nn.Module, layout: Layout, listener: Listener, found: Found | None = None
) -> Iterator[None]:
    """Inside, `listener` hears of every attention call of `network` that reads words.

    `found` is what `layout.find(network)` returned: in small networks it takes as long as layers.

    Calls from other threads are not heard. All that is added to the network are hooks, removed
    again also after an error. Raises UnreadableAttentionError before anything is changed if the
    network has no such layer, or one of a kind that cannot be read, or is listened to already; and
    at the end of a network call if a layer did not make its attention call in it.
    """
    if found:
        layout.check(found[0])
    layers, around = found or layout.find(network)
    heard = _NetworkCall(layout, listener)
    heard.layers = [_Layer(name, layer, heard) for name, layer in layers.items()]
    hooks = []
    try:
        for each in heard.layers:
            for projection in _projections(each.name, each.layer):
                hooks.append(projection.register_forward_hook(_Hook(each.mark)))
        hooks.append(network.register_forward_pre_hook(_Hook(heard.begin)))
        hooks.append(network.register_forward_hook(_Hook(heard.end)))
        for module in around:
            hooks.append(module.register_forward_pre_hook(_Hook(heard.note), with_kwargs=True))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _projections(name: str, layer: nn.Module) -> list[nn.Module]:
    """The modules whose output is, or holds, the layer's values."""
    found = [m for to in VALUES if (m := layer._modules.get(to)) is not None]
    if not found:
        raise unreadable(name, layer, "nothing in it is called to_v")
    for projection in found:
        if any(isinstance(h, _Hook) and h.mine for h in projection._forward_hooks.values()):
            raise UnreadableAttentionError(f"{name} is being recorded already.")
    return found


class _Hook:
    """A hook for network calls from the thread that made it."""

    def __init__(self, hook: Callable):
        self.hook, self.thread = hook, threading.get_ident()

    @property
    def mine(self) -> bool:
        return self.thread == threading.get_ident()

    def __call__(self, *inputs) -> Any:
        return self.hook(*inputs) if threading.get_ident() == self.thread else None


class _Values(Tensor):
    """A layer's values on their way from projection to attention; `heard_by` is the layer."""

    heard_by: "_Layer"

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        found = torch._C._disabled_torch_function_impl(func, types, args, kwargs)
        first = args[0] if args else None
        layer = first.heard_by if type(first) is cls else _layer_in([*args, *kwargs.values()])
        if func is F.scaled_dot_product_attention:
            return layer.attends(found, *args, **kwargs)
        return layer.marked(found)


def _layer_in(values: Iterable) -> Any:
    """The layer whose values are among these, or among lists of them."""
    for value in values:
        if type(value) is _Values:
            return value.heard_by
        if isinstance(value, list | tuple) and (found := _layer_in(value)):
            return found
    return None


class _Layer:
    """A layer that reads words, in a network that is listened to."""

    def __init__(self, name: str, layer: nn.Module, network: "_NetworkCall"):
        self.name, self.layer, self.network = name, layer, network
        self.asked = False  # whether it made its attention call

    def mark(self, projection: nn.Module, inputs: tuple, values: Tensor) -> Tensor:
        self.asked = False
        return self.marked(values)

    def marked(self, found: Any) -> Any:
        """What an operation on values gave: a tensor, several, or something else."""
        if isinstance(found, Tensor):
            found = found.as_subclass(_Values)
            found.heard_by = self
        elif isinstance(found, list | tuple) and found and isinstance(found[0], Tensor):
            return [self.marked(each) for each in found]
        return found

    def attends(self, output: Tensor, *args, **kwargs) -> Tensor:
        return self.network.listener(self._call(*args, **kwargs), output)

    def _call(
        self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False,
        *, scale=None, enable_gqa=False,
    ) -> Call:  # fmt: skip
        if self.asked:
            raise self.unreadable("it calls scaled_dot_product_attention more than once")
        self.asked = True
        if dropout_p:
            raise self.unreadable("it leaves out probabilities at random")
        grid, layout = self.network.grid, self.network.layout
        if grid is None or query.ndim != 4:
            raise self.unreadable("its queries are on no grid that is known")
        if type(key) is _Values:  # one projection gave both
            query, key = query.as_subclass(Tensor), key.as_subclass(Tensor)
        value = value.as_subclass(Tensor)
        h, w = grid
        if query.shape[2] != (key.shape[2] if layout.begins else h * w):
            raise self.unreadable(f"{query.shape[2]} queries are no grid of {h} × {w}")
        if enable_gqa:  # a key for several heads
            key, value = (
                x.repeat_interleave(query.shape[1] // x.shape[1], 1) for x in (key, value)
            )
        if is_causal:
            attn_mask = torch.ones(
                query.shape[2], key.shape[2], dtype=torch.bool, device=query.device
            ).tril()
        if attn_mask is not None and attn_mask.ndim < 4:
            attn_mask = attn_mask[(None,) * (4 - attn_mask.ndim)]
        scale = query.shape[3] ** -0.5 if scale is None else scale
        return Call(
            self.name, self.layer, grid, layout, query, key, value, attn_mask, scale,
            self.network.number,
        )  # fmt: skip

    def unreadable(self, why: str) -> UnreadableAttentionError:
        return unreadable(self.name, self.layer, why)


class _NetworkCall:
    """Which call of the network it is, and on which grid it computes."""

    def __init__(self, layout: Layout, listener: Listener):
        self.layout, self.listener = layout, listener
        self.layers: list[_Layer] = []
        self.number = -1
        self.grid: Size | None = None

    def begin(self, *_) -> None:
        self.number += 1
        for layer in self.layers:
            layer.asked = False

    def note(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        self.grid = self.layout.grid(module, args, kwargs)

    def end(self, *_) -> None:
        for layer in self.layers:
            if not layer.asked:
                raise layer.unreadable("it did not call scaled_dot_product_attention")
