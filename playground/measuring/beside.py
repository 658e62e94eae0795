"""How long a single picture takes beside what other visitors have much of, against alone.

One visitor's sweep of 16 pictures of 100 steps and another one's race of 36 lanes are drawn all the
while. Figures go into assets/hosting.json, and from there into docs/hosting.md.
"""

import json
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from playground.engine.local import LocalSession
from playground.measuring import docs
from playground.measuring.load_tables import FIGURES
from playground.measuring.report import environment
from playground.measuring.speed import by_backend
from playground.recipe import Recipe

COUNT = 5
ONE = Recipe(steps=15)
SWEEP = [replace(ONE, steps=100, guidance=1.5 + n / 2) for n in range(16)]
RACE = [replace(ONE, steps=100, seed=n) for n in range(36)]


def measure(count: int = COUNT) -> None:
    """`count` pictures alone and as many beside; by the fastest backend."""
    session = next(iter(by_backend().values())).session
    found = compare(session, ONE, (SWEEP, RACE), count) | environment()
    print(found, flush=True)
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    FIGURES.write_text(json.dumps(known | {"beside": found}, indent=1) + "\n", encoding="utf-8")
    docs.write()


def compare(
    session: LocalSession, one: Recipe, others: Sequence[Sequence[Recipe]], count: int
) -> dict[str, float]:
    """Median seconds of a picture alone and beside the runs of `others`, a visitor each."""
    alone = _seconds(session, one, count)
    with ExitStack() as going:
        runs = [session.submit(run, visitor=f"other {n}") for n, run in enumerate(others)]
        for run in runs:
            next(iter(going.enter_context(run)))
        beside = _seconds(session, one, count)
        if not all(run.cells for run in runs):
            raise ValueError("The others ended too early to be measured beside.")
    return {"alone": round(alone, 3), "beside": round(beside, 3),
            "times": round(beside / alone, 2), "rounds": count}  # fmt: skip


def _seconds(session: LocalSession, one: Recipe, count: int) -> float:
    found = []
    for number in range(count):
        start = time.perf_counter()
        list(session.submit([replace(one, seed=1000 + number)], visitor="one"))
        found.append(time.perf_counter() - start)
    return statistics.median(found)
