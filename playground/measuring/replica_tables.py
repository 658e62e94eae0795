"""Markdown tables of replicas and of what visitors need, from assets/hosting.json."""

import math
from typing import Any

from playground.measuring.load_tables import figures, waited
from playground.measuring.tables import machine
from playground.wording import counted

COMMAND = "`python -m playground.measuring replicas`"
NAMES = {
    "here": "in the page's process, a thread a core", "1": "1 replica of one thread",
    "2": "2 replicas of one thread each",
}  # fmt: skip
EVERY = 20  # seconds between two pictures of a visitor who looks at each
CROWDS = (30, 1000, 10_000)


def replicas(_: dict) -> str:
    """Replicas beside the engine of one process."""
    found = figures().get("replicas")
    if not found:
        return f"Not measured yet: {COMMAND}."
    lines = [
        "| engine | pictures a second | first preview | picture | failed | memory | load |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in found["rows"].items():
        memory = f"{row['replica']} MB each, Ray {row['ray']} MB" if "ray" in row else "–"
        cells = [NAMES[name], f"{row['per_second']:.2f}", waited(row["preview"]),
                 waited(row["picture"]), str(row["failed"]), memory,
                 f"{row['busy']:.0f}" if "busy" in row else "–"]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    killed, pair = found["killed"], found["rows"]["2"]
    lines += [
        "",
        f"{found['visitors']} visitors draw {found['each']} pictures each (U-Net, 15 steps, with "
        "word maps); seconds are the median and what 95 % stay below. Load is how many processes "
        "wanted to run in the minute before, our own preparations among them: above the number of "
        "cores, other work slows a row. Starting two replicas took "
        f"{pair['start']:.0f} s.",
        "",
        f"A replica killed while {killed['visitors']} visitors drew: {killed['lost']} of "
        f"{killed['visitors'] * found['each']} pictures lost. "
        f"{counted(killed['interrupted'], 'run')} interrupted, the last told so after "
        f"{killed['told']} s; from what undisturbed runs draw they differ by at most "
        f"{killed['away']} of 255. "
        f"Measured by {COMMAND}. {machine(found)}",
    ]
    return "\n".join(lines)


def capacity(_: dict) -> str:
    """How many replicas so many visitors need, on paper."""
    found = figures().get("replicas")
    if not found:
        return f"Not measured yet: {COMMAND}."
    rate, cpu = found["rows"]["1"]["per_second"], found["rows"]["2"]["page_cpu"]
    lines = ["| visitors | pictures a second | replicas of one core | of the page's process |",
             "|---|---|---|---|"]  # fmt: skip
    for visitors in CROWDS:
        wanted = visitors / EVERY
        lines.append(
            f"| {visitors:,} | {wanted:,.1f} | {math.ceil(wanted / rate):,} | "
            f"{_share(wanted * cpu)} |"
        )
    lines += [
        "",
        f"A replica of one core draws {rate:.2f} pictures a second (U-Net, 15 steps), so it bears "
        f"{rate:.2f} · {EVERY} = {rate * EVERY:.0f} visitors who draw every {EVERY} s. Passing one "
        f"picture's records on costs the page's process {1000 * cpu:.0f} ms; what its views then "
        "make of them comes on top.",
    ]
    return "\n".join(lines)


def _share(busy: float) -> str:
    """Of a core, that so many seconds of work a second need."""
    return f"{100 * busy:.0f} % of a core" if busy < 1 else f"{math.ceil(busy):,} processes"


TABLES: dict[str, Any] = {"replicas": replicas, "capacity": capacity}
