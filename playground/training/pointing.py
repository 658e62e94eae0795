"""Do word maps land on the named things? The pointing game on unseen scenes with exact masks.

A scene is encoded, noised to a timestep, and shown to the network once with its true caption;
a noun scores when the brightest pixel of its map lies inside its mask.
"""

import itertools

import numpy as np
import torch

from playground import heatmaps
from playground.attention import Watched, record
from playground.model import LatentModel
from playground.training.run import to_tensor
from playground.training.unet import new_schedule
from playground.world.grammar import stream
from playground.world.render import render
from playground.world.scene import SIDE

SEED, TIMESTEPS, BATCH = 900_005, (200, 400), 10
COMBINED = "all but coarsest"


@torch.inference_mode()
def pointing_game(model: LatentModel, count: int = 100) -> dict[str, float]:
    """Share of nouns found, per grid, for all grids but the coarsest together, and by chance.

    Chance is the same maps against the masks of another noun.
    """
    pairs = (pair for pair in stream(SEED) if pair[0].items)
    scenes = list(itertools.islice(pairs, count))
    hits, masks, pointed = {}, [], []
    for start in range(0, count, BATCH):
        for maps, mask in _nouns(model, scenes[start : start + BATCH]):
            masks.append(mask)
            pointed.append(maps)
            for name, map_ in maps.items():
                hits.setdefault(name, []).append(heatmaps.points_inside(map_, mask))
    others = zip(pointed, masks[7:] + masks[:7], strict=True)
    chance = [heatmaps.points_inside(maps[COMBINED], mask) for maps, mask in others]
    return {name: float(np.mean(h)) for name, h in hits.items()} | {"chance": np.mean(chance)}


def _nouns(model: LatentModel, scenes: list):
    """Per noun of the scenes: its maps by name [128, 128], and its mask."""
    drawn = [render(*pair) for pair in scenes]
    images = to_tensor(np.stack([image for image, _ in drawn]))
    clean = model.vae.encode(images).latent_dist.mode()
    prompts = [model.encode(caption.text) for _, caption in scenes]
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn(clean.shape, generator=generator)
    for t in TIMESTEPS:
        timesteps = torch.full((len(scenes),), t)
        noisy = new_schedule().add_noise(clean, noise, timesteps)
        watched = [Watched(i, prompt.columns) for i, prompt in enumerate(prompts)]
        with record(model.unet, watched) as recorder:
            model.predict(noisy, timesteps.float(), prompts)
        for i, grids in enumerate(recorder.maps()):
            yield from _of_scene(scenes[i][1], drawn[i][1], prompts[i], grids)


def _of_scene(caption, masks: dict, prompt, grids: dict):
    coarsest = min(grids)
    shares = {
        size: heatmaps.upsample(heatmaps.relative(heatmaps.of_words(m, prompt.words)), (SIDE, SIDE))
        for size, m in grids.items()
    }
    for k, word in enumerate(prompt.words):
        span = next((s for s in caption.spans if (s.start, s.end) == (word.start, word.end)), None)
        if span is None or span.kind != "noun":
            continue
        maps = {f"{h}×{w}": share[k] for (h, w), share in shares.items()}
        fine = [share[k] for size, share in shares.items() if size != coarsest]
        maps[COMBINED] = torch.stack(fine).mean(0)
        yield maps, torch.from_numpy(masks[word.start, word.end])
