"""Pure maths on recorded maps: merge tokens to words, renormalise, upsample, compare to a mask.

A token map is [columns, h, w]: start token, content tokens, end token, padding; its columns sum
to 1 at every spatial position. A word map is [words, h, w].
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from playground.attention.summing import DEFAULT, Aggregation
from playground.models.words import Word

TINY = 1e-12  # instead of a division by 0


def of_words(token_map: Tensor, words: Sequence[Word]) -> Tensor:
    """Word maps [words, h, w]: the sum over each word's columns."""
    sums = token_map.new_zeros(len(words), *token_map.shape[1:])
    for sum_, word in zip(sums, words, strict=True):
        for column in word.columns:  # `index_add_` starts all threads, for so few numbers
            sum_ += token_map[column]
    return sums


def relative(maps: Tensor) -> Tensor:
    """Shares among words alone: start, end and padding tokens take most of the raw attention."""
    return maps / maps.sum(0, keepdim=True).clamp_min(TINY)


def shares(token_maps: np.ndarray, words: Sequence[Word]) -> np.ndarray:
    """Each word's share of the words' attention [steps, words, h, w] of token maps
    [steps, columns, h, w].
    """
    steps, columns, *grid = token_maps.shape
    belongs = np.zeros((len(words), columns), np.float32)
    for row, word in zip(belongs, words, strict=True):
        row[list(word.columns)] = 1
    maps = belongs @ token_maps.reshape(steps, columns, -1)  # few numbers: BLAS starts no threads
    return (maps / np.maximum(maps.sum(1, keepdims=True), TINY)).reshape(steps, len(words), *grid)


def of_content(maps: Tensor, words: Sequence[Word]) -> Tensor:
    """Content words' shares of what they have together [words, h, w], 0 for function words.

    "a" and "the" collect attention that no word needs, as the start token does: at nearly every
    position they would be first. Without content words the maps stay as they are.
    """
    content = torch.tensor([word.content for word in words])
    return relative(maps * content[:, None, None]) if content.any() else maps


def upsample(maps: Tensor, size: Sequence[int]) -> Tensor:
    """[n, h, w] → [n, *size], bilinear between the centres of positions."""
    return F.interpolate(maps[None], size=tuple(size), mode="bilinear", align_corners=False)[0]


