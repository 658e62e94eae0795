"""Record which words every place of the latent attends to, during the engine's own calls.

Cross-attention gives every place of a layer's grid a softmax over tokens:
A = softmax(q·kᵀ/√d) (Vaswani et al. 2017, arXiv 1706.03762, eq. 1). Fused kernels never form A,
so it is computed again from q and k for the recorded rows alone, averaged over heads and summed
into one row per token; the picture's own computation is not touched.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor, AttnProcessor2_0
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn

READABLE = (AttnProcessor, AttnProcessor2_0)
Size = tuple[int, int]  # (h, w) of a grid


class UnreadableAttentionError(TypeError):
    """A layer's attention processor is of a kind whose probabilities we cannot recompute."""


@dataclass(frozen=True)
class Watched:
    """A row of the batch to record, and where its tokens go: columns [tokens] of row numbers."""

    row: int
    columns: Tensor


@dataclass
class Recorder:
    watched: Sequence[Watched]
    sums: dict[Size, list[Tensor]] = field(default_factory=dict)
    layers: dict[Size, int] = field(default_factory=dict)
    grid: Size = (0, 0)

    @torch.no_grad()
    def add(self, attention: Attention, hidden_states: Tensor, text: Tensor) -> None:
        rows = [w.row for w in self.watched]
        query = attention.head_to_batch_dim(attention.to_q(hidden_states[rows]))
        key = attention.head_to_batch_dim(attention.to_k(text)[rows])
        probabilities = attention.get_attention_scores(query, key)  # [rows·heads, h·w, tokens]
        mean = probabilities.unflatten(0, (len(rows), attention.heads)).mean(1)
        sums = self.sums.setdefault(self.grid, [0] * len(rows))
        for i, watched in enumerate(self.watched):
            sums[i] = sums[i] + _by_column(mean[i], watched.columns, self.grid)
        self.layers[self.grid] = self.layers.get(self.grid, 0) + 1

    def maps(self) -> list[dict[Size, Tensor]]:
        """Per watched row, per grid size, the mean over layers and heads [columns, h, w].

        At every place the columns sum to 1.
        """
        return [
            {size: sums[i] / self.layers[size] for size, sums in self.sums.items()}
            for i in range(len(self.watched))
        ]


def _by_column(probabilities: Tensor, columns: Tensor, grid: Size) -> Tensor:
    """[h·w, tokens] → [columns, h, w], tokens of one column added up."""
    total = probabilities.new_zeros(int(columns.max()) + 1, len(probabilities))
    return total.index_add_(0, columns, probabilities.T).unflatten(1, grid)


class _Recording:
    """A processor that recomputes the probabilities and lets the original do the work."""

    def __init__(self, original, recorder: Recorder):
        self.original, self.recorder = original, recorder

    # The names are those of READABLE: Attention.forward drops arguments not named here.
    def __call__(
        self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None,
        *args, **kwargs,
    ):  # fmt: skip
        self.recorder.add(attn, hidden_states, encoder_hidden_states)
        return self.original(
            attn, hidden_states, encoder_hidden_states, attention_mask, temb, *args, **kwargs
        )


@contextmanager
def record(network: nn.Module, watched: Sequence[Watched]) -> Iterator[Recorder]:
    """Record cross-attention of `watched` rows in every call of `network` inside the scope.

    Afterwards every layer has its identical processor object again, also after an error.
    Raises UnreadableAttentionError before anything is changed.
    """
    recorder = Recorder(list(watched))
    if not recorder.watched:
        yield recorder
        return
    layers = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, Attention) and module.is_cross_attention
    }
    for name, layer in layers.items():
        if type(layer.processor) not in READABLE:
            kind = type(layer.processor).__name__
            raise UnreadableAttentionError(f"{name} uses {kind}, which cannot be recorded.")
    before = {name: layer.processor for name, layer in layers.items()}
    hooks = []
    try:
        for module in network.modules():
            if isinstance(module, Transformer2DModel):
                hooks.append(
                    module.register_forward_pre_hook(_note_grid(recorder), with_kwargs=True)
                )
        for name, layer in layers.items():
            layer.set_processor(_Recording(before[name], recorder))
        yield recorder
    finally:
        for name, layer in layers.items():
            layer.set_processor(before[name])
        for hook in hooks:
            hook.remove()


def _note_grid(recorder: Recorder):
    """Processors see a flat sequence; only the block around them knows its height and width."""

    def hook(module, args, kwargs):
        hidden_states = args[0] if args else kwargs["hidden_states"]
        recorder.grid = tuple(hidden_states.shape[-2:])

    return hook
