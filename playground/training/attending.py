"""Measured truth about word maps: do they land on what the word names, and which way of summing
them lands best?

Unseen scenes with exact masks are encoded, noised to four timesteps and shown to the network once
each, with their true caption. A way of summing ("aggregation") is chosen on one half of the scenes
and reported on the other, beside two others' ways, re-created from their description.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from playground import heatmaps, zoo
from playground.attention import Watched, from_codes, record, word_columns
from playground.model import LatentModel
from playground.training import export
from playground.training.run import to_tensor
from playground.training.unet import new_schedule
from playground.world.grammar import stream
from playground.world.render import render
from playground.world.scene import SIDE

SEED, COUNT, BATCH = 900_008, 1000, 10
TIMESTEPS = (200, 400, 600, 800)
KINDS = ("noun", "worn", "place")
THRESHOLDS = tuple(round(0.1 * i, 1) for i in range(1, 10))
Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Sample:
    """A named thing of one scene: its mask and, per grid, every head's attention to its words.

    `word` and `words` are probabilities [timesteps, layers·heads, h, w] of the thing's words and
    of all words of the caption.
    """

    kind: str
    mask: Tensor
    word: dict[Size, Tensor]
    words: dict[Size, Tensor]


@dataclass(frozen=True)
class Aggregation:
    """A way to sum a sample's attention to one map [128, 128].

    `heads` is the number of heads used, the most pointed ones of the first half, or all. Each
    grid counts once if `relative`, the word's share among the words; else each layer, as it is.
    """

    name: str
    relative: bool = True
    coarsest: bool = False
    timesteps: tuple[int, ...] = TIMESTEPS
    heads: int | None = None
    mode: str = "bilinear"


DAAM = Aggregation("DAAM (all layers, heads and steps, bicubic)", False, True, mode="bicubic")
LAST = Aggregation("last step, mean over layers", False, True, (min(TIMESTEPS),))
OURS = (
    Aggregation("share of the words, all heads"),
    Aggregation("share of the words, early steps", timesteps=(600, 800)),
    Aggregation("share of the words, late steps", timesteps=(200, 400)),
    *(Aggregation(f"share of the words, {n} most pointed heads", heads=n) for n in (3, 6, 12)),
)


@torch.inference_mode()
def samples(model: LatentModel, count: int) -> list[Sample]:
    scenes = list(itertools.islice(stream(SEED), count))
    found = []
    for start in tqdm(range(0, count, BATCH), desc="scenes"):
        found += _of_scenes(model, scenes[start : start + BATCH])
    return found


def _of_scenes(model: LatentModel, scenes: list) -> list[Sample]:
    drawn = [render(*pair) for pair in scenes]
    clean = model.vae.encode(to_tensor(np.stack([image for image, _ in drawn]))).latent_dist.mode()
    prompts = [model.encode(caption.text) for _, caption in scenes]
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(SEED))
    watched = [
        Watched(i, p.columns, word_columns(p.columns, p.words, p.content))
        for i, p in enumerate(prompts)
    ]
    calls = []
    for t in TIMESTEPS:
        timesteps = torch.full((len(scenes),), t)
        with record(model.unet, watched) as recorder:
            noisy = new_schedule().add_noise(clean, noise, timesteps)
            model.predict(noisy, timesteps.float(), prompts)
        calls.append(recorder.heads())
    found = []
    for i, (_, caption) in enumerate(scenes):
        codes = {size: torch.stack([call[i][size].codes for call in calls]) for size in calls[0][i]}
        found += _of_scene(caption, drawn[i][1], prompts[i].words, codes)
    return found


def _of_scene(caption, masks: dict, words, codes: dict[Size, Tensor]) -> list[Sample]:
    found = []
    all_words = slice(1, len(words) + 1)
    for span in caption.spans:
        mine = [k + 1 for k, w in enumerate(words) if span.start <= w.start < span.end]
        if span.kind not in KINDS or not mine:
            continue
        mask = torch.from_numpy(masks[span.start, span.end])
        maps = {size: from_codes(c) for size, c in codes.items()}
        word = {size: p[:, :, mine].sum(2).half() for size, p in maps.items()}
        total = {size: p[:, :, all_words].sum(2).half() for size, p in maps.items()}
        found.append(Sample(span.kind, mask, word, total))
    return found


def aggregate(sample: Sample, how: Aggregation, chosen: dict[Size, list[int]]) -> Tensor:
    """The sample's map [128, 128]; `chosen` are the heads of each grid if not all are used."""
    grids = sorted(sample.word, reverse=True)
    used = grids if how.coarsest else grids[:-1]
    times = [TIMESTEPS.index(t) for t in how.timesteps]
    maps, weights = [], []
    for size in used:
        heads = chosen[size] if how.heads else list(range(sample.word[size].shape[1]))
        if not heads:
            continue
        word, words = (
            x[size][times][:, heads].float().mean((0, 1)) for x in (sample.word, sample.words)
        )
        map_ = word / words.clamp_min(1e-6) if how.relative else word
        maps.append(F.interpolate(map_[None, None], (SIDE, SIDE), mode=how.mode)[0, 0])
        weights.append(1.0 if how.relative else len(heads))
    return sum(w * m for w, m in zip(weights, maps, strict=True)) / sum(weights)


