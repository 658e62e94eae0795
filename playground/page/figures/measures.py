"""Measured rows as charts: every measure with its 95 % interval, where one is known."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import gradio as gr

from playground.page.figures import charts, keeping
from playground.page.shared import curves
from playground.page.shared.curves import Panel, Value
from playground.page.shared.tradeoff import Column
from playground.wording import wilson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = ("lenient", "strict")  # of pictures
NORMAL = 1.96  # standard errors on both sides hold 95 %


def values(row: Mapping, measures: Sequence[Column]) -> dict[str, Value]:
    """Of a row of measures and of the `count` of pictures that they are of."""
    return {measure.key: _value(row, measure.key) for measure in measures}


def _value(row: Mapping, key: str) -> Value:
    """Saturation is no share of pictures. Of others than shares the interval is known if their
    standard error was measured.
    """
    value, spread = row[key], row.get(f"{key}_error")
    if key in SHARES:
        return Value(value, *wilson(value, row["count"]))
    if spread is None:
        return Value(value)
    return Value(value, max(0.0, value - NORMAL * spread), value + NORMAL * spread)


def figure(panels: Sequence[Panel], measures: Sequence[Column], ask: Mapping) -> "Figure":
    """The charts of the measure that a browser asks for, to keep; of one field those of all."""
    known = {measure.key: measure for measure in measures}
    wanted = ask.get("measure")
    if not isinstance(wanted, str) or wanted not in known:
        raise ValueError(f"There is no measure {wanted!r}; there are: {', '.join(known)}.")
    return charts.curves(panels, measures if len(panels) == 1 else [known[wanted]])


def build(
    panels: list[Panel], measures: tuple[Column, ...], text: str, name: str, element: str
) -> None:
    """The charts on the page; they and their numbers can be kept in files of this name."""
    chart = curves.chart(panels, measures, text, name)
    view = gr.HTML(chart, **asdict(curves.VIEW), elem_id=element)
    keeping.offer(view, lambda ask: figure(panels, measures, ask), name)
