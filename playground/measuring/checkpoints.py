"""Families of checkpoints beside their stock pipelines, as small pipelines with random weights; one
at its full size; and, where there is an accelerator, sweeps on it.

    python -m playground.measuring checkpoints                 # the families, minutes
    python -m playground.measuring checkpoints --full          # Stable Diffusion 1.5, on this CPU
    python -m playground.measuring checkpoints --device cuda   # SD 1.5 and SDXL, a few minutes

Figures go into assets/checkpoints.json, and from there into docs/measurements.md.
"""

import copy
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from playground.diffusion import samplers
from playground.engine.engine import Engine
from playground.engine.events import Failure, Picture
from playground.measuring import accelerated, docs, full, pairs, placed
from playground.measuring.checkpoint_tables import FIGURES
from playground.measuring.report import environment
from playground.measuring.tiny import pipelines
from playground.models import families
from playground.models.latent import LatentModel
from playground.models.prompt import Condition
from playground.recipe import Recipe

WORDS = "a photo of a red apple and a green pear"
SIZE = {"width": 128, "height": 96}
STEPS, PAIRS = 4, 21
LEADING = ("ddim", "pndm")  # with other spacings diffusers' own miss the timestep that is next


def measure(count: int | None = None, full_size: bool = False, device: str | None = None) -> None:
    """One part of the figures: `count` pairs of runs, or rounds of calls."""
    if full_size:
        found = {"full": full.measure(count or full.ROUNDS) | environment()}
    elif device and device != "cpu":
        found = {"accelerator": accelerated.measure(device, count or accelerated.ROUNDS)}
    else:
        found = {"families": _families(count or PAIRS), "steps": STEPS, **SIZE}
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    FIGURES.write_text(json.dumps(known | found, indent=1) + "\n", encoding="utf-8")
    docs.write()


def _families(count: int) -> dict[str, dict]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # networks so small that threads would wait for each other
    try:
        with tempfile.TemporaryDirectory() as place:
            found = {}
            for name in pairs.MADE_FOR:
                found[name] = row(pipelines.written(name, Path(place)), name, count)
                print(name, found[name], flush=True)
            return found
    finally:
        torch.set_num_threads(threads)


def row(folder: Path, name: str, count: int) -> dict[str, Any]:
    """All figures of one family: `name` is that of a tiny pipeline, written in `folder`."""
    pipeline = pairs.loaded(folder)
    model = pairs.model_of(pipeline)
    sampler, w = pairs.MADE_FOR[name]
    own = Recipe(WORDS, "blurry", w, sampler=sampler, steps=STEPS, seed=5, **SIZE)
    return {
        "label": families.get(type(pipeline).__name__).label,
        "own": _parity(pipeline, model, own),
        "samplers": _samplers(pipeline, model, own),
        "together": _together(model, own),
        "maps": _maps(model, own),
        "capture": _capture(model, own, count),
    }


def drawn(model: LatentModel, *recipes: Recipe, **options) -> list[Picture]:
    """The pictures, drawn in one batch. Raises ValueError if one failed."""
    events = list(Engine(model).submit(recipes, **options))
    if failed := [event.reason for event in events if isinstance(event, Failure)]:
        raise ValueError(failed[0])
    return sorted((e for e in events if isinstance(e, Picture)), key=lambda each: each.cell)


def _parity(pipeline: Any, model: LatentModel, recipe: Recipe, scheduler: Any = None) -> float:
    """How far our final latents are from the stock pipeline's, of the same noise."""
    (picture,) = drawn(model, recipe)
    return pairs.difference(picture.latents, pairs.stock(pipeline, model, recipe, scheduler))


def _samplers(pipeline: Any, model: LatentModel, own: Recipe) -> dict[str, Any]:
    """The difference by each sampler that is offered here, and those that the pipeline refuses."""
    found, refused = {}, []
    for name, sampler in samplers.SAMPLERS.items():
        if sampler.refusal_of(model.scheduler_config):
            continue
        spacing = {"timestep_spacing": "leading"} if name in LEADING else {}
        other, recipe = copy.copy(model), replace(own, sampler=name)
        other.scheduler_config = model.scheduler_config | spacing
        scheduler = pairs.scheduler(name, {**pipeline.scheduler.config, **spacing})
        try:
            found[name] = _parity(pipeline, other, recipe, scheduler)
        except (ValueError, TypeError, AssertionError):  # its pipeline takes none of this kind
            refused.append(name)
    return {"differences": found, "refused": refused}


def _together(model: LatentModel, own: Recipe) -> float:
    """The largest difference of pictures drawn in one batch, with other words, steps, seeds and
    negative prompts, to the same drawn alone.
    """
    batch = [
        own,
        replace(own, prompt="two dogs", steps=STEPS - 1),
        replace(own, prompt="a castle", negative="snow", steps=2, seed=6),
    ]
    alone = [drawn(model, recipe)[0].latents for recipe in batch]
    together = [picture.latents for picture in drawn(model, *batch)]
    return max(pairs.difference(a, b) for a, b in zip(together, alone, strict=True))


def _maps(model: LatentModel, own: Recipe) -> dict[str, float]:
    """What the sums of recorded maps are, and where the embeds of one word arrive."""
    timing = model.timing(STEPS, own.height, own.width)
    level = samplers.levels(own.sampler, model.scheduler_config, STEPS, timing)[1]
    latents = model.noise(torch.Generator().manual_seed(3), own.height, own.width)
    prompt = model.encode(WORDS)
    told = Condition(prompt, own.guidance, (own.height, own.width))
    off, least, most = placed.sums(model, latents, level, told)
    word = next(word for word in prompt.words if word.text == "apple")
    mine, others = placed.moved(placed.unrefined(model), latents, level, prompt, word)
    return {"off": off, "least": least, "most": most, "own": mine, "others": others}


def _capture(model: LatentModel, own: Recipe, count: int) -> dict[str, float]:
    """CPU seconds of a picture without word maps and of one with them, the best of each, and the
    median ratio of pairs, whose runs follow each other, because other work moves CPU seconds too.
    """
    found: list[dict[bool, float]] = []
    for turn in range(count + 1):
        seconds = {}
        for record in (False, True) if turn % 2 else (True, False):
            start = time.process_time()
            drawn(model, own, record=record)
            seconds[record] = time.process_time() - start
        found.append(seconds)
    del found[0]  # the first pair warms up
    off, on = (round(min(pair[record] for pair in found), 4) for record in (False, True))
    ratio = statistics.median(pair[True] / pair[False] for pair in found)
    return {"off": off, "on": on, "ratio": round(ratio, 3)}
