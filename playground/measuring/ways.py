"""Ways of summing attention to one map a word: ours, two other tools', and parts of ours.

A way makes of a sample the maps of all its words [words, h, w]; `placed` makes of them the maps
of its things on the picture's pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from playground.attention import heatmaps
from playground.attention.summing import Aggregation
from playground.measuring.named import Sample, Size, Thing

Maps = Callable[[Sample], Tensor]


@dataclass(frozen=True)
class Way:
    """`edges` is the guided filter's radius; without, maps are enlarged by `mode`."""

    name: str
    maps: Maps
    edges: float = 0.0
    mode: str = "bilinear"


def placed(way: Way, maps: Tensor, things: Sequence[Thing], picture: Tensor) -> Tensor:
    """Of words' maps, the things' maps on a picture [height, width, 3] in 0 … 1."""
    mine = torch.stack([maps[list(thing.words)].sum(0) for thing in things])
    if way.edges:
        return heatmaps.along_edges(mine, picture, way.edges)
    return F.interpolate(mine[None], tuple(picture.shape[:2]), mode=way.mode)[0]


def shares(sample: Sample, calls: Sequence[int]) -> dict[Size, Tensor]:
    """Per grid, each word's share of the words' attention, mean over those calls."""
    return {
        size: heatmaps.relative(maps[list(calls)].float().mean(0))
        for size, maps in sample.maps.items()
    }


def ours(name: str, how: Aggregation) -> Way:
    def maps(sample: Sample) -> Tensor:
        calls = how.settled(sample.timesteps)
        return heatmaps.product(shares(sample, calls), how.weights)

    return Way(name, maps, how.edges)


def _over_layers(sample: Sample, maps: dict[Size, Tensor], mode: str) -> Tensor:
    """Every layer, enlarged to the finest grid, counts alike."""
    finest = max(maps)
    each = [
        n * F.interpolate(maps[size][None], finest, mode=mode)[0]
        for size, n in sample.layers.items()
    ]
    return sum(each) / sum(sample.layers.values())


def _daam(sample: Sample) -> Tensor:
    """Sum over steps, mean over layers and heads, bicubic (Tang et al. 2023, daam 0.2.0).

    As the mean over steps: every score stretches a word's map from 0 to 1 anyway, and following
    edges cuts what is above 1.
    """
    means = {size: maps.float().mean(0) for size, maps in sample.maps.items()}
    return _over_layers(sample, means, "bicubic").clamp_min(0)


def _last(sample: Sample) -> Tensor:
    """The last step's mean over layers and heads (attention-map-diffusers 1.0)."""
    last = min(range(len(sample.timesteps)), key=lambda i: sample.timesteps[i])
    return _over_layers(sample, {s: maps[last].float() for s, maps in sample.maps.items()},
                        "bilinear")  # fmt: skip


DAAM = Way("DAAM (all steps, layers and heads, bicubic)", _daam, mode="bicubic")
LAST = Way("attention-map-diffusers (last step, mean over layers)", _last)


def of_the_package(name: str) -> Way:
    return Way(name, lambda sample: sample.package)


def level(rank: int) -> Way:
    """One grid alone, all steps; `rank` 0 is the finest."""

    def maps(sample: Sample) -> Tensor:
        found = shares(sample, range(len(sample.timesteps)))
        return found[sorted(found, reverse=True)[rank]]

    return Way(f"share of the words, grid {rank + 1} of 3 alone", maps)


def at_step(low: float, high: float, how: Aggregation) -> Way:
    """Ours without edges, of the calls at low < t ≤ high alone."""

    def maps(sample: Sample) -> Tensor:
        calls = [i for i, t in enumerate(sample.timesteps) if low < t <= high]
        return heatmaps.product(shares(sample, calls), how.weights)

    return Way(f"ours without edges, t from {low:g} to {high:g} alone", maps)


def by_heads(name: str, chosen: dict[Size, list[int]]) -> Way:
    """The mean over grids of the words' shares of some heads alone; for scenes."""

    def maps(sample: Sample) -> Tensor:
        finest = max(sample.heads)
        parts = [
            heatmaps.upsample(heatmaps.relative(sample.heads[size][heads].float().mean(0)), finest)
            for size, heads in chosen.items()
            if heads
        ]
        return torch.stack(parts).mean(0)

    return Way(name, maps)


def most_pointed(samples: Sequence[Sample], count: int) -> dict[Size, list[int]]:
    """The `count` heads, of all grids but the coarsest, whose own maps point at nouns best."""
    grids = sorted(samples[0].heads, reverse=True)[:-1]
    hits = {(size, head): [] for size in grids for head in range(len(samples[0].heads[size]))}
    for sample in samples:
        nouns = [thing for thing in sample.things if thing.kind == "noun"]
        for size in grids:
            each = heatmaps.relative(sample.heads[size].float().movedim(1, 0)).movedim(1, 0)
            for thing in nouns:
                inside = F.adaptive_avg_pool2d(thing.mask[None].float(), size).flatten()
                peaks = each[:, list(thing.words)].sum(1).flatten(1).argmax(1)
                for head, peak in enumerate(peaks.tolist()):
                    hits[size, head].append(float(inside[peak]))
    best = sorted(hits, key=lambda key: -sum(hits[key]))[:count]
    return {size: sorted(head for s, head in best if s == size) for size in grids}
