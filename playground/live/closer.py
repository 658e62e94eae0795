"""A U-Net's graph that looks closer: its attention can be edited, and one position worked out.

It is an own graph because a browser fetches it only when somebody edits or works out. It has the
weights of the usual graph, so it is stored without them (see `sharing`).
"""

import torch
from torch import Tensor, nn

from playground.attention.layouts import CROSS_ATTENTION
from playground.engine.backends.unet_graph import (
    UNetWithMaps,
    by_head,
    output_of,
    projected,
    scores_of,
)

# Of each layer, by the name of its output: what `attention/worked.py` needs of it.
WORKED = ("scores", "value", "projection", "bias", "feature")


class Closer(nn.Module):
    """A U-Net whose rows may read the attention of other rows, and that tells what layers add.

    `usual` is around `whole`, whose layers get other processors. After what it returns come the
    `WORKED` tensors of every layer, in the order of computation: scores [rows, heads, positions,
    tokens], value [rows, heads, tokens, d], projection [heads·d, out], bias [out], and the feature
    [rows, positions, out] to which the layer's answer is added.
    """

    def __init__(self, usual: nn.Module, whole: UNetWithMaps):
        super().__init__()
        self.usual, self.kept = usual, whole.kept
        self.told: dict[str, dict[str, Tensor]] = {}  # of the last call, by layer
        layers, _ = CROSS_ATTENTION.find(whole.unet)
        self.editing = [_Editing(name, whole.keep, self.told) for name in layers]
        for each in self.editing:
            block = whole.unet.get_submodule(each.name.removesuffix(".attn2"))
            layers[each.name].set_processor(each)
            block.norm2.register_forward_pre_hook(each.keep_feature)

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """What the usual network is given, then `no_edit`'s or an edit's tensors."""
        *usual, source, taken, own = given
        self.told.clear()
        for each in self.editing:
            each.edit = source, taken, own
        outputs = self.usual(*usual)
        return *outputs, *(self.told[name][what] for name in self.kept for what in WORKED)


def no_edit(rows: int, tokens: int) -> dict[str, Tensor]:
    """Whose probabilities a row reads, `source` [rows]; which of its tokens for each own one,
    `taken` [rows, tokens]; and where a row keeps its own instead, `own` [rows, tokens] of 0 and 1.
    """
    return {
        "source": torch.arange(rows),
        "taken": torch.arange(tokens).repeat(rows, 1),
        "own": torch.ones(rows, tokens),
    }


def axes_of_layer(positions: str) -> dict[str, dict[int, str]]:
    """By `WORKED` tensor its axes of any length; that of spatial positions has this name."""
    rows = {0: "rows"}
    return {
        "scores": rows | {2: positions}, "value": rows, "projection": {}, "bias": {},
        "feature": rows | {1: positions},
    }  # fmt: skip


class _Editing:
    """A processor that computes attention from edited probabilities (attention/editing.py)."""

    def __init__(self, name: str, keep, told: dict[str, dict[str, Tensor]]):
        self.name, self.keep, self.told = name, keep, told
        self.edit: tuple[Tensor, Tensor, Tensor] | None = None
        self.feature: Tensor | None = None

    def keep_feature(self, _, args: tuple) -> None:
        self.feature = args[0]

    def __call__(
        self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, prompt=None,
        weights=None,
    ):  # fmt: skip
        query, key, value = projected(attn, hidden_states, encoder_hidden_states, prompt)
        scores = scores_of(attn, query, key)
        projection = attn.to_out[0]
        self.told[self.name] = {
            "scores": scores, "value": by_head(attn, value), "projection": projection.weight.T,
            "bias": projection.bias, "feature": self.feature,
        }  # fmt: skip
        probabilities = self._edited(scores.softmax(-1)) * weights[:, None, None]
        self.keep(self.name, probabilities)
        return output_of(attn, probabilities, value)

    def _edited(self, probabilities: Tensor) -> Tensor:
        """M*_j ← M_A(j), or the row's own M*_j: [rows, heads, positions, tokens]."""
        source, taken, own = self.edit
        of_source = probabilities[source]
        index = taken[:, None, None].expand_as(of_source)
        return torch.where(own[:, None, None] > 0, probabilities, of_source.gather(-1, index))