def stretch(maps: Tensor) -> Tensor:
    """Each map from 0 to 1 by its own extremes; a constant map becomes 0."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp_min(TINY)


FLOOR = 1e-3  # of a share in a product: a grid that sees nothing must not erase
SMOOTH = 1e-3  # ε of the guided filter, for colours from 0 to 1


def mean_over_steps(steps: Sequence[dict[tuple[int, int], Tensor]]) -> dict:
    """Token maps per grid size, averaged over the steps of a run."""
    return {size: sum(s[size] for s in steps) / len(steps) for size in steps[0]}


def combined(token_maps: dict, words: Sequence[Word], how: Aggregation = DEFAULT) -> Tensor:
    """Each word's share of the words' attention [words, h, w], on the finest grid."""
    maps = {size: of_words(map_, words) for size, map_ in token_maps.items()}
    if not words:
        return maps[max(maps)]
    return product({size: relative(map_.clamp_min(0)) for size, map_ in maps.items()}, how.weights)


def of_run(
    maps: Sequence[dict], timesteps: Sequence[float], words: Sequence[Word], how: Aggregation
) -> Tensor:
    """`combined` for the recorded calls of a run."""
    calls = [maps[i] for i in how.settled(timesteps)]
    return combined(mean_over_steps(calls), words, how)


def summed(
    maps: Sequence[dict[tuple[int, int], np.ndarray]],
    timesteps: Sequence[float],
    words: Sequence[Word],
    how: Aggregation,
) -> np.ndarray:
    """`of_run` for plain arrays."""
    tensors = [{size: torch.from_numpy(map_) for size, map_ in each.items()} for each in maps]
    return of_run(tensors, timesteps, words, how).numpy()


def product(shares: dict, weights: Sequence[float]) -> Tensor:
    """∏_g share_g^weight_g [words, h, w] on the finest grid, normalised over the words."""
    grids = sorted(shares, reverse=True)
    # With fewer grids than weights the coarsest takes what is left, so that sharpness stays.
    used = list(weights[: len(grids)])
    used[-1] += sum(weights[len(grids) :])
    large = [upsample(shares[g], grids[0]).clamp_min(FLOOR) for g in grids[: len(used)]]
    # The exponents in a tensor, and no logarithms: these start all threads, for so few numbers.
    powers = torch.stack(large) ** large[0].new_tensor(used)[:, None, None, None]
    return relative(powers.prod(0))


def along_edges(maps: Tensor, picture: Tensor, radius: float) -> Tensor:
    """Maps [n, h, w] at the resolution of a picture [height, width, 3] in 0 … 1, along its edges.

    The guided filter with a colour guide (He et al. 2010, eq. 11-13 and 19-21): in every window
    the map is a linear function of the colour. `radius` is a part of the longer side. Maps that
    sum to 1 still do, but for the clamping.
    """
    r = max(1, round(radius * max(picture.shape[:2])))
    p = upsample(maps, picture.shape[:2]).double()  # [n, height, width]
    guide = picture.movedim(2, 0).double()  # [3, height, width]
    mean_p, mean_i = _windows(p, r), _windows(guide, r)
    together = _windows(guide[:, None] * p, r) - mean_i[:, None] * mean_p  # covariance [3, n, …]
    spread = _windows(guide[:, None] * guide, r) - mean_i[:, None] * mean_i  # [3, 3, …]
    a, b, c = spread + SMOOTH * torch.eye(3)[..., None, None]
    rows = [torch.linalg.cross(*pair, dim=0) for pair in ((b, c), (c, a), (a, b))]
    inverse = torch.stack(rows, 1) / (a * rows[0]).sum(0)
    slope = (inverse[:, :, None] * together).sum(1)  # [3, n, …]
    offset = mean_p - (slope * mean_i[:, None]).sum(0)
    return ((_windows(slope, r) * guide[:, None]).sum(0) + _windows(offset, r)).clamp(0, 1).float()


def on_picture(maps: np.ndarray, image: np.ndarray, how: Aggregation) -> np.ndarray:
    """Word maps [words, h, w] at the resolution of a picture uint8 [height, width, 3], carried to
    its edges if that was measured better.
    """
    tensor, picture = torch.from_numpy(maps), torch.from_numpy(image).float() / 255
    if not how.edges:
        return upsample(tensor, picture.shape[:2]).numpy()
    return along_edges(tensor, picture, how.edges).numpy()


def _windows(x: Tensor, r: int) -> Tensor:
    """Mean over windows of 2r + 1 positions each way, cut off at the border, by running sums."""
    for dim in (-2, -1):
        count = torch.arange(x.shape[dim])
        high, low = (count + r + 1).clamp(max=len(count)), (count - r).clamp(min=0)
        sums = torch.cat([torch.zeros_like(x.narrow(dim, 0, 1)), x.cumsum(dim)], dim)
        size = (high - low).view(-1, *[1] * (-1 - dim))
        x = (sums.index_select(dim, high) - sums.index_select(dim, low)) / size
    return x


def changed(before: Tensor, after: Tensor, size: tuple[int, int]) -> Tensor:
    """Where two pictures [height, width, 3] differ: mean |difference| on a grid, [*size]."""
    difference = (after.float() - before.float()).abs().mean(-1)
    return F.adaptive_avg_pool2d(difference[None, None], size)[0, 0]


def agreement(
    before: np.ndarray, after: np.ndarray, maps: np.ndarray
) -> tuple[np.ndarray, list[float]]:
    """Where two pictures uint8 [height, width, 3] differ [h, w], and how far each of the maps
    [n, h, w] lies there: IoU of both, cut at 0.4 of their range.
    """
    change = changed(torch.from_numpy(before), torch.from_numpy(after), tuple(maps.shape[1:]))
    mask = stretch(change[None])[0] >= 0.4
    return change.numpy(), [iou(torch.from_numpy(map_), mask) for map_ in maps]


def iou(map_: Tensor, mask: Tensor, threshold: float = 0.4) -> float:
    """Intersection over union of (stretched map ≥ threshold) and the mask."""
    found = stretch(map_[None])[0] >= threshold
    union = (found | mask).sum()
    return float((found & mask).sum() / union) if union else 0.0
