"""Draw the contact sheets, time drawing and loading, and write the documents' figures."""

import platform
import statistics
import sys
import time
from collections.abc import Callable

import torch

from playground.client import Playground
from playground.measuring import docs
from playground.measuring.scores import draw_all, pictures
from playground.models.load import load
from playground.paths import ASSETS
from playground.recipe import Recipe
from playground.training import export
from playground.training.run import save_sheet
from playground.training.sheets import HELD_OUT_PROMPTS, MORE_PROMPTS, PROMPTS

SHEET, SEEDS, COLUMNS, ROUNDS = PROMPTS + MORE_PROMPTS, (7, 8), 16, 7


def write() -> None:
    """Regenerate both sheets in assets/, the card's timings, and every document's figures."""
    usual = Recipe()
    loading = _seconds(lambda: load(usual.model))
    p = Playground(prepared=True)
    recipes = [Recipe(prompt=prompt, seed=s) for prompt in SHEET for s in SEEDS]
    (first,) = pictures(p, recipes[:1])  # warm-up
    one = statistics.median(_seconds(lambda: pictures(p, recipes[:1])) for _ in range(ROUNDS))
    sheet: list = []
    many = _seconds(lambda: sheet.append(draw_all(p, recipes)))
    save_sheet(ASSETS / "sheet.png", sheet[0], COLUMNS)
    new = [Recipe(prompt=prompt, seed=s) for prompt in HELD_OUT_PROMPTS for s in SEEDS]
    save_sheet(ASSETS / "held-out.png", draw_all(p, new), COLUMNS)
    export.update_card(
        timings={
            "sampler": usual.sampler, "steps": usual.steps, "guidance": usual.guidance,
            "network": " and ".join(first.networks), "picture": round(one, 3), "rounds": ROUNDS,
            "sheet": len(recipes), "of_sheet": round(many / len(recipes), 3),
            "loading": round(loading, 2),
            "gigabytes": gigabytes(),
        } | environment()
    )  # fmt: skip
    docs.write()


def gigabytes() -> float:
    """The memory peak of this process."""
    import resource  # Windows has none, and the rest of this file works there

    unit = 2**30 if sys.platform == "darwin" else 2**20  # macOS counts bytes, Linux kilobytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 2)


def environment() -> dict:
    """What seconds depend on besides the code."""
    return {
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "torch": torch.__version__,
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
