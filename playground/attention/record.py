"""Record which words every place of the latent attends to, during the engine's own calls.

Cross-attention gives every place of a layer's grid a softmax over tokens:
A = softmax(q·kᵀ/√d) (Vaswani et al. 2017, arXiv 1706.03762, eq. 1). Fused kernels never form A,
so it is formed beside them, from the layer's own q and k and for the recorded rows alone, and
summed at once into one map per token (mean over layers and heads) or per word (every head by
itself); nothing else is kept.
Only rows that someone asks to rewrite are answered from A; the others' pictures are not touched.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention, AttnProcessor, AttnProcessor2_0
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn

from playground.models.words import Word

READABLE = (AttnProcessor, AttnProcessor2_0)
FULL = 255  # codes of single heads are uint8
Size = tuple[int, int]  # (h, w) of a grid


class UnreadableAttentionError(TypeError):
    """A layer's attention processor is of a kind whose probabilities we cannot recompute."""


@dataclass(frozen=True)
class Watched:
    """A row of the batch to record, and where its tokens go: columns [tokens] of row numbers.

    `head_columns` [tokens], if given, asks for every head by itself, with columns of its own.
    """

    row: int
    columns: Tensor
    head_columns: Tensor | None = None


@dataclass(frozen=True)
class Heads:
    """Every head of the layers of one grid size.

    `codes` uint8 [layers·heads, columns, h, w] (see `to_codes`), layer by layer in the order of
    computation; `layers` names each of the layers.
    """

    layers: tuple[str, ...]
    codes: Tensor


@dataclass(frozen=True)
class Rewrite:
    """Probabilities to be replaced before they weigh the values.

    `change` gets {row: [heads, places, tokens]} of `rows` and returns those that differ.
    """

    rows: tuple[int, ...]
    change: Callable[[dict[int, Tensor]], dict[int, Tensor]]


def word_columns(columns: Tensor, words: Sequence[Word], content: int) -> Tensor:
    """Where each token position goes if tokens of one word share a column.

    `columns` [tokens] is a prompt's own: 0 the start token, `content` tokens, the end, padding.
    Here 0 is the start token, 1 … W the words, W + 1 what is between words (punctuation),
    W + 2 the end token, W + 3 padding.
    """
    between = len(words) + 1
    found = torch.full_like(columns, between)
    found[0] = 0
    found[columns == content + 1] = between + 1
    found[columns == content + 2] = between + 2
    for number, word in enumerate(words, 1):
        found[list(word.tokens)] = number
    return found


def to_codes(probabilities: Tensor) -> Tensor:
    """[0, 1] → uint8 round(255·√p): off by at most √p/255 + 1/510², so finest where p is small."""
    return (probabilities.clamp(0, 1).sqrt() * FULL).round().to(torch.uint8)


def from_codes(codes: Tensor) -> Tensor:
    """uint8 → float32 probabilities."""
    return (codes.float() / FULL) ** 2


def probabilities(attention: Attention, query: Tensor, key: Tensor) -> Tensor:
    """softmax(q·kᵀ/√d) [rows, heads, places, tokens] of a layer's queries [rows, places, width]
    and keys [rows, tokens, width].
    """
    query, key = attention.head_to_batch_dim(query), attention.head_to_batch_dim(key)
    return attention.get_attention_scores(query, key).unflatten(0, (-1, attention.heads))


def answer(attention: Attention, weights: Tensor, value: Tensor) -> Tensor:
    """The layer's output […, places, width] for weights […, heads, places, tokens] of values
    […, tokens, width].

    That is Σ_j weight_j·v_j of every head, side by side, through the output projection.
    """
    per_head = value.unflatten(-1, (attention.heads, -1)).transpose(-3, -2)
    mixed = (weights @ per_head).transpose(-3, -2).flatten(-2)
    return attention.to_out[0](mixed) / attention.rescale_output_factor


