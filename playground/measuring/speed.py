"""How long drawing takes, beside stock diffusers: the same weights, noise, steps and process.

Every round times each way once, in turn, so that what else the machine does meets all of them;
ratios are medians over the rounds of the ratio within a round.
"""

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from tqdm import tqdm

from playground.diffusion import samplers
from playground.engine import backends
from playground.engine.events import STAGES, Picture
from playground.engine.engine import Engine
from playground.measuring import report
from playground.measuring.scores import ASKED, pictures
from playground.models import specs
from playground.models.load import load
from playground.recipe import Recipe
from playground.wording import percent

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


def contenders() -> tuple[dict[str, Callable], dict[str, Engine]]:
    """What is timed, by name, and the engine of every backend's label."""
    model = load(BASE.model)
    engines = {}
    for backend in backends.BACKENDS.values():
        network = backend.make(model)
        network.prepare()
        engine = engines[network.label] = Engine(model, network=network)
        if engine.draw(replace(BASE, steps=1)).networks != (network.label,):
            raise RuntimeError(f"{network.label} cannot be used here.")
    sweep = [replace(BASE, guidance=w) for w in SCALES]
    diffusers = stock(BASE)
    timed = {}
    for label, engine in engines.items():
        timed[f"{ONE}: {label}"] = lambda e=engine: pictures(e, [BASE])
        timed[f"{SWEEP}: {label}"] = lambda e=engine: pictures(e, sweep)
        timed[f"{SWEEP}: {label}, with word maps"] = lambda e=engine: pictures(
            e, sweep, record=True
        )
    timed[f"{ONE}: {STOCK}"] = lambda: diffusers(BASE.guidance)
    timed[f"{SWEEP}: {CALLS}"] = lambda: [diffusers(w) for w in SCALES]
    timed[BATCH] = lambda: diffusers(BASE.guidance, len(SCALES))
    return timed, engines


def run(count: int = ROUNDS) -> None:
    """Time `count` rounds and write them into README.md."""
    timed, engines = contenders()
    labels = list(engines)
    check(timed[f"{SWEEP}: {labels[0]}"](), timed[f"{SWEEP}: {CALLS}"]())
    for work in timed.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for _ in tqdm(range(count)):
        for name, work in timed.items():
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    report.replace(report.ROOT / "README.md", "speed", table(seconds, labels, engines))


def check(ours: list[Picture], theirs: list[np.ndarray]) -> None:
    """Both must have drawn the same pictures; diffusers takes w = 0 for w = 1."""
    for picture, images in zip(ours[1:], theirs[1:], strict=True):
        off = int(np.abs(picture.image.astype(int) - images[0]).max())
        if off > 2:
            raise AssertionError(
                f"The pictures at w = {picture.recipe.guidance:g} differ by {off}."
            )


def table(seconds: dict[str, list[float]], labels: list[str], engines: dict) -> str:
    """Markdown: seconds and ratios, then where the time of a picture and of a sweep goes."""
    fastest = seconds[f"{SWEEP}: {labels[0]}"]
    lines = [f"| | seconds | against our sweep by {labels[0]} |", "|---|---|---|"]
    for name, found in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(found, fastest, strict=True))
        shown = "" if name.startswith(ONE) else f"{ratio:.2f} ×"
        lines.append(f"| {name} | {statistics.median(found):.2f} | {shown} |")
    lines += ["", f"Medians of {len(fastest)} rounds, in each of which every line was timed once; "
              f"{torch.get_num_threads()} threads, {platform.machine()}, torch "
              f"{torch.__version__}, no GPU.", "", *profiles(engines), "",
              "Regenerate with `python -m playground.measuring speed`."]  # fmt: skip
    return "\n".join(lines)


def profiles(engines: dict[str, Engine]) -> list[str]:
    """One line per backend: shares of a sweep's time, by stage; the rest is the engine's own."""
    lines = ["| where a sweep's time goes | " + " | ".join((*STAGES, "engine")) + " |"]
    lines += ["|---" * (len(STAGES) + 2) + "|"]
    for label, engine in engines.items():
        start = time.perf_counter()
        drawn = pictures(engine, [replace(BASE, guidance=w) for w in SCALES], record=True)
        whole = time.perf_counter() - start
        parts = [sum(p.seconds[stage] for p in drawn) for stage in STAGES]
        parts.append(whole - sum(parts))
        lines.append(f"| {label} | " + " | ".join(percent(part / whole) for part in parts) + " |")
    return lines
