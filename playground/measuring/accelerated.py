"""Sweeps on an accelerator: networks as large as SD 1.5's and SDXL's in float16, random weights."""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from playground.engine.engine import Engine
from playground.engine.events import Failure
from playground.measuring import pairs, sizes
from playground.measuring.speed import SCALES
from playground.measuring.tiny import pipelines
from playground.recipe import Recipe

ROUNDS, STEPS, ENOUGH = 3, 20, 75  # `ENOUGH` seconds for the rounds of one network
OURS, MAPS, CALLS, BATCH = "ours", "maps", "calls", "batch"
NETWORKS = {
    "SD 1.5": (sizes.sd15, sizes.sd15_unet, 512),
    "SDXL": (sizes.sdxl, sizes.sdxl_unet, 1024),
}


def measure(device: str, rounds: int = ROUNDS) -> dict[str, Any]:
    """Seconds of a sweep of eight w in each way, by network; the decoder is a small one."""
    found = {}
    for name, (made, unet, side) in NETWORKS.items():
        torch.manual_seed(0)
        with torch.device(device):
            network = unet().half()
        pipeline = pairs.settled(made(network, pipelines.autoencoder()))
        for part in (pipeline.text_encoder, getattr(pipeline, "text_encoder_2", None)):
            if part is not None:
                part.half()
        pipeline.to(device)
        found[name] = {"side": side} | timed(ways(pipeline, side), rounds, device)
        print(name, found[name], flush=True)
        del network, pipeline
        torch.cuda.empty_cache()
    called = torch.cuda.get_device_name() if device == "cuda" else device
    return {"rows": found, "steps": STEPS, "device": called, "torch": torch.__version__}


def ways(pipeline: Any, side: int, steps: int = STEPS) -> dict[str, Callable[[], object]]:
    """Eight pictures of one prompt and noise at eight w: by our engine without and with word maps,
    by eight calls of the stock pipeline, and by one call of it for eight pictures of one w, which
    is all that it can do in a batch.
    """
    model = pairs.model_of(pipeline)
    one = Recipe("a photo of a red apple", sampler="euler", steps=steps, width=side, height=side)
    recipes = [replace(one, guidance=w) for w in SCALES]
    told = {"num_inference_steps": steps, "width": side, "height": side, "output_type": "np"}

    def ours(record: bool) -> None:
        for event in Engine(model).submit(recipes, record=record):
            if isinstance(event, Failure):
                raise RuntimeError(event.reason)

    def calls() -> None:
        for recipe in recipes:
            pipeline(recipe.prompt, guidance_scale=recipe.guidance, **told)

    return {
        OURS: lambda: ours(False),
        MAPS: lambda: ours(True),
        CALLS: calls,
        BATCH: lambda: pipeline([one.prompt] * len(recipes), guidance_scale=one.guidance, **told),
    }


def timed(
    ways: dict[str, Callable[[], object]], rounds: int, device: str, enough: float = ENOUGH
) -> dict[str, Any]:
    """Medians of seconds over rounds in each of which every way is timed once."""
    for work in ways.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    begin = time.perf_counter()
    for turn in range(rounds):
        for name in reversed(ways) if turn % 2 else ways:
            _wait(device)
            start = time.perf_counter()
            ways[name]()
            _wait(device)
            seconds[name].append(time.perf_counter() - start)
        if time.perf_counter() - begin > enough:
            break
    found = {name: round(statistics.median(each), 3) for name, each in seconds.items()}
    capture = statistics.median(b / a for a, b in zip(seconds[OURS], seconds[MAPS], strict=True))
    peak = torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else 0.0
    return found | {
        "capture": round(capture, 3), "rounds": len(seconds[OURS]), "gigabytes": round(peak, 1),
    }  # fmt: skip


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()
