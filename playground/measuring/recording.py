"""What recording costs: time with it against time without, and what is kept; beside another tool.

Runs with and without alternate, so that whatever else the machine does meets both; a ratio is the
median over the pairs.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch

from playground.engine.events import Step
from playground.engine.session import Session
from playground.measuring import package
from playground.measuring.scores import ASKED
from playground.measuring.speed import by_backend
from playground.recipe import Recipe
from playground.training import export
from playground.training.sheets import PROMPTS

PAIRS, CELLS = 7, 8
MEGABYTE = 1e6


def _our_run(session: Session, recipes: Sequence[Recipe], **options) -> int:
    """Draw; returns the bytes of what was recorded."""
    steps = [e for e in session.submit(recipes, **options) if isinstance(e, Step)]
    maps = sum(m.nbytes for step in steps for m in (step.maps or {}).values())
    branches = [grids for step in steps for grids in (step.heads or {}).values()]
    return maps + sum(kept.codes.nbytes for grids in branches for kept in grids.values())


def _package_run(pipe, recipes: Sequence[Recipe], timesteps: str | None = None) -> int:
    """The same pictures by the stock pipeline, inside the other tool's capture if asked for."""
    first = recipes[0]

    def draw() -> None:
        pipe(
            [r.prompt for r in recipes], num_inference_steps=first.steps,
            guidance_scale=first.guidance, height=first.height, width=first.width,
            generator=[torch.Generator().manual_seed(r.seed) for r in recipes],
        )  # fmt: skip

    if timesteps is None:
        draw()
        return 0
    from attention_map_diffusers import AttentionCapture

    with AttentionCapture(pipe, timesteps=timesteps) as capture:
        draw()
        return sum(record.data.nbytes for record in capture.compute())


def compare(plain: Callable[[], int], recorded: Callable[[], int], pairs: int) -> dict:
    """Seconds of both, the median of their ratios, and megabytes kept."""
    plain(), recorded()  # warm-up
    times, kept = [], 0
    for i in range(pairs):
        pair = {}
        for work in (plain, recorded) if i % 2 else (recorded, plain):
            start = time.perf_counter()
            kept = max(kept, work())
            pair[work] = time.perf_counter() - start
        times.append((pair[plain], pair[recorded]))
    off, on = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(b / a for a, b in times)
    return {"off": round(off, 3), "on": round(on, 3), "ratio": round(ratio, 3),
            "megabytes": round(kept / MEGABYTE, 2)}  # fmt: skip


def measure(count: int = PAIRS) -> None:
    """Measure `count` pairs of each kind of run and write them into the model card."""
    playgrounds, rows = by_backend(), {}
    pipe = package.pipeline("emoji-world") if package.installed() else None
    if pipe is None:
        print(package.ABSENT)
    one = [Recipe(**ASKED)]
    grid = [replace(one[0], prompt=prompt, seed=i) for i, prompt in enumerate(PROMPTS[:CELLS])]

    def compared(kind: str, run: Callable, cells: Sequence[Recipe], **options) -> None:
        pictures = "one picture" if len(cells) == 1 else f"{len(cells)} pictures"
        found = compare(lambda: run(cells), lambda: run(cells, **options), count)
        rows[f"{kind}, {pictures}"] = found
        print(f"{kind}, {pictures}: {found}", flush=True)

    ours = {label: partial(_our_run, each.session) for label, each in playgrounds.items()}
    for label, run in ours.items():
        for cells in (one, grid):
            compared(f"word maps by {label}", run, cells, record=True)
    fastest = next(iter(ours))
    compared(f"every head by {fastest}", ours[fastest], one, heads=True)
    for cells in (one, grid) if pipe else ():
        for timesteps in ("last", "all"):
            compared(
                f"{package.label()}, {timesteps} steps",
                lambda cells, **options: _package_run(pipe, cells, **options),
                cells, timesteps=timesteps,
            )  # fmt: skip
    export.update_card(recording={"pairs": count, "threads": torch.get_num_threads(), "rows": rows})