def most_pointed(found: list[Sample], count: int) -> dict[Size, list[int]]:
    """The `count` heads, of all grids but the coarsest, whose own maps point at nouns best."""
    nouns = [s for s in found if s.kind == "noun"]
    grids = sorted(nouns[0].word, reverse=True)[:-1]
    hits = []
    for size in grids:
        cells = [F.adaptive_avg_pool2d(s.mask[None].float(), size).flatten() for s in nouns]
        for head in range(nouns[0].word[size].shape[1]):
            shares = [(s.word[size][:, head].float().mean(0)
                       / s.words[size][:, head].float().mean(0).clamp_min(1e-6)).flatten()
                      for s in nouns]  # fmt: skip
            pointed = [float(c[int(m.argmax())]) for c, m in zip(cells, shares, strict=True)]
            hits.append((np.mean(pointed), size, head))
    best = sorted(hits, key=lambda hit: -hit[0])[:count]
    return {size: [head for _, s, head in best if s == size] for size in grids}


def measure(maps: list[Tensor], masks: list[Tensor]) -> dict[str, float]:
    """Pointing game, IoU at 0.4 and at the best common threshold, average precision."""
    ious = np.array(
        [[heatmaps.iou(m, k, t) for t in THRESHOLDS] for m, k in zip(maps, masks, strict=True)]
    )
    found = {
        "pointing": np.mean(
            [heatmaps.points_inside(m, k) for m, k in zip(maps, masks, strict=True)]
        ),
        "iou_0.4": ious[:, THRESHOLDS.index(0.4)].mean(),
        "iou_best": ious.mean(0).max(),
        "precision": np.mean([precision(m, k) for m, k in zip(maps, masks, strict=True)]),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def precision(map_: Tensor, mask: Tensor) -> float:
    """Average precision of the pixels [h, w] ranked by the map."""
    right = mask.flatten()[map_.flatten().argsort(descending=True)].float()
    at = right.cumsum(0) / torch.arange(1, len(right) + 1)
    return float((at * right).sum() / right.sum().clamp_min(1))


def evaluate(count: int = COUNT) -> None:
    """Choose on the first half, report on the second, and write both into the model card."""
    found = samples(zoo.load("emoji-world"), count)
    half = len(found) // 2
    tuning, held = found[:half], found[half:]
    chosen = {how: most_pointed(tuning, how.heads) if how.heads else {} for how in OURS}

    def score(part: list[Sample], how: Aggregation, kind: str, shift: int = 0) -> dict:
        mine = [s for s in part if s.kind == kind]
        masks = [s.mask for s in mine]
        maps = [aggregate(s, how, chosen.get(how, {})) for s in mine]
        return measure(maps, masks[shift:] + masks[:shift])

    tuned = {how: score(tuning, how, "noun") for how in tqdm(OURS, desc="choosing")}
    best = max(OURS, key=lambda how: tuned[how]["pointing"] + tuned[how]["iou_0.4"])
    rows = {
        how.name: {k: score(held, how, k) for k in KINDS}
        for how in dict.fromkeys((best, OURS[0], DAAM, LAST))
    }
    rows[f"{best.name}, masks of other things"] = {k: score(held, best, k, shift=7) for k in KINDS}
    for name, row in rows.items():
        tqdm.write(f"{name}: {row}")
    heads = {f"{h}×{w}": list(index) for (h, w), index in chosen[best].items()}
    export.update_card(
        attention={"scenes": count, "things": len(held), "best": best.name, "heads": heads,
                   "tuning": {how.name: tuned[how] for how in OURS}, "rows": rows}
    )  # fmt: skip
