"""Named things with exact masks, and the attention that their words got: in scenes and pictures.

A rendered scene is encoded, noised to four timesteps and shown to the network once each, with its
true caption. A picture is drawn from a caption as a visitor would; where the oracle finds in it
what the caption names and nothing besides, what it read is rendered again for the masks.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from playground.attention import heatmaps
from playground.attention.record import Watched, from_codes
from playground.attention.summing import READ_AT
from playground.client import Playground
from playground.diffusion.forward import training_levels
from playground.diffusion.guidance import COND
from playground.engine.backends import Eager
from playground.engine.record import RunRecord
from playground.engine.session import Session
from playground.models.latent import LatentModel
from playground.models.prompt import Condition, word_columns
from playground.models.words import Word
from playground.recipe import Recipe
from playground.world import asked, oracle
from playground.world.grammar import stream
from playground.world.render import render
from playground.world.scene import Caption, Scene

SEED, BATCH, CHUNK = 900_008, 10, 32
DRAWN_AT_MOST = 2  # times the pictures wanted: not every picture shows what was asked
TIMESTEPS = READ_AT[::-1]
KINDS = ("noun", "worn", "place")
Size = tuple[int, int]
Other = Callable[[Tensor, int, list], list[Tensor]]


@dataclass(frozen=True, eq=False)
class Thing:
    """`words` are positions among the caption's words, `mask` is bool [128, 128]."""

    kind: str
    words: tuple[int, ...]
    mask: Tensor


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture uint8 [128, 128, 3], its named things, and its words' attention.

    `maps`: per grid, mean over layers and heads [calls, words, h, w], half precision; the calls
    were at `timesteps`. `heads`, for scenes: every head's mean over the calls [heads, words, h, w].
    `layers` is the number of layers of each grid.
    """

    picture: np.ndarray
    things: tuple[Thing, ...]
    words: tuple[Word, ...]
    timesteps: tuple[float, ...]
    maps: dict[Size, Tensor]
    layers: dict[Size, int]
    heads: dict[Size, Tensor] = field(default_factory=dict)
    package: Tensor | None = None  # what another tool makes of the last step [words, h, w]


@torch.inference_mode()
def in_scenes(model: LatentModel, count: int, other: Other | None = None) -> Iterator[Sample]:
    """Samples of `count` unseen scenes; `other` is another tool's maps(noisy, t, prompts).

    The calls are those of a session's `read`, but each is of many scenes, and at levels of all
    READ_AT, from which those that count are chosen.
    """
    scenes = itertools.islice(stream(SEED), count)
    for _ in tqdm(range(0, count, BATCH), desc="scenes"):
        yield from _of_scenes(model, list(itertools.islice(scenes, BATCH)), other)


def _of_scenes(model: LatentModel, scenes: list, other: Other | None) -> Iterator[Sample]:
    drawn = [render(*pair) for pair in scenes]
    clean = torch.cat([model.latents_of(image) for image, _ in drawn])
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(SEED))
    prompts = [model.encode(caption.text) for _, caption in scenes]
    conditions = [Condition(prompt) for prompt in prompts]
    watched = [Watched(i, p.columns, word_columns(p)) for i, p in enumerate(prompts)]
    levels, calls, others = training_levels(model.scheduler_config), [], [None] * len(scenes)
    for t in TIMESTEPS:
        noisy = levels[t].mix(clean, noise)
        answer = Eager(model).ask(noisy, [levels[t]] * len(scenes), conditions, watched)
        calls.append(answer.recorder.heads())
        if other and t == min(TIMESTEPS):
            others = other(noisy, t, prompts)
    for i, (_, caption) in enumerate(scenes):
        picture, masks = drawn[i]
        count = len(prompts[i].words)
        heads = {
            size: torch.stack([from_codes(c[i][size].codes[:, 1 : count + 1]) for c in calls])
            for size in calls[0][i]
        }
        yield Sample(
            picture, _things(caption, masks, prompts[i].words), prompts[i].words, TIMESTEPS,
            {size: p.mean(1).half() for size, p in heads.items()},
            {size: len(kept.layers) for size, kept in calls[0][i].items()},
            {size: p.mean(0).half() for size, p in heads.items()}, others[i],
        )  # fmt: skip


def _things(caption: Caption, masks: dict, words: Sequence) -> tuple[Thing, ...]:
    found = []
    for span in caption.spans:
        mine = tuple(k for k, w in enumerate(words) if span.start <= w.start < span.end)
        mask = masks[span.start, span.end]
        if span.kind in KINDS and mine and mask.any():
            found.append(Thing(span.kind, mine, torch.from_numpy(mask)))
    return tuple(found)


def in_pictures(playground: Playground, count: int) -> Iterator[Sample]:
    """Samples of `count` pictures that show what was asked, or of what can be drawn till then."""
    judge, layers = oracle.load(), layers_of(playground.session)
    pairs = itertools.islice(stream(SEED + 1), DRAWN_AT_MOST * count)
    left, bar = count, tqdm(desc="pictures", total=count)
    for start in itertools.count(step=CHUNK):
        part = list(itertools.islice(pairs, CHUNK))
        if not part or not left:
            return
        recipes = [Recipe(prompt=c.text, seed=start + i) for i, (_, c) in enumerate(part)]
        runs = [drawn.record for drawn in playground.draw_all(recipes)]
        seen = oracle.read(judge, np.stack([run.picture.image for run in runs]))
        for run, (scene, caption), read in zip(runs, part, seen, strict=True):
            shown = shown_as(scene, caption, read)
            if shown is None or not left:
                continue
            left -= 1
            bar.update()
            words, masks = run.prompt.words, render(shown, caption)[1]
            yield Sample(
                run.picture.image, _things(caption, masks, words), words, tuple(run.timesteps),
                _word_maps(run), layers,
            )  # fmt: skip


def _word_maps(run: RunRecord) -> dict[Size, Tensor]:
    """Per grid, the words' raw attention at every call [calls, words, h, w]."""
    maps = [step.maps for step in run.steps]
    return {
        size: torch.stack(
            [heatmaps.of_words(torch.from_numpy(each[size]), run.prompt.words) for each in maps]
        ).half()
        for size in maps[0]
    }


def shown_as(scene: Scene, caption: Caption, seen: Scene) -> Scene | None:
    """The asked scene with the places and sizes that were read, or None if it is not shown.

    Items keep the asked order, which the caption's spans count by.
    """
    if asked.faults(asked.read(caption.text), seen) or len(seen.items) != len(scene.items):
        return None
    left, items = list(seen.items), []
    for item in scene.items:
        same = [s for s in left if (s.noun, s.worn) == (item.noun, item.worn)]
        same = [s for s in same if item.color in (None, s.color)] or same
        if not same:
            return None
        left.remove(same[0])
        items.append(replace(same[0], color=same[0].color or item.color))
    return Scene(seen.place, tuple(items), scene.task)


def layers_of(session: Session) -> dict[Size, int]:
    """Cross-attention layers of each grid of an ordinary picture."""
    step, *_ = session.submit([Recipe(steps=1)], heads=True)
    return {size: len(kept.layers) for size, kept in step.heads[COND].items()}
