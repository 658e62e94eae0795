"""How long drawing takes, beside stock diffusers: the same weights, noise, steps and process.

Every round times each way once, in turn, so that what else the machine does meets all of them;
ratios are medians over the rounds of the ratio within a round.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from tqdm import tqdm

from playground.client import Playground
from playground.diffusion import samplers
from playground.engine import backends
from playground.engine.engine import Engine
from playground.engine.events import STAGES, Picture
from playground.engine.local import LocalSession
from playground.measuring import docs, report
from playground.measuring.scores import ASKED, pictures
from playground.models import specs
from playground.models.load import load
from playground.recipe import Recipe
from playground.training import export

ROUNDS = 5
SCALES = (0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 12.0, 25.0)
BASE = Recipe(**ASKED)
SWEEP = f"sweep of eight w, {BASE.steps} steps"
ONE = f"one picture, {BASE.steps} steps, w = {BASE.guidance:g}"
STOCK = "diffusers"
CALLS = f"{STOCK}, eight calls"
BATCH = f"{STOCK}, one call for eight pictures (all w = {BASE.guidance:g})"


def stock(recipe: Recipe) -> Callable[..., np.ndarray]:
    """Draws uint8 [n, h, w, 3] of `recipe` at one w with diffusers' own pipeline."""
    spec = specs.get(recipe.model)
    pipeline = StableDiffusionPipeline.from_pretrained(
        spec.folder, torch_dtype=torch.float32, local_files_only=True
    )
    pipeline.scheduler = samplers.build(
        recipe.sampler, dict(pipeline.scheduler.config), recipe.steps
    )
    pipeline.set_progress_bar_config(disable=True)
    noise = load(recipe.model).noise(
        torch.Generator().manual_seed(recipe.seed), recipe.height, recipe.width
    )

    def drawn(scale: float, count: int = 1) -> np.ndarray:
        result = pipeline(
            [recipe.prompt] * count, guidance_scale=scale, num_inference_steps=recipe.steps,
            height=recipe.height, width=recipe.width, latents=noise.repeat(count, 1, 1, 1),
            output_type="np",
        )  # fmt: skip
        return np.round(result.images * 255).astype(np.uint8)

    return drawn


def by_backend() -> dict[str, Playground]:
    """A playground on every backend, by the backend's label, the fastest first.

    Their engines are built here: a session of its own would always take the fastest backend.
    """
    model, found = load(BASE.model), {}
    for backend in backends.BACKENDS.values():
        network = backend.make(model)
        network.prepare()
        found[network.label] = Playground(session=LocalSession(Engine(model, network=network)))
    if len(found) < len(backends.BACKENDS):  # one could not be prepared and leaves it to another
        raise RuntimeError(f"Of the backends, only {', '.join(found)} can be used here.")
    return found


def contenders(playgrounds: dict[str, Playground]) -> dict[str, Callable]:
    """What is timed, by name."""
    diffusers, timed = stock(BASE), {}
    for label, p in playgrounds.items():
        timed[f"{ONE}: {label}"] = lambda p=p: pictures(p, [BASE])
        timed[f"{SWEEP}: {label}"] = lambda p=p: pictures(p, sweep())
        timed[f"{SWEEP}: {label}, with word maps"] = lambda p=p: pictures(p, sweep(), record=True)
    timed[f"{ONE}: {STOCK}"] = lambda: diffusers(BASE.guidance)
    timed[f"{SWEEP}: {CALLS}"] = lambda: [diffusers(w) for w in SCALES]
    timed[BATCH] = lambda: diffusers(BASE.guidance, len(SCALES))
    return timed


def sweep() -> list[Recipe]:
    return [replace(BASE, guidance=w) for w in SCALES]


def run(count: int = ROUNDS) -> None:
    """Time `count` rounds, write them into the model card, and from it the documents."""
    playgrounds = by_backend()
    timed, fastest = contenders(playgrounds), next(iter(playgrounds))
    check(timed[f"{SWEEP}: {fastest}"](), timed[f"{SWEEP}: {CALLS}"]())
    for work in timed.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for _ in tqdm(range(count)):
        for name, work in timed.items():
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    export.update_card(
        speed={
            "against": fastest, "rounds": count, "rows": rows(seconds, f"{SWEEP}: {fastest}"),
            "stages": {label: stages(p) for label, p in playgrounds.items()},
        } | report.environment()
    )  # fmt: skip
    docs.write()


def check(ours: list[Picture], theirs: list[np.ndarray]) -> None:
    """Both must have drawn the same pictures; diffusers takes w = 0 for w = 1."""
    for picture, images in zip(ours[1:], theirs[1:], strict=True):
        off = int(np.abs(picture.image.astype(int) - images[0]).max())
        if off > 2:
            raise AssertionError(
                f"The pictures at w = {picture.recipe.guidance:g} differ by {off}."
            )


def rows(seconds: dict[str, list[float]], against: str) -> dict[str, dict[str, float]]:
    """By name, the median of the seconds, and of the ratios to `against` where it draws as much."""
    found = {}
    for name, mine in seconds.items():
        found[name] = {"seconds": round(statistics.median(mine), 3)}
        if not name.startswith(ONE):
            ratios = (a / b for a, b in zip(mine, seconds[against], strict=True))
            found[name]["ratio"] = round(statistics.median(ratios), 3)
    return found


def stages(playground: Playground) -> dict[str, float]:
    """Shares of a recorded sweep's time, by stage; the rest is the engine's own."""
    start = time.perf_counter()
    drawn = pictures(playground, sweep(), record=True)
    whole = time.perf_counter() - start
    parts = {stage: sum(p.seconds[stage] for p in drawn) for stage in STAGES}
    parts["engine"] = whole - sum(parts.values())
    return {stage: round(part / whole, 4) for stage, part in parts.items()}
