"""What reflow changes: how straight the flow model's paths are, and what few calls draw.

The straightened model is the last checkpoint of `python -m playground.training reflow`; it is
measured, not shipped. The same prompts and noise for every row.
"""

import functools
from collections.abc import Sequence

import numpy as np
import torch
from diffusers import SD3Transformer2DModel
from torch import Tensor

from playground.measuring import report
from playground.measuring.scores import mean_right
from playground.training import denoising, export, reflow
from playground.training.denoising import Given
from playground.training.device import choose
from playground.training.run import to_images
from playground.world import oracle

STEPS = (1, 2, 4, reflow.STEPS)  # of Euler; the last also measures the bend
COUNT, BATCH = 40, 50  # pictures of a cell, and of one call


def measure(count: int = COUNT) -> None:
    """Measure the exported flow model and the straightened one, and write both into its card."""
    run = reflow.last_run()
    facts, pairs = denoising.facts_of(run, reflow.PLAN), run.notes["pairs"]
    before, straight = export.load_flow().eval(), reflow.straightened(run)
    rows = [
        of_model(before, guidance, count) | {"guidance": guidance, "reflow": False}
        for guidance in (reflow.GUIDANCE, 1.0)
    ]
    rows.append(of_model(straight, 1.0, count) | {"guidance": 1.0, "reflow": True})
    trained = {name: facts[name] for name in ("minutes", "samples", "steps")}
    trained["device"] = "two CPU cores" if facts["device"] == "cpu" else facts["device"]
    found = {"rows": rows, "count": count, "pairs": pairs, "trained": trained}
    export.update_card(export.flow_folder(), reflow=found | report.environment())


@torch.inference_mode()
def of_model(transformer: SD3Transformer2DModel, guidance: float, count: int) -> dict:
    """The paths' mean bend, and by steps the mean over the thirteen cells of what is right."""
    frozen, judge, right = denoising.given(choose()), oracle.load(), {}
    bends: list[float] = []

    def drawn(prompts: Sequence[str], steps: int) -> np.ndarray:
        latents, bend = ends(transformer, frozen, prompts, guidance, steps)
        bends.append(bend)
        return to_images(torch.cat([frozen.vae.decode(part).sample for part in latents.split(8)]))

    for steps in STEPS:
        bends.clear()
        right[str(steps)] = mean_right(functools.partial(drawn, steps=steps), judge, count)
    return {"bend": round(float(np.mean(bends)), 4), "right": right}


def ends(
    transformer: SD3Transformer2DModel, frozen: Given, prompts: Sequence[str], guidance: float,
    steps: int,
) -> tuple[Tensor, float]:  # fmt: skip
    """Where the paths from the noise of seeds 0, 1, … end [n, 4, 16, 16], and their mean bend."""
    none = reflow.short(frozen.encode(frozen.tokens([""])))
    latents, bends = [], []
    for start in range(0, len(prompts), BATCH):
        texts = prompts[start : start + BATCH]
        seeds = [torch.Generator().manual_seed(start + i) for i in range(len(texts))]
        noise = torch.cat([torch.randn(1, 4, 16, 16, generator=seed) for seed in seeds])
        words = reflow.short(frozen.encode(frozen.tokens(texts)))
        end, velocities = reflow.path(transformer, noise, words, none, guidance, steps)
        latents.append(end)
        bends.append(reflow.bend(noise, end, velocities))
    return torch.cat(latents), float(np.mean(bends))
