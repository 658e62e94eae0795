"""Error against network calls, both logarithmic: a line per sampler, its slope, and the bound."""

from dataclasses import asdict, dataclass
from pathlib import Path

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)


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


def message(text: str, share: float | None = None, error: bool = False) -> dict:
    """Only a sentence; the chart stays as it is."""
    return {"kind": "message", "text": text, "share": share, "error": error}


def stopped() -> dict:
    return message("Stopped. What was measured stays.") | {"stopped": True}
