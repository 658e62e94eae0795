"""Stable Diffusion 1.5 at its full size on this machine: seconds, memory, what word maps cost.

Each row is measured in a process of its own, so that its memory peak is its own. CPU seconds count:
what else the machine does changes them little.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from playground.attention.record import Watched
from playground.diffusion.levels import preserving
from playground.engine.backends.eager import Eager
from playground.measuring import package, pairs, sizes
from playground.models import device, specs
from playground.models.load import load
from playground.models.prompt import Condition

WORDS = "a photo of a red apple and a green pear"
KINDS, SIDES, ROUNDS = ("float32", "bfloat16"), (256, 512), 3
STOCK, OURS, MAPS, PACKAGE = "stock", "ours", "maps", "package"
Ways = dict[str, Callable[[], Tensor]]


def measure(rounds: int = ROUNDS, folder: str | None = None) -> dict[str, Any]:
    """All rows, and the seconds of loading; the checkpoint is written to a temporary folder and
    deleted. It takes 4.5 GB there (`folder`, if given, holds one that was written before), and
    about 5 GB of memory.
    """
    with tempfile.TemporaryDirectory() as place:
        if folder is None:
            _alone(write, folder := place)
        rows = []
        for kind in KINDS:
            for side in SIDES:
                rows.append(_alone(calls, folder, kind, side, rounds))
                print(rows[-1], flush=True)
        loading = {who: _alone(loading_seconds, folder, who) for who in (OURS, STOCK)}
    return {"rows": rows, "loading": loading}


def _alone(work: Callable, *arguments) -> Any:
    """What `work` returns in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def write(folder: str) -> None:
    torch.manual_seed(0)
    sizes.sd15().save_pretrained(folder, safe_serialization=True)


def calls(folder: str, kind: str, side: int, rounds: int) -> dict[str, Any]:
    """A row: one call of two rows, as one step of guidance makes it, in every way."""
    pipeline = pairs.loaded(folder, torch_dtype=getattr(torch, kind))
    found = compared(ways(pipeline, side), rounds)
    return {"dtype": kind, "side": side, "rounds": rounds} | found


@torch.inference_mode()
def ways(pipeline: StableDiffusionPipeline, side: int) -> Ways:
    """The same two rows asked of the U-Net by the stock pipeline, by us, by us with word maps of
    the conditional row, and inside the other tool's capture where it is installed.
    """
    model, unet = pairs.model_of(pipeline), pipeline.unet
    backend, level = Eager(model), preserving(0.5, 500.0)
    told = [Condition(model.encode(text)) for text in ("", WORDS)]
    watched = [Watched(1, told[1].prompt.columns)]
    latents = model.noise(torch.Generator().manual_seed(5), side, side).repeat(2, 1, 1, 1)
    inputs = latents.to(unet.dtype), level.t, torch.cat([c.prompt.embeds for c in told])

    def stock() -> Tensor:
        with torch.inference_mode():
            return unet(inputs[0], inputs[1], inputs[2].to(unet.dtype)).sample.float()

    def captured() -> Tensor:
        from attention_map_diffusers import AttentionCapture

        with AttentionCapture(pipeline) as capture:
            said = stock()
            capture.compute()
        return said

    found: Ways = {
        STOCK: stock,
        OURS: lambda: backend.ask(latents, [level] * 2, told).outputs,
        MAPS: lambda: backend.ask(latents, [level] * 2, told, watched).outputs,
    }
    return found | ({PACKAGE: captured} if package.installed() else {})


def compared(ways: Ways, rounds: int) -> dict[str, Any]:
    """Of each way the best seconds of rounds that take turns, because other work only adds; how
    far the answers differ; memory peaks.
    """
    answers, peaks = {}, {}
    for name, ask in ways.items():  # also the warm-up
        _forget_peak()
        answers[name] = ask()
        peaks[name] = _peak()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name in reversed(ways) if turn % 2 else ways:
            seconds[name].append(_seconds(ways[name]))
    found: dict[str, Any] = {
        name: {"cpu": round(min(cpu), 3), "wall": round(min(wall), 2)}
        for name, each in seconds.items()
        for cpu, wall in [zip(*each, strict=True)]
    }
    found["peak"] = {OURS: peaks[OURS], MAPS: peaks[MAPS]}
    found["difference"] = pairs.difference(answers[OURS].numpy(), answers[STOCK].numpy())
    found["unchanged"] = bool(torch.equal(answers[OURS], answers[MAPS]))
    against = {OURS: STOCK, MAPS: OURS, PACKAGE: STOCK}
    found["ratio"] = {
        name: round(found[name]["cpu"] / found[other]["cpu"], 3)
        for name, other in against.items() if name in ways
    }  # fmt: skip
    return found


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def _forget_peak() -> None:
    """Linux: count the peak anew, because loading maps whole files into memory for a moment."""
    if (file := Path("/proc/self/clear_refs")).exists():
        file.write_text("5", encoding="utf-8")


def _peak() -> float:
    """The process's memory peak in GB."""
    if (file := Path("/proc/self/status")).exists():
        lines = file.read_text(encoding="utf-8").splitlines()
        (line,) = (each for each in lines if each.startswith("VmHWM"))
        return round(int(line.split()[1]) * 1024 / 1e9, 2)
    import resource  # Windows has none

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9, 2)  # macOS: bytes


def loading_seconds(folder: str, who: str) -> dict[str, float]:
    """Of a folder that lies in the system's file cache, in the dtype that we choose here: the
    first time (ours fits a preview map, once per autoencoder), and again.
    """
    dtype = device.place(specs.get(folder).checkpoint.parameters, folder).dtype
    read = (
        (lambda: load(folder)) if who == OURS
        else lambda: StableDiffusionPipeline.from_pretrained(
            folder, torch_dtype=dtype, local_files_only=True
        )
    )  # fmt: skip
    first, again = _seconds(read), _seconds(read)
    return {"first": round(first[1], 1), "again": round(again[1], 1), "cpu": round(again[0], 1)}
