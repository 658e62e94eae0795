"""A row's attention to text, of several layers in one computation and of large ones in pieces.

For every spatial position: A = softmax(scale·q·kᵀ + mask), of which the text's keys are wanted
(Vaswani et al. 2017, arXiv 1706.03762, eq. 1). Where keys include the image, A must not be formed
(1.8 GB in one layer of Flux). But A·I is what attention gives if I takes the place of the values,
computed by the same fused kernel in the network's own precision (`fused`). With I a column of ones
at the text this is the text's share Σ_t A_t, and then, with a softmax over the text alone,

    A_j = softmax_t(scale·q·kᵀ + mask)_j · Σ_t A_t
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

# Probabilities that are formed at once (8 MB). A layer of Stable Diffusion at 512 × 512 has 2.5
# million; layers of small networks have some thousand, for which an operation costs more than its
# numbers do.
ENOUGH = 2**21


@dataclass(frozen=True, eq=False)
class Part:
    """A row's attention in one layer, of which the `text` among the keys is wanted.

    `query` [heads, positions, d], of spatial positions; `key` [heads, keys, d]; `mask`, if any,
    [heads or 1, positions or 1, keys]: bool (True: is read), or added to the scores.
    """

    query: Tensor
    key: Tensor
    mask: Tensor | None
    text: slice
    scale: float

    @property
    def kind(self) -> tuple:
        """Parts of one kind can be computed together."""
        mask = None if self.mask is None else (self.mask.shape, self.mask.dtype)
        text = self.text.start, self.text.stop
        return self.query.shape, self.key.shape, mask, text, self.scale

    @property
    def joint(self) -> bool:
        """Are there keys besides the text?"""
        return self.tokens < self.key.shape[1]

    @property
    def tokens(self) -> int:
        return self.text.stop - self.text.start

    def fits(self, columns: int) -> bool:
        """Whether so many columns are cheapest to get by `fused`."""
        return self.joint and columns <= self.query.shape[2]

    def scores(self) -> Tensor:
        """scale·q·kᵀ + mask [heads, positions, tokens] in float32."""
        return _scores([self])


def of_text(parts: Sequence[Part]) -> Iterator[Tensor]:
    """Probabilities [some heads, positions, tokens], in pieces: all heads of all `parts`, which are
    of one kind, in turn.
    """
    for piece in [parts] if len(parts) > 1 else _split(parts[0]):
        weights = _scores(piece).softmax(-1)
        if (one := piece[0]).joint:
            weights *= fused(piece, one.key.new_ones(one.tokens, 1))
        yield weights


def by_column(parts: Sequence[Part], indicator: Tensor) -> Tensor:
    """Attention to text, tokens of a column added up: [heads of all parts, positions, columns].

    `indicator` [tokens, columns] has a 1 where a token goes.
    """
    if parts[0].fits(indicator.shape[1]):
        return fused(parts, indicator)
    return torch.cat([weights @ indicator.to(weights) for weights in of_text(parts)])


def fused(parts: Sequence[Part], indicator: Tensor) -> Tensor:
    """A·I [heads of all parts, positions, columns] for an indicator [tokens, columns] of no more
    columns than a head is wide, which fused kernels want of values.
    """
    one, columns = parts[0], indicator.shape[1]
    query, key = torch.stack([p.query for p in parts]), torch.stack([p.key for p in parts])
    values = key.new_zeros(key.shape[2:])
    values[one.text, :columns] = indicator.to(values)
    mask = None if one.mask is None else torch.stack([p.mask for p in parts])  # type: ignore[misc]
    found = F.scaled_dot_product_attention(query, key, values.expand_as(key), mask, scale=one.scale)
    return found[..., :columns].flatten(0, 1).float()


def _split(part: Part) -> Iterator[list[Part]]:
    """The part by groups of heads, in about as many numbers as ENOUGH each, or by single heads."""
    heads, positions, _ = part.query.shape
    groups = min(heads, max(1, round(heads * positions * part.tokens / ENOUGH)))
    size = -(-heads // groups)
    for first in range(0, heads, size):
        some = slice(first, first + size)
        mask = part.mask[some] if part.mask is not None and len(part.mask) > 1 else part.mask
        yield [replace(part, query=part.query[some], key=part.key[some], mask=mask)]


def _scores(parts: Sequence[Part]) -> Tensor:
    """[heads of all parts, positions, tokens]"""
    one, (heads, positions, _) = parts[0], parts[0].query.shape
    query = _joined([part.query for part in parts]).float()
    key = _joined([part.key[:, one.text] for part in parts]).float()
    scores = query @ (key * one.scale).mT
    if one.mask is not None:
        mask = torch.stack([part.mask[..., one.text] for part in parts])  # type: ignore[index]
        each = scores.view(len(parts), heads, positions, one.tokens)
        if mask.dtype == torch.bool:
            each.masked_fill_(~mask, float("-inf"))
        else:
            each += mask
    return scores


def _joined(tensors: list[Tensor]) -> Tensor:
    return torch.cat(tensors) if len(tensors) > 1 else tensors[0]
