"""Train the oracle on rendered scenes: sharp, blurred, noisy, and through the autoencoder."""

import copy
import dataclasses
import functools
import itertools
import json

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from safetensors.torch import save_file
from torch import Tensor

from playground.training import autoencoder, export, latents
from playground.training.device import Device, choose
from playground.training.rendering import Ahead
from playground.training.run import Run, cosine, set_lr, to_images, to_tensor
from playground.world import oracle as o
from playground.world.grammar import sample_scene
from playground.world.render import draw
from playground.world.scene import GRID, Scene
from playground.world.vocabulary import NOUNS

MINUTES, PEAK_LR, SEED, TEST_SEED = 36, 2e-3, 6, 900_006
BATCH = (32, 256)  # on the processor, on an accelerator
POOL = 3000  # scenes kept as the autoencoder shows them: it is too slow to run at every step


def jittered(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with centres off the grid: generated items need not stand on it."""
    items = []
    for item in scene.items:
        reach = GRID // 2 - 1
        x, y = (int(v) for v in np.array(item.center) + rng.integers(-reach, reach + 1, 2))
        items.append(dataclasses.replace(item, center=(x, y)))
    return dataclasses.replace(scene, items=tuple(items))


def targets(scenes: list[Scene]) -> dict[str, Tensor]:
    """Class per cell [B, 16, 16]; −1 where an answer does not count.

    Cells around a centre may call themselves one or not, but must know its attributes: the
    clearest of them speaks for the item.
    """
    shape = (len(scenes), o.CELLS, o.CELLS)
    found = {name: torch.full(shape, -1) for name in ("color", "worn")}
    found |= {"noun": torch.full(shape, o.NOTHING), "size": torch.full(shape, torch.nan)}
    found["place"] = torch.tensor([o.PLACE_NAMES.index(s.place) for s in scenes])
    for b, scene in enumerate(scenes):
        for item in scene.items:
            row, column = o.cell_of(item.center)
            around = (b, slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2))
            found["noun"][around] = -1
            found["noun"][b, row, column] = o.NOUN_NAMES.index(item.noun)
            found["size"][around] = float(np.log(item.size / o.TYPICAL))
            if item.color:
                found["color"][around] = o.COLOR_NAMES.index(item.color)
            elif NOUNS[item.noun].wears:
                found["worn"][around] = o.WORN_NAMES.index(item.worn)
    return found


def loss_of(answers: dict[str, Tensor], right: dict[str, Tensor]) -> Tensor:
    """Cross-entropies, centres and empty cells weighing the same, and the error of log size."""
    noun = F.cross_entropy(answers["noun"], right["noun"], ignore_index=-1, reduction="none")
    empty = right["noun"] == o.NOTHING
    centres = (right["noun"] >= 0) & ~empty
    loss = noun[empty].mean() * 4 + noun[centres].mean()
    for name in ("color", "worn"):
        if (right[name] >= 0).any():
            loss = loss + F.cross_entropy(answers[name], right[name], ignore_index=-1)
    size = (answers["size"][:, 0] - right["size"])[~right["size"].isnan()]
    return loss + size.abs().mean() + F.cross_entropy(answers["place"], right["place"])


def degrade(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur, noise, contrast and brightness, each for some of the pictures [B, 3, 128, 128]."""
    count = len(pictures)
    blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)

    def each(numbers: np.ndarray) -> Tensor:
        return torch.from_numpy(numbers).float().view(count, 1, 1, 1).to(pictures.device)

    mixed = torch.lerp(pictures, blurred, each(rng.random(count) * rng.integers(0, 2, count)))
    gain, shift = each(rng.normal(1, 0.06, count)), each(rng.normal(0, 0.05, count))
    noise = each(np.abs(rng.normal(0, 0.05, count)))
    return mixed * gain + shift + noise * torch.randn_like(mixed)


def pool(device: Device) -> tuple[list[Scene], Tensor]:
    """Scenes as the autoencoder reconstructs them, from the latents that are already there."""
    vae = export.load_autoencoder().to(device.name)
    scenes, codes = latents.load(vae, POOL, device=device)
    with torch.inference_mode():
        pictures = torch.cat([vae.decode(part).sample for part in codes.split(10)])
    return scenes, pictures.clone()


