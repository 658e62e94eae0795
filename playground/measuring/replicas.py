"""Replicas beside the engine of one process: python -m playground.measuring replicas

Visitors draw one picture after the other through a session, without a page in between. Then a
replica is killed while many draw. Figures go into assets/hosting.json, and from there into
docs/hosting.md. Needs Ray Serve: pip install '.[serve]'.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import psutil

from playground.engine.events import Failure, Picture, Step
from playground.engine.local import LocalSession, open_session
from playground.engine.session import Session
from playground.measuring import docs
from playground.measuring.kept import Kept
from playground.measuring.load import summary
from playground.measuring.load_client import Drawn
from playground.measuring.load_tables import FIGURES
from playground.measuring.report import environment
from playground.recipe import Recipe
from playground.replicas import starting

ONE = Recipe(steps=15)
EACH = 3  # pictures
VISITORS, MANY = 8, 20  # who draw at the same time; while a replica is killed
ASKS = 16  # each goes to a replica by chance: both are asked, but for once in 30,000 times
REPLICA = "ServeReplica"  # in the names of replicas' processes


def measure(count: int = EACH) -> None:
    """`count` pictures a visitor."""
    with Kept("replicas", count) as kept:
        rows = {"here": kept("here", lambda: here(count))}
        for number in (1, 2):
            rows[str(number)] = kept(str(number), lambda n=number: elsewhere(n, count))
        killed = kept("killed", lambda: under_fire(count))
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    found = {"rows": rows, "killed": killed, "visitors": VISITORS, "each": count}
    FIGURES.write_text(
        json.dumps(known | {"replicas": found | environment()}, indent=1) + "\n", encoding="utf-8"
    )
    docs.write()


def here(count: int) -> dict[str, Any]:
    """The engine in this process, with as many threads as there are cores."""
    return visited(_local(), VISITORS, count)


def elsewhere(number: int, count: int) -> dict[str, Any]:
    """So many replicas of one thread each."""
    start = time.perf_counter()
    cluster = starting.start(starting.Count(number, number), threads=1)
    try:
        session = cluster.session(ONE.model)
        began = time.perf_counter() - start
        prepare(session)
        cpu = time.process_time()
        found = visited(session, VISITORS, count)
        cpu = (time.process_time() - cpu) / (VISITORS * count)
        return found | memory() | {"start": round(began, 1), "page_cpu": round(cpu, 4)}
    finally:
        starting.stop()


def under_fire(count: int) -> dict[str, Any]:
    """One of two replicas is killed when a third of the pictures are there."""
    told: dict[str, float] = {}  # the visitor's latest picture: when it was said to be interrupted
    cluster = starting.start(
        starting.Count(2, 2), threads=1,
        tell=lambda _: told.setdefault(threading.current_thread().name, time.perf_counter()),
    )  # fmt: skip
    try:
        session, pictures = cluster.session(ONE.model), {}
        prepare(session)
        killed: list[float] = []

        def drawn(name: str, picture: Picture) -> None:
            pictures[name] = picture
            if len(pictures) > MANY * count // 3 and not killed:
                killed.append(time.perf_counter())
                os.kill(replicas()[0].pid, signal.SIGKILL)

        found = visited(session, MANY, count, drawn)
    finally:
        starting.stop()
    here = _local()
    return found | {
        "visitors": MANY,
        "lost": MANY * count - len(pictures),
        "interrupted": len(told),
        "told": round(max(told.values(), default=0) - killed[0], 2) if told else None,
        "away": max((_away(here, pictures[name]) for name in told if name in pictures), default=0),
    }


def visited(
    session: Session, visitors: int, each: int,
    heard: Callable[[str, Picture], object] = lambda *_: None,
) -> dict[str, Any]:  # fmt: skip
    """What so many visitors meet who begin together; `heard` is called with each picture and the
    name of the thread that waited for it.
    """

    def visit(number: int) -> list[Drawn]:
        found = []
        for n in range(each):
            threading.current_thread().name = f"{number}, {n}"
            found.append(_draw(session, number, replace(ONE, seed=1000 * number + n), heard))
        return found

    busy, start = os.getloadavg()[0], time.perf_counter()
    with ThreadPoolExecutor(visitors) as pool:
        pictures = list(pool.map(visit, range(visitors)))
    found = summary(pictures, time.perf_counter() - start) | {"busy": round(busy, 1)}
    print(found, flush=True)
    return found


def _draw(session: Session, visitor: int, recipe: Recipe, heard: Callable) -> Drawn:
    drawn, start = Drawn(), time.perf_counter()
    with session.submit([recipe], record=True, visitor=f"visitor {visitor}") as run:
        for event in run:
            now = time.perf_counter() - start
            if isinstance(event, Step):
                drawn.preview = drawn.preview or now
            elif isinstance(event, Picture):
                drawn.picture = now
                heard(threading.current_thread().name, event)
            elif isinstance(event, Failure):
                drawn.failed = event.reason
    if drawn.picture is None and not drawn.failed:
        drawn.failed = "no picture came"
    return drawn


def _away(session: Session, picture: Picture) -> int:
    """The largest difference of a pixel to the same recipe, undisturbed."""
    (again,) = (e for e in session.submit([picture.recipe]) if isinstance(e, Picture))
    return int(np.abs(again.image.astype(int) - picture.image).max())


def _local() -> LocalSession:
    session = open_session(ONE.model)
    session.prepare()
    session.practise()
    return session


def prepare(session: Any) -> None:
    """Wait for every replica's fastest backend, and let it draw a little."""
    for ask in [session.prepare] * ASKS + [session.practise] * ASKS:
        ask()


def replicas() -> Sequence[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if _named(p, REPLICA)]


def memory() -> dict[str, int]:
    """Resident megabytes of a replica, and of all that Ray needs besides."""
    mine, others = [], []
    for process in psutil.Process().children(recursive=True):
        (mine if _named(process, REPLICA) else others).append(process.memory_info().rss)
    return {"replica": round(max(mine) / 1e6), "ray": round(sum(others) / 1e6)}


def _named(process: psutil.Process, name: str) -> bool:
    return name in " ".join(process.cmdline())
