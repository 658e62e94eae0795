"""Teach every place of the picture to listen to the word for what stands there.

Wang et al. 2024 (TokenCompose, arXiv 2312.03626), eq. 4: of the attention that a word gets from
all places, as much as possible should come from the places that show what it names. The renderer
knows these places exactly.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from playground.world.render import owned, owners
from playground.world.scene import GRID, SIDE, Caption, Scene

KINDS = ("noun", "color", "size", "worn", "place")  # spans whose pixels are known
OWNERS, CELLS = 7, SIDE // GRID  # the place, then body and worn thing of up to three items
MOST_SPANS = 12
LEVELS = (1, 2)  # the latent's own grid of 16×16 cells, and 8×8


def coverage(scene: Scene) -> np.ndarray:
    """Share of each latent cell that each owner covers, uint8 [OWNERS, 16, 16] of 255."""
    owner = owners(scene).reshape(CELLS, GRID, CELLS, GRID)
    shares = [(owner == number).mean((1, 3)) for number in range(-1, OWNERS - 1)]
    return np.round(255 * np.stack(shares)).astype(np.uint8)


def targets(
    tokenizer: PreTrainedTokenizerFast, captions: Sequence[Caption], cover: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Which tokens each named thing has, and where it is.

    `cover` uint8 [B, OWNERS, 16, 16] → said [B, 77, MOST_SPANS] and where [B, MOST_SPANS, 16, 16],
    both zero beyond the last span.
    """
    said = torch.zeros(len(captions), tokenizer.model_max_length, MOST_SPANS)
    where = np.zeros((len(captions), MOST_SPANS, CELLS, CELLS), np.float32)
    texts = [caption.text for caption in captions]
    offsets = tokenizer(texts, return_offsets_mapping=True)["offset_mapping"]
    for row, caption in enumerate(captions):
        spans = [s for s in caption.spans if s.kind in KINDS]
        for number, span in enumerate(spans):
            for token, (start, end) in enumerate(offsets[row]):
                said[row, token, number] = span.start <= start < end <= span.end
            where[row, number] = cover[row, [o + 1 for o in owned(span)]].sum(0) / 255
    return said, torch.from_numpy(where)


@contextmanager
def listening(network: UNet2DConditionModel) -> Iterator[list[Tensor]]:
    """Inside, collect the probabilities [B, places, tokens] of every cross-attention layer.

    They are the mean over heads of what the layer itself computes, so gradients flow through them.
    """
    heard: list[Tensor] = []
    with ExitStack() as scope:
        for layer in network.modules():
            if isinstance(layer, Attention) and layer.is_cross_attention:
                scope.enter_context(_replaced_scores(layer, _overhear(layer, heard)))
        yield heard


@contextmanager
def _replaced_scores(layer: Attention, scores: Callable) -> Iterator[None]:
    before = vars(layer).get("get_attention_scores")
    layer.get_attention_scores = scores
    try:
        yield
    finally:
        if before is None:
            del layer.get_attention_scores
        else:
            layer.get_attention_scores = before


def _overhear(layer: Attention, heard: list[Tensor]):
    compute = layer.get_attention_scores

    def scores(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
        found = compute(query, key, mask)
        heard.append(found.unflatten(0, (-1, layer.heads)).mean(1))
        return found

    return scores


def loss(heard: Sequence[Tensor], said: Tensor, where: Tensor) -> Tensor:
    """Mean of (1 − share of a word's attention that lies on what it names)²."""
    present = said.sum(1) > 0  # [B, MOST_SPANS]
    grids = {level: torch.nn.functional.avg_pool2d(where, level).flatten(2) for level in LEVELS}
    by_places = {grid.shape[-1]: grid for grid in grids.values()}
    losses = []
    for probabilities in heard:
        on = by_places.get(probabilities.shape[1])
        if on is not None:
            maps = (probabilities.float() @ said).mT  # [B, spans, places]
            share = (maps * on).sum(2) / maps.sum(2).clamp(min=1e-6)
            losses.append((1 - share).square()[present].sum() / present.sum().clamp(min=1))
    return torch.stack(losses).mean()
