"""Measured truth about word maps: do they land on what the word names, and which way of summing
them lands best?

Our way of summing is chosen on one half of the scenes and of the drawn pictures and reported on
the other, beside two other tools' ways and with a control: maps of other words of the prompt.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from playground.attention import heatmaps
from playground.attention.heatmaps import stretch
from playground.attention.summing import Aggregation
from playground.client import Playground
from playground.measuring import package, ways
from playground.measuring.named import KINDS, TIMESTEPS, Sample, in_pictures, in_scenes
from playground.measuring.ways import DAAM, LAST, Way, placed
from playground.models.load import load
from playground.training import export

COUNT = 1000
THRESHOLDS = tuple(round(0.1 * i, 1) for i in range(1, 10))
# What is chosen from: which calls count, how much each grid says, how far edges are followed.
LATEST = (200, 400, 600, 1000)
WEIGHTS = ((1.0,), (0.0, 1.0), (0.5, 0.5), (0.3, 0.7), (0.3, 1.0), (0.5, 1.0), (0.75, 1.0),
           (1.0, 1.0), (0.3, 1.5), (0.5, 1.5), (0.75, 1.5), (1.0, 1.5), (1.5, 1.5),
           (0.5, 1.0, 0.25))  # fmt: skip
EDGES = (0.0, 0.0625, 0.09375, 0.125, 0.1875)
FINALISTS = 3  # recipes that are tried with every radius
TUNED = 250  # samples of each tuning half that every recipe is tried on
IMPORTANCE = {"noun": 3.0, "worn": 1.0, "place": 1.0}  # nouns have the bar
INSIDE = 0.9  # part of a position that a thing must fill for the position to be its own
SMALL = 64  # pixels a side at which recipes are compared


def scores(map_: Tensor, mask: Tensor) -> np.ndarray:
    """[pointing, average precision, IoU at each of THRESHOLDS] of a map and a mask [h, w].

    Pixels are ranked once; a threshold of the stretched map is then a rank.
    """
    values, order = stretch(map_[None]).flatten().sort(descending=True, stable=True)
    right = mask.flatten()[order].float()
    hits = right.cumsum(0)
    precision = (hits / torch.arange(1, len(hits) + 1) * right).sum() / hits[-1].clamp_min(1)
    # values descend, so −values ascends; of those ≥ t there are as many as −values ≤ −t
    found = torch.searchsorted(-values, -torch.tensor(THRESHOLDS), right=True)
    inside = hits[(found - 1).clamp_min(0)] * (found > 0)
    ious = inside / (found + hits[-1] - inside).clamp_min(1)
    return np.array([float(right[0]), float(precision), *ious.tolist()])


def measure(samples: Sequence[Sample], way: Way, shuffled: bool = False, small: bool = False):
    """Per kind of thing: how many, pointing game, precision, IoU at 0.4 and at the best threshold.

    `shuffled` takes each thing's map from other words of its prompt.
    """
    rows: dict[str, list] = {kind: [] for kind in KINDS}
    for sample in samples:
        maps = way.maps(sample)
        picture = torch.tensor(sample.picture) / 255
        if shuffled:
            if len(maps) == 1:
                continue
            maps = maps.roll(len(maps) // 2, 0)
        if small:
            picture = F.adaptive_avg_pool2d(picture.movedim(2, 0), SMALL).movedim(0, 2)
        found = placed(way, maps, sample.things, picture) if sample.things else ()
        for thing, map_ in zip(sample.things, found, strict=True):
            mask = thing.mask
            if small:
                mask = F.adaptive_avg_pool2d(mask[None].float(), SMALL)[0] > 0.5
            if mask.any():
                rows[thing.kind].append(scores(map_, mask))
    return {kind: _summary(np.array(found)) for kind, found in rows.items() if found}


def _summary(found: np.ndarray) -> dict[str, float]:
    pointing, precision, *ious = found.mean(0)
    best = {"pointing": pointing, "iou_0.4": ious[THRESHOLDS.index(0.4)], "iou_best": max(ious),
            "precision": precision}  # fmt: skip
    return {"count": len(found)} | {name: round(float(value), 4) for name, value in best.items()}


def first(samples: Sequence[Sample], way: Way) -> dict[str, dict[str, float]]:
    """Pixel → words: per kind of thing, how often a position inside of it ranks a word of it first.

    A mean over things of the share of such positions, with `all` words ranked and with the
    `content` words alone, as the page does.
    """
    rows: dict[str, list] = {kind: [] for kind in KINDS}
    for sample in samples:
        maps = way.maps(sample)
        ranks = [each.argmax(0) for each in (maps, heatmaps.of_content(maps, sample.words))]
        for thing in sample.things:
            inside = F.adaptive_avg_pool2d(thing.mask[None].float(), maps.shape[1:])[0] > INSIDE
            if inside.any():
                mine = torch.tensor(thing.words)
                rows[thing.kind].append([torch.isin(r[inside], mine).float().mean() for r in ranks])
    means = {kind: np.mean(found, 0) for kind, found in rows.items() if found}
    return {
        kind: {"count": len(rows[kind]), "all": round(float(every), 4),
               "content": round(float(content), 4)}
        for kind, (every, content) in means.items()
    }  # fmt: skip


def goodness(parts: Sequence[Sequence[Sample]], how: Aggregation) -> float:
    """Pointing game plus IoU at 0.4, kinds by their importance, mean over the parts."""
    totals = []
    for part in filter(None, parts):
        found = measure(part, ways.ours("", how), small=True)
        weights = {kind: IMPORTANCE[kind] for kind in found}
        total = sum(w * (found[k]["pointing"] + found[k]["iou_0.4"]) for k, w in weights.items())
        totals.append(total / sum(weights.values()))
    return float(np.mean(totals))


def choose(parts: Sequence[Sequence[Sample]]) -> tuple[Aggregation, dict[str, float]]:
    """The best of the recipes on the tuning halves, and how good each one tried was."""
    plain = [Aggregation(latest, weights, 0.0) for latest in LATEST for weights in WEIGHTS]
    tried = {how: goodness(parts, how) for how in tqdm(plain, desc="choosing")}
    finalists = sorted(tried, key=tried.get, reverse=True)[:FINALISTS]
    for how, edges in itertools.product(finalists, EDGES[1:]):
        followed = replace(how, edges=edges)
        tried[followed] = goodness(parts, followed)
    best = max(tried, key=tried.get)
    return best, {str(how): round(value, 4) for how, value in tried.items()}


def table(best: Aggregation, chosen: dict, other: str | None) -> Iterator[tuple[Way, bool, bool]]:
    """What is reported: way, for scenes alone, with shuffled words."""
    plain = ways.ours("ours without edges", replace(best, edges=0.0))
    yield ways.ours("ours", best), False, False
    yield plain, False, False
    yield DAAM, False, False
    yield LAST, False, False
    if other:
        yield ways.of_the_package(other), True, False
    for way in (DAAM, LAST):
        yield replace(way, name=f"{way.name}, with our edges", edges=best.edges), False, False
    for rank in range(3):
        yield ways.level(rank), False, False
    for low, high in itertools.pairwise((0, *TIMESTEPS)):
        yield ways.at_step(low, high, best), False, False
    yield ways.by_heads(f"share of the words, {sum(map(len, chosen.values()))} most pointed heads",
                        chosen), True, False  # fmt: skip
    everyone = {size: slice(None) for size in chosen}
    yield ways.by_heads("share of the words, all heads", everyone), True, False
    yield ways.ours("ours, maps of other words", best), False, True


def evaluate(count: int = COUNT) -> None:
    """Choose on the first halves, report on the second, and write both into the model card."""
    other, name = None, None
    if package.installed():
        other, name = partial(package.maps, package.pipeline("emoji-world")), package.label()
    else:
        print(package.ABSENT)
    sources = {"scenes": list(in_scenes(load("emoji-world"), count, other)),
               "pictures": list(in_pictures(Playground(prepared=True), count))}  # fmt: skip
    tuning = {key: found[: len(found) // 2] for key, found in sources.items()}
    held = {key: found[len(found) // 2 :] for key, found in sources.items()}
    best, tried = choose([part[:TUNED] for part in tuning.values()])
    chosen = ways.most_pointed(tuning["scenes"], 6)
    rows: dict[str, dict] = {}
    for way, scenes_only, shuffled in tqdm(list(table(best, chosen, name)), desc="reporting"):
        rows[way.name] = {
            source: measure(part, way, shuffled)
            for source, part in held.items()
            if part and not (scenes_only and source != "scenes")
        }
        tqdm.write(f"{way.name}: {rows[way.name]}")
    ranking = {source: first(part, ways.ours("", best)) for source, part in held.items()}
    counts = {source: len(found) for source, found in sources.items()}
    export.update_card(
        attention={"counts": counts, "recipe": asdict(best),
                   "tuning": tried, "rows": rows, "ranking": ranking}
    )  # fmt: skip
