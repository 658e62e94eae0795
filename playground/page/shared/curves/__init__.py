"""Measured values against settings, with their 95 % intervals: a small chart for each field, of one
measure; where there is one field alone, a chart for each measure.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from playground.page.shared.tradeoff import Column
from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)


@dataclass(frozen=True)
class Value:
    """`low` and `high` are the ends of its 95 % interval, where one is known."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Point:
    """A setting: what it is called, its number if it has one, and its values by measure."""

    name: str
    at: float | None
    values: dict[str, Value]


@dataclass(frozen=True)
class Panel:
    """The settings of one field; `usual` names the one that is used if nothing is changed."""

    label: str
    points: tuple[Point, ...]
    usual: str = ""


def chart(
    panels: list[Panel], measures: tuple[Column, ...], text: str, name: str, figures: bool = True
) -> dict:
    """`name` is that of the file of all numbers; `figures` says whether the charts are kept too."""
    return {
        "panels": [asdict(panel) for panel in panels],
        "measures": [asdict(measure) for measure in measures],
        "text": text,
        "name": name,
        "figures": figures,
    }
