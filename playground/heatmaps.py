"""Pure maths on recorded maps: merge tokens to words, renormalise, upsample, compare to a mask.

A token map is [columns, h, w]: start token, content tokens, end token, padding; its columns sum
to 1 at every place. A word map is [words, h, w].
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from playground.words import Word


def of_words(token_map: Tensor, words: Sequence[Word]) -> Tensor:
    """Word maps [words, h, w]: the sum over each word's tokens (columns are token positions)."""
    if not words:
        return token_map.new_zeros(0, *token_map.shape[1:])
    return torch.stack([token_map[list(word.tokens)].sum(0) for word in words])


def relative(maps: Tensor) -> Tensor:
    """Each place's share of words alone: start, end and padding take most of the raw mass."""
    return maps / maps.sum(0, keepdim=True).clamp_min(1e-12)


def upsample(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """[n, h, w] → [n, *size], bilinear between the centres of places."""
    return F.interpolate(maps[None], size=size, mode="bilinear", align_corners=False)[0]


def stretch(maps: Tensor) -> Tensor:
    """Each map from 0 to 1 by its own extremes; a constant map becomes 0."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp_min(1e-12)


def mean_over_steps(steps: Sequence[dict[tuple[int, int], Tensor]]) -> dict:
    """Token maps per grid size, averaged over the steps of a run."""
    return {size: torch.stack([s[size] for s in steps]).mean(0) for size in steps[0]}


def combined(token_maps: dict, words: Sequence[Word]) -> Tensor:
    """Each word's share of the words' attention [words, h, w]: the mean of all grids but the
    coarsest, which says little about places, on the finest grid.
    """
    grids = sorted(token_maps, reverse=True)
    shares = [relative(of_words(token_maps[grid], words).clamp_min(0)) for grid in grids]
    used = shares[: max(1, len(grids) - 1)]
    return torch.stack([upsample(share, grids[0]) for share in used]).mean(0)


def changed(before: Tensor, after: Tensor, size: tuple[int, int]) -> Tensor:
    """Where two pictures [height, width, 3] differ: mean |difference| on a grid, [*size]."""
    difference = (after.float() - before.float()).abs().mean(-1)
    return F.adaptive_avg_pool2d(difference[None, None], size)[0, 0]


def points_inside(map_: Tensor, mask: Tensor) -> bool:
    """Pointing game: is the map's highest place [h, w] inside the mask [h, w]?"""
    return bool(mask.flatten()[int(map_.argmax())])


def iou(map_: Tensor, mask: Tensor, threshold: float = 0.4) -> float:
    """Intersection over union of (stretched map ≥ threshold) and the mask."""
    found = stretch(map_[None])[0] >= threshold
    union = (found | mask).sum()
    return float((found & mask).sum() / union) if union else 0.0
