"""Markdown tables of how a hosted page bears visitors, from assets/hosting.json."""

import json
import statistics
from typing import Any

from playground.hosting import settings
from playground.measuring.tables import machine
from playground.paths import ASSETS

FIGURES = ASSETS / "hosting.json"
COMMAND = "`python -m playground.measuring {} http://127.0.0.1:7860`"


def figures() -> dict[str, Any]:
    return json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}


def load(_: dict) -> str:
    """Visitors who draw at the same time."""
    found = figures().get("load")
    if not found:
        return f"Not measured yet: {COMMAND.format('load')}."
    lines = [
        "| model | visitors | failed | pictures a second | knows how many are before "
        "| first preview | picture | slowest visitor : fastest | memory | threads | load |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for model, one in found.items():
        for row in one["rows"]:
            cells = [
                model, str(row["visitors"]),
                str(row["failed"]), f"{row['per_second']:.2f}", waited(row["told"]),
                waited(row["preview"]), waited(row["picture"]), f"{row['unfair'] or 0:.2f}",
                f"{row['megabytes'] / 1000:.1f} GB" if row.get("megabytes") else "–",
                str(row.get("threads", "–")), f"{row.get('busy', 0):.0f}",
            ]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    last = list(found.values())[-1]
    lines += [
        "",
        f"{last['each']} pictures each, the next one asked for when the last one is there; seconds "
        "of waiting are the median and what 95 % stay below. The first ones hardly wait for their "
        "first picture, so visitors' means differ even if all are served in turn. Load is how many "
        "processes wanted to run in the minute before, those that measured among them. Measured by "
        f"`python -m playground.measuring hosting`. {machine(last)}",
        *beside_each_other(figures().get("against")),
    ]
    return "\n".join(lines)


TOGETHER, STUDENT = 16, "emoji-world-lcm"


def beside_each_other(found: dict[str, Any] | None) -> list[str]:
    """How many pictures the student draws for one of the U-Net's when sixteen draw."""
    if not found:
        return []
    said = []
    for by, who in (("page", "visitors of the page"), ("API", "programs that ask the API")):
        times = [
            f"{statistics.median(ratios):.1f} times those of the U-Net with {steps} steps"
            for steps, ratios in found["ratios"][by].items()
        ]
        said.append(f"{TOGETHER} {who} get {' and '.join(times)}")
    rounds = len(next(iter(found["ratios"]["API"].values())))
    how = f"Medians of {rounds} rounds of both in turn, by {COMMAND.format('against')}."
    listed = "; ".join(said)
    return ["", f"From {STUDENT}, in pictures a second, {listed}. {how} {machine(found)}"]


def waited(seconds: list[float] | None) -> str:
    return "–" if seconds is None else f"{seconds[0]:.1f} / {seconds[1]:.1f} s"


def beside(_: dict) -> str:
    """A picture while others draw many."""
    found = figures().get("beside")
    if not found:
        return "Not measured yet: `python -m playground.measuring beside`."
    return (
        f"A picture of 15 steps took {found['beside']:.2f} s beside one visitor's sweep of 16 "
        "pictures of 100 steps and another one's race of 36 lanes, "
        f"{found['times']:.1f} times as long as alone ({found['alone']:.2f} s). Medians of "
        f"{found['rounds']}, measured by `python -m playground.measuring beside`. {machine(found)}"
    )


def soak(_: dict) -> str:
    """What stays after hundreds of visits."""
    found = figures().get("soak")
    if not found:
        return f"Not measured yet: {COMMAND.format('soak')}."
    before, after = found["before"], found["after"]
    lines = ["| | after warm-up | at the end |", "|---|---|---|"]
    for name in ("megabytes", "threads", "files", "kept"):
        lines.append(f"| {NAMES[name]} | {before[name]:,} | {after[name]:,} |")
    return "\n".join([*lines, "", f"{found['runs']} visits: {found['said']}. Measured by "
                      f"{COMMAND.format('soak')}. {machine(found)}"])  # fmt: skip


NAMES = {
    "megabytes": "memory, MB", "threads": "threads", "files": "open files",
    "kept": "uploaded files that are kept",
}  # fmt: skip


def all_settings(_: dict) -> str:
    """The settings, and what they are without any variable."""
    return settings.table()


def flood(_: dict) -> str:
    """What thousands of strangers who never listen leave behind."""
    found = figures().get("flood")
    if not found:
        return f"Not measured yet: {COMMAND.format('flood')}."
    taken, left = found["answers"].get("taken", 0), found["after"]["kept"] - found["before"]["kept"]
    return (
        f"{found['joins']:,} requests of as many strangers who never listened, and "
        f"{found['uploads']:,} uploads cut off: {taken:,} were taken and not computed, the others "
        f"refused. {left} files stayed; then a visitor drew in {found['picture']:.1f} s, "
        f"and the process had {found['after']['megabytes']:,} MB (before: "
        f"{found['before']['megabytes']:,} MB). Measured by {COMMAND.format('flood')}. "
        f"{machine(found)}"
    )


def opening(_: dict) -> str:
    """A class that opens the page at the same moment."""
    found = figures().get("opening")
    if not found:
        return f"Not measured yet: {COMMAND.format('opening')}."
    return (
        f"{found['visitors']} visitors who opened the page at the same moment had it after "
        f"{found['last']:.1f} s ({found['kilobytes'] / 1000:.1f} MB each, packed once for one "
        f"who came before them and waited {found['first']:.1f} s); when they came again, they "
        f"were told within {found['again']:.1f} s that it is still the same. Measured by "
        f"{COMMAND.format('opening')}. {machine(found)}"
    )


TABLES = {
    "opening": opening, "load": load, "beside": beside, "soak": soak, "flood": flood,
    "settings": all_settings,
}  # fmt: skip
