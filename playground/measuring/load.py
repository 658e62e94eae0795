"""How a running page bears visitors: python -m playground.measuring load http://127.0.0.1:7860

One to 50 visitors draw pictures at the same time, each the next as soon as the last one is there.
Figures go into assets/hosting.json, and from there into docs/hosting.md.
"""

import asyncio
import json
import os
import statistics
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import psutil

from playground.measuring import docs
from playground.measuring.load_client import Drawn, Program, Visitor, opened
from playground.measuring.load_tables import FIGURES, STUDENT, TOGETHER, figures
from playground.measuring.report import environment
from playground.models import specs

VISITORS = (1, 4, 16, 50)
EACH = 5  # pictures
STEPS, MOST = 15, 20  # of the U-Net: the page's, and those that its scores are stated for
ROUNDS = 4  # of both models in turn
PAUSE = 0.25  # seconds between two looks at the server


def measure(
    url: str, count: int = EACH, model: str | None = None, api: bool = False,
    visitors: Sequence[int] = VISITORS,
) -> None:  # fmt: skip
    """`count` pictures a visitor, with the page's usual model, or a built-in one of that name; of
    programs that ask the `api` instead of the page.
    """
    rows = [asyncio.run(row(url, number, count, model, api)) for number in visitors]
    found = {"rows": rows, "each": count, "steps": STEPS} | environment()
    name = (model or f"U-Net, {STEPS} steps") + " by the API" * api
    _keep("load", figures().get("load", {}) | {name: found})


def against(url: str, count: int = EACH) -> None:
    """How many pictures the student draws for one of the U-Net's, by the page and by the API: both
    in turn, since a machine's speed changes while one measures.
    """

    def per_second(api: bool, model: str | None, steps: int = STEPS) -> float:
        each = count if model is None else 4 * count  # which take about as long
        return asyncio.run(row(url, TOGETHER, each, model, api, steps))["per_second"]

    ratios: dict[str, dict[str, list[float]]] = {"page": {}, "API": {}}
    for _ in range(ROUNDS):
        for by, found in ratios.items():
            student = per_second(by == "API", STUDENT)
            for steps in (STEPS, MOST):
                ratio = student / per_second(by == "API", None, steps)
                found.setdefault(str(steps), []).append(round(ratio, 2))
    _keep("against", {"ratios": ratios, "each": count} | environment())


def _keep(name: str, found: dict[str, Any]) -> None:
    text = json.dumps(figures() | {name: found}, indent=1)
    FIGURES.write_text(text + "\n", encoding="utf-8")
    docs.write()


async def row(
    url: str, visitors: int, each: int, model: str | None = None, api: bool = False,
    steps: int = STEPS,
) -> dict[str, Any]:  # fmt: skip
    """What so many visitors, or programs, meet who begin together."""
    changes = {"model": model, **specs.get(model).defaults} if model else {"steps": steps}

    async def visit(one: Visitor | Program, number: int) -> list[Drawn]:
        return [await one.draw(seed=1000 * number + n, **changes) for n in range(each)]

    watching, busy = asyncio.create_task(watched(url)), os.getloadavg()[0]
    async with opened(url) as (client, form):
        start = time.perf_counter()
        each_of_them = [Program(client) if api else Visitor(client, form) for _ in range(visitors)]
        pictures = await asyncio.gather(*map(visit, each_of_them, range(visitors)))
        spent = time.perf_counter() - start
    watching.cancel()
    found = summary(pictures, spent) | {"visitors": visitors, "busy": round(busy, 1)}
    found |= await watching
    print(found, flush=True)
    return found


def summary(pictures: Sequence[Sequence[Drawn]], spent: float) -> dict[str, Any]:
    """Of each visitor's pictures: failures, pictures a second, seconds of waiting."""
    flat = [drawn for mine in pictures for drawn in mine]
    done = [drawn for drawn in flat if not drawn.failed]
    means = [statistics.fmean(d.picture for d in mine if d.picture) for mine in pictures
             if any(d.picture for d in mine)]  # fmt: skip
    return {
        "failed": len(flat) - len(done),
        "reasons": sorted({drawn.failed for drawn in flat if drawn.failed})[:3],
        "per_second": round(len(done) / spent, 2),
        "told": percentiles([drawn.told for drawn in done]),
        "preview": percentiles([drawn.preview for drawn in done]),
        "picture": percentiles([drawn.picture for drawn in done]),
        "unfair": round(max(means) / min(means), 2) if means else None,
    }


def percentiles(seconds: Sequence[float | None]) -> list[float] | None:
    """The median, and what 95 % stay below."""
    known = sorted(s for s in seconds if s is not None)
    if not known:
        return None
    return [round(known[min(len(known) - 1, int(q * len(known)))], 2) for q in (0.5, 0.95)]


async def watched(url: str) -> dict[str, Any]:
    """Until it is cancelled: the most memory and threads of the server, if it is on this machine.

    Threads of the processes that a Ray cluster may have are not counted.
    """
    process, most = server(url), {"megabytes": 0.0, "threads": 0}
    try:
        while process:
            memory, threads = process.memory_info().rss / 1e6, process.num_threads()
            most["megabytes"] = max(most["megabytes"], round(memory))
            most["threads"] = max(most["threads"], threads)
            await asyncio.sleep(PAUSE)
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        pass
    return most if process else {}


def server(url: str) -> psutil.Process | None:
    """The process of this machine that listens at the address; None if there is none to be seen."""
    port = urlsplit(url).port or 80
    for process in psutil.process_iter():
        try:
            listening = process.net_connections("tcp")
        except psutil.Error:
            continue
        if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in listening):
            return process
    return None
