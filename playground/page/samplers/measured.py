"""All samplers' distance to the exact solution over many prompts, from the model card."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import gradio as gr

from playground.diffusion import samplers
from playground.diffusion.errors import slope as slope_of
from playground.models import specs
from playground.page import surprises
from playground.page.figures import charts, keeping, measures
from playground.page.samplers.views import errors
from playground.page.samplers.views.errors import Group, Point, Series
from playground.page.shared import curves, tradeoff
from playground.recipe import Recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RIVALS = ("ddim", "dpmpp_2m")  # who is ahead depends on guidance and calls: the text says where


def measured(found: dict) -> dict:
    """The chart's data from the model card's `solvers`."""
    scales = sorted({row["guidance"] for row in found["rows"]})
    groups = [_group(found, scale) for scale in scales]
    best = found["recommended"]
    return errors.chart(
        groups,
        f"{found['exact']} prompts; bars are one standard error. Recommended: "
        f"{samplers.get(best['sampler']).label} with {best['steps']} steps. {found['rule']}",
    )


def _group(found: dict, scale: float) -> Group:
    rows = [row for row in found["rows"] if row["guidance"] == scale]
    bound = found["bounds"][f"{scale:g}"]
    lines = {}
    for row in rows:
        point = Point(
            row["calls"], row["steps"], row["rmse"], row["psnr"], spread=row["rmse_error"]
        )
        lines.setdefault(row["sampler"], []).append(point)
    return Group(f"w = {scale:g}", bound, series(lines, bound), crossing(lines, bound))


def series(lines: dict[str, list[Point]], bound: float) -> list[Series]:
    """A line per sampler; its slope is fitted where the reference is known well enough."""
    found = []
    for name, points in lines.items():
        sampler, points = samplers.get(name), sorted(points, key=lambda p: p.calls)
        known = [(p.calls, p.latents) for p in points if p.latents > 2 * bound]
        slope = slope_of(*zip(*known, strict=True)) if len(known) > 1 else None
        found.append(Series(sampler.label, sampler.order, slope, points))
    return found


def crossing(lines: dict[str, list[Point]], bound: float) -> str:
    """Where the first order sampler is ahead of the second order one, in a sentence.

    Ahead by more than the reference's bound and one standard error of the difference.
    """
    if not all(name in lines for name in RIVALS):
        return ""
    first, second = ({p.calls: p for p in lines[name]} for name in RIVALS)
    slow, fast = (samplers.get(name).label for name in RIVALS)
    ahead = []
    for calls in sorted(set(first) & set(second)):
        one, other = first[calls], second[calls]
        margin = max(bound, (one.spread**2 + other.spread**2) ** 0.5)
        if other.latents - one.latents > margin:
            ahead.append(f"{calls} ({one.latents:.3g} against {other.latents:.3g})")
    if not ahead:
        return f"{slow} is clearly ahead of {fast} at no number of calls that was measured."
    at = ", ".join(ahead)
    return f"{slow}, of first order, is ahead of {fast}, of second order, at calls: {at}."


def stochastic(found: dict) -> dict:
    """The table of samplers that draw fresh noise, which do not approach one picture."""
    rows = found["stochastic"]
    named = [(f"{samplers.get(r['sampler']).label}, {r['calls']} calls", r) for r in rows]
    return tradeoff.table(
        "sampler", named,
        f"Each row: the same {rows[0]['count']} pictures at w = {rows[0]['guidance']:g}. Samplers "
        "with fresh noise are judged by what they draw, never by distance to one picture.",
    )  # fmt: skip


def fresh(found: dict) -> list[curves.Panel]:
    """The same as charts: measures against calls, a field for each sampler."""
    by: dict[str, list[curves.Point]] = {}
    for row in sorted(found["stochastic"], key=lambda row: row["calls"]):
        values = measures.values(row, tradeoff.COLUMNS)
        point = curves.Point(str(row["calls"]), row["calls"], values)
        by.setdefault(samplers.get(row["sampler"]).label, []).append(point)
    return [curves.Panel(f"{label}, calls", tuple(points)) for label, points in by.items()]


def figure(ask: Mapping) -> "Figure":
    """The chart that a browser shows, to keep."""
    measure = ask.get("measure")
    return charts.errors(
        errors.group_of(ask.get("group")), measure if isinstance(measure, str) else ""
    )


def build() -> None:
    """Lay out the section inside the surrounding gradio context, if there are numbers."""
    spec = specs.get(Recipe().model)
    found = spec.card.get("solvers")
    if not found:
        return
    gr.Markdown(f"### Error against calls, over {found['exact']} prompts, of {spec.label}")
    view = gr.HTML(measured(found), **asdict(errors.VIEW), elem_id="errors-measured")
    keeping.offer(view, figure, "latent-playground-errors")
    surprises.build("first order")
    with gr.Accordion("Samplers with fresh noise: score and diversity against calls", open=False):
        name = "latent-playground-fresh-noise"
        measures.build(fresh(found), tradeoff.COLUMNS, "", name, "stochastic-curves")
        table = tradeoff.folded(stochastic(found))
        gr.HTML(table, **asdict(tradeoff.VIEW), elem_id="errors-stochastic")