def fresh(size: int, index: int) -> tuple[np.ndarray, list[Scene]]:
    """Pictures uint8 [size, 128, 128, 3] of batch number `index`, half of them off the grid."""
    rng = np.random.default_rng((SEED, index))
    scenes = [sample_scene(rng, held_out=None) for _ in range(size)]
    scenes = [jittered(s, rng) if rng.random() < 0.5 else s for s in scenes]
    return np.stack([draw(scene) for scene in scenes]), scenes


def train(minutes: float = MINUTES, device: str = "cpu") -> None:
    place = choose(device)
    torch.manual_seed(SEED)
    model = o.Oracle().to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LR, weight_decay=0.02)
    run = Run("oracle", minutes, place.clock, model=model, optimizer=optimizer)
    rng, (kept, reconstructed) = np.random.default_rng(SEED + run.step), pool(place)
    size = place.either(*BATCH)
    drawn = size * 2 // 3  # two thirds rendered, one third reconstructed
    batches = Ahead(functools.partial(fresh, drawn), itertools.count(run.step), place.renderers)
    for _ in run:
        set_lr(optimizer, cosine(run.share, PEAK_LR))
        images, scenes = next(batches)
        chosen = rng.integers(0, POOL, size - drawn)
        pictures = torch.cat((to_tensor(images, device), reconstructed[chosen]))
        with place.autocast():
            answers = model(degrade(pictures, rng))
        right = targets(scenes + [kept[i] for i in chosen])
        right = {name: value.to(device) for name, value in right.items()}
        loss = loss_of({name: a.float() for name, a in answers.items()}, right)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        run.record(loss)
        if run.sheet_due():
            run.say(str(accuracy(copy.deepcopy(model).cpu().eval(), *unseen(200))))
    batches.close()
    publish(model.eval().cpu(), run)


def unseen(count: int, reconstructed: bool = False) -> tuple[np.ndarray, list[Scene]]:
    """Pictures uint8 [n, 128, 128, 3] of scenes that no training has drawn."""
    rng = np.random.default_rng(TEST_SEED)
    scenes = [sample_scene(rng, held_out=None) for _ in range(count)]
    images = np.stack([draw(scene) for scene in scenes])
    if reconstructed:
        images = through(export.load_autoencoder(), images)
    return images, scenes


def through(vae: AutoencoderKL, images: np.ndarray) -> np.ndarray:
    """What is left of pictures uint8 [n, 128, 128, 3] after the autoencoder."""
    return to_images(autoencoder.reconstruct(vae, to_tensor(images, str(vae.device))))


def accuracy(model: o.Oracle, images: np.ndarray, scenes: list[Scene]) -> dict[str, float]:
    """Share read rightly: items by noun and position, their attributes, counts, places."""
    hits: dict[str, list[bool]] = {}

    def note(name: str, right: bool) -> None:
        hits.setdefault(name, []).append(right)

    for scene, seen in zip(scenes, o.read(model, images), strict=True):
        note("place", scene.place == seen.place)
        note("count", len(scene.items) == len(seen.items))
        for item in scene.items:
            near = [s for s in seen.items if _distance(s.center, item.center) <= 2 * GRID]
            note("position", bool(near))
            note("noun", any(s.noun == item.noun for s in near))
            if item.color:
                note("color", any(s.color == item.color for s in near))
            elif item.worn:
                note("worn", any(s.worn == item.worn for s in near))
        note("everything", sorted(map(_key, scene.items)) == sorted(map(_key, seen.items)))
    return {name: round(float(np.mean(h)), 4) for name, h in hits.items()}


def _key(item) -> tuple[str, str, str]:
    return item.noun, item.color or "", item.worn or ""


def _distance(a: tuple[int, int], b: tuple[int, int]) -> int:
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))


def publish(model: o.Oracle, run: Run) -> None:
    o.WEIGHTS.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()},
        o.WEIGHTS,
    )
    half = o.load()
    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "seed": SEED,
        "steps": run.step,
        "minutes": round(run.seconds / 60, 1),
        "rendered": accuracy(half, *unseen(2000)),
        "reconstructed": accuracy(half, *unseen(2000, reconstructed=True)),
    }
    (o.WEIGHTS.parent / "card.json").write_text(
        json.dumps(facts, indent=2) + "\n", encoding="utf-8"
    )
