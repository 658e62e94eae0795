"""Measured values as charts, as the page shows them."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.page.figures import files
from playground.page.samplers.views.errors import Group
from playground.page.shared.curves import Panel
from playground.page.shared.tradeoff import Column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEAR = 1.1  # numbers of calls that differ by less are not both named on the axis
ERRORS = {  # what of a point can be drawn, and what its axis is called
    "latents": "RMSE of final latents to the exact solution",
    "picture": "RMSE of the picture, of 255 levels",
    "psnr": "PSNR of the picture, dB",
}


def errors(group: Group, measure: str) -> "Figure":
    """Error against network calls, both logarithmic (decibels are already): a line per sampler with
    its standard errors; the shade is what the reference itself is off.
    """
    if measure not in ERRORS:
        raise ValueError(f"There is no measure {measure!r}; there are: {', '.join(ERRORS)}.")
    figure = files.new(7, 5)
    axes = figure.add_subplot()
    for colour, line in zip(files.COLOURS * 2, group.series, strict=False):
        points = [p for p in line.points if getattr(p, measure) is not None]
        if not points:
            continue
        bars = [p.spread for p in points] if measure == "latents" else None
        slope = "" if line.slope is None else f", slope −{line.slope:.1f}"
        axes.errorbar(
            [p.calls for p in points], [getattr(p, measure) for p in points], bars,
            color=colour, marker="o", markersize=4, linewidth=1.5, capsize=2,
            label=line.label + slope,
        )  # fmt: skip
    axes.set_xscale("log")
    calls = _ticks([p.calls for line in group.series for p in line.points])
    axes.set_xticks(calls, map(str, calls), fontsize=8)
    axes.minorticks_off()
    if measure != "psnr":
        axes.set_yscale("log")
    if measure == "latents" and group.bound > axes.get_ylim()[0]:
        bottom, top = axes.get_ylim()
        axes.axhspan(bottom, group.bound, color="#e5e7eb", zorder=0)
        axes.set_ylim(bottom, top)
    axes.set_xlabel("network calls")
    axes.set_ylabel(ERRORS[measure])
    axes.set_title(group.label, parse_math=False)
    axes.grid(True, color="#e5e7eb")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False)
    return figure


def _ticks(calls: list[int]) -> list[int]:
    """Those that most were measured at, so far apart that their numbers do not meet."""
    found: list[int] = []
    for call in sorted(set(calls), key=lambda call: (-calls.count(call), call)):
        if all(max(call, other) > NEAR * min(call, other) for other in found):
            found.append(call)
    return sorted(found)


def _ends(panels: Sequence[Panel], measure: Column) -> tuple[float, float | None]:
    """Of the axis of all panels: shares begin and end at whole tens around all intervals."""
    if not measure.percent:
        return 0.0, None
    found = [p.values[measure.key] for panel in panels for p in panel.points]
    low = min(v.value if v.low is None else v.low for v in found)
    high = max(v.value if v.high is None else v.high for v in found)
    first = math.floor(10 * low + 1e-9)
    return first / 10, max(math.ceil(10 * high - 1e-9), first + 1) / 10


def curves(panels: Sequence[Panel], measures: Sequence[Column]) -> "Figure":
    """A chart of every measure of every field. Numbers are joined by a line with its band, others
    are dots with bars.
    """
    shown = [(panel, measure) for panel in panels for measure in measures]
    columns = min(3 if len(panels) > 1 else 2, len(shown))
    rows = -(-len(shown) // columns)
    figure = files.new(4 * columns, 3 * rows)
    for number, (panel, measure) in enumerate(shown, 1):
        axes = figure.add_subplot(rows, columns, number)
        _curve(axes, panel, measure)
        axes.set_ylim(*_ends(panels, measure))
        axes.set_title(panel.label if len(panels) > 1 else measure.label, fontsize=10,
                       parse_math=False)  # fmt: skip
    title = measures[0].label if len(panels) > 1 else panels[0].label
    figure.suptitle(title, fontsize=11, parse_math=False)
    return figure


def _curve(axes: "Axes", panel: Panel, measure: Column) -> None:
    points = [point for point in panel.points if measure.key in point.values]
    values = [point.values[measure.key] for point in points]
    places, heights = range(len(points)), [value.value for value in values]
    numbers = all(point.at is not None for point in points)
    if all(value.low is not None for value in values):
        low, high = ([getattr(value, side) for value in values] for side in ("low", "high"))
        if numbers:
            axes.fill_between(places, low, high, color=files.COLOURS[0], alpha=0.2)
        else:
            axes.vlines(places, low, high, color=files.COLOURS[0], alpha=0.5)
    line, turned = ("-", 0) if numbers else ("none", 20)
    axes.plot(places, heights, linestyle=line, marker="o", markersize=4, color=files.COLOURS[0])
    axes.set_xticks(places, [point.name for point in points], fontsize=8, rotation=turned)
    axes.grid(True, axis="y", color="#e5e7eb")
    if measure.percent:
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