@dataclass
class Recorder:
    """What was asked of one network call, and what was found: filled layer by layer, then read.

    While a layer is computed, `grid` is its (h, w) and `projected` its queries and keys.
    """

    watched: Sequence[Watched]
    rewrite: Rewrite | None = None
    sums: dict[Size, Tensor] = field(default_factory=dict)  # [rows, places, tokens]
    layers: dict[Size, list[str]] = field(default_factory=dict)
    codes: dict[Size, list[list[Tensor]]] = field(default_factory=dict)  # layer by layer
    grid: Size = (0, 0)
    projected: dict[str, Tensor] = field(default_factory=dict)  # "q" and "k" of the current layer

    @property
    def rows(self) -> list[int]:
        asked = self.rewrite.rows if self.rewrite else ()
        return sorted({*asked, *(w.row for w in self.watched)})

    @torch.no_grad()
    def add(self, attention: Attention, query: Tensor, key: Tensor, name: str = "") -> dict:
        """Take in one layer's queries and keys; returns the rewritten probabilities, by row."""
        rows = self.rows
        weights = probabilities(attention, query[rows], key[rows])
        found = dict(zip(rows, weights, strict=True))
        changed = self.rewrite.change(found) if self.rewrite else {}
        for row, other in changed.items():
            found[row].copy_(other)  # a view: `weights` are now those that are used
        self.take(weights, name)
        return changed

    def take(self, weights: Sequence[Tensor], name: str) -> None:
        """Add up a layer's probabilities [heads, places, tokens] of each of `rows`."""
        found = dict(zip(self.rows, weights, strict=True))
        self.take_mean(torch.stack([each.mean(0) for each in weights]), [name])
        self.codes.setdefault(self.grid, []).append(
            [
                None if w.head_columns is None
                else to_codes(_by_column(found[w.row], w.head_columns, self.grid))
                for w in self.watched
            ]
        )  # fmt: skip

    def take_mean(self, mean: Tensor, names: Sequence[str]) -> None:
        """Add probabilities [rows, places, tokens], mean over heads, summed over these layers."""
        sums = self.sums.setdefault(self.grid, mean)
        if sums is not mean:
            sums.add_(mean)
        self.layers.setdefault(self.grid, []).extend(names)

    def maps(self) -> list[dict[Size, Tensor]]:
        """Per watched row, per grid size, the mean over layers and heads [columns, h, w].

        At every place the columns sum to 1.
        """
        return [
            {
                size: _by_column(sums[row] / len(self.layers[size]), w.columns, size)
                for size, sums in self.sums.items()
            }
            for w, row in ((w, self.rows.index(w.row)) for w in self.watched)
        ]

    def heads(self) -> list[dict[Size, Heads] | None]:
        """Per watched row, per grid size, every head by itself; None where it was not asked for."""
        return [
            None if w.head_columns is None
            else {
                size: Heads(tuple(self.layers[size]), torch.cat([layer[i] for layer in layers]))
                for size, layers in self.codes.items()
            }
            for i, w in enumerate(self.watched)
        ]  # fmt: skip


def _by_column(probabilities: Tensor, columns: Tensor, grid: Size) -> Tensor:
    """[…, h·w, tokens] → […, columns, h, w], tokens of one column added up."""
    indicator = F.one_hot(columns).to(probabilities.dtype)  # [tokens, columns]
    return (probabilities @ indicator).mT.unflatten(-1, grid)


class _Recording:
    """A processor that lets the original do the work and forms the probabilities beside it."""

    def __init__(self, original, recorder: Recorder, name: str):
        self.original, self.recorder, self.name = original, recorder, name

    # The names are those of READABLE: Attention.forward drops arguments not named here.
    def __call__(
        self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None,
        *args, **kwargs,
    ):  # fmt: skip
        output = self.original(
            attn, hidden_states, encoder_hidden_states, attention_mask, temb, *args, **kwargs
        )
        projected = self.recorder.projected
        changed = self.recorder.add(attn, projected.pop("q"), projected.pop("k"), self.name)
        values = attn.to_v(encoder_hidden_states) if changed else None
        for row, weights in changed.items():
            output[row] = answer(attn, weights, values[row])
        return output


def readable(network: nn.Module) -> tuple[dict[str, Attention], list[Transformer2DModel]]:
    """The layers that read the words, by name, and the blocks around them.

    In one walk: it costs as much as two layers. Raises UnreadableAttentionError if a layer's
    processor is none that can be recorded.
    """
    layers, blocks = {}, []
    for name, module in network.named_modules():
        if isinstance(module, Attention) and module.is_cross_attention:
            if type(module.processor) not in READABLE:
                kind = type(module.processor).__name__
                raise UnreadableAttentionError(f"{name} uses {kind}, which cannot be recorded.")
            layers[name] = module
        elif isinstance(module, Transformer2DModel):
            blocks.append(module)
    return layers, blocks


@contextmanager
def record(
    network: nn.Module, watched: Sequence[Watched], rewrite: Rewrite | None = None
) -> Iterator[Recorder]:
    """Record cross-attention of `watched` rows in every call of `network` inside the scope.

    `rewrite` replaces probabilities first: the network then answers from those, and those are
    what is recorded. Afterwards every layer has its identical processor object again, also after
    an error. Raises UnreadableAttentionError before anything is changed.
    """
    recorder = Recorder(list(watched), rewrite)
    if not recorder.watched and not rewrite:
        yield recorder
        return
    layers, blocks = readable(network)
    before = {name: layer.processor for name, layer in layers.items()}
    hooks = []
    try:
        for block in blocks:
            hooks.append(block.register_forward_pre_hook(note_grid(recorder), with_kwargs=True))
        for name, layer in layers.items():
            hooks.append(layer.to_q.register_forward_hook(_keep(recorder, "q")))
            hooks.append(layer.to_k.register_forward_hook(_keep(recorder, "k")))
            layer.set_processor(_Recording(before[name], recorder, name))
        yield recorder
    finally:
        for name, layer in layers.items():
            layer.set_processor(before[name])
        for hook in hooks:
            hook.remove()


def note_grid(keeper):
    """A hook for the block around layers, which sets `keeper.grid` (h, w) for them.

    Processors see a flat sequence; only the block around them knows its height and width.
    """

    def hook(module, args, kwargs):
        hidden_states = args[0] if args else kwargs["hidden_states"]
        keeper.grid = tuple(map(int, hidden_states.shape[-2:]))

    return hook


def _keep(recorder: Recorder, part: str):
    """The layer's own projection: asking for it again would cost as much as the softmax."""

    def hook(module, args, output):
        recorder.projected[part] = output

    return hook
