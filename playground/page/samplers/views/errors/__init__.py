"""Error against network calls, both logarithmic: a line per sampler, its slope, and the bound."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)
MOST = 100  # series, points and letters of a label that a browser may hand back


@dataclass(frozen=True)
class Point:
    """`latents` and `picture` are RMSE (picture: of 255 levels), `psnr` decibels.

    `spread` is one standard error of `latents`, if it is a mean; `image` a data URL.
    """

    calls: int
    steps: int
    latents: float
    psnr: float
    picture: float | None = None
    spread: float = 0.0
    image: str | None = None


@dataclass(frozen=True)
class Series:
    """`order` is the stated accuracy order, `slope` the fitted one."""

    label: str
    order: int
    slope: float | None
    points: list[Point]


@dataclass(frozen=True)
class Group:
    """What is compared with one reference, which itself is known to `bound` (RMSE of latents)."""

    label: str
    bound: float
    series: list[Series]
    text: str
    image: str | None = None  # of the reference


def chart(groups: list[Group], text: str, share: float | None = None) -> dict:
    """`share` 0 … 1 of the work that is done, while it is done."""
    return {
        "kind": "chart",
        "groups": [asdict(group) for group in groups],
        "text": text,
        "share": share,
    }


def group_of(sent) -> Group:
    """A group that a browser hands back, without its pictures; ValueError for anything else."""
    try:
        lines = [_line(line) for line in sent["series"]]
        bound, label = float(sent["bound"]), str(sent["label"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError("The chart did not arrive: measure it again.") from error
    if len(lines) > MOST or any(len(line.points) > MOST for line in lines):
        raise ValueError("The chart that arrived is too large.")
    return Group(label[:MOST], bound, lines, "")


def _line(sent: Mapping) -> Series:
    slope = None if sent["slope"] is None else _positive(sent["slope"], least=-math.inf)
    points = [_point(point) for point in sent["points"]]
    return Series(str(sent["label"])[:MOST], int(sent["order"]), slope, points)


def _point(sent: Mapping) -> Point:
    picture = None if sent["picture"] is None else _positive(sent["picture"])
    return Point(
        int(sent["calls"]), int(sent["steps"]), _positive(sent["latents"]),
        _positive(sent["psnr"]), picture, _positive(sent["spread"]),
    )  # fmt: skip


def _positive(number, least: float = 0.0) -> float:
    value = float(number)
    if not (math.isfinite(value) and value >= least):
        raise ValueError(f"{number} is no measured value.")
    return value


def message(text: str, share: float | None = None, error: bool = False) -> dict:
    """Only a sentence; the chart stays as it is."""
    return {"kind": "message", "text": text, "share": share, "error": error}


def stopped() -> dict:
    return message("Stopped. What was measured stays.") | {"stopped": True}
