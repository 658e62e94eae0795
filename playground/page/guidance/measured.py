"""What guidance does to the standard prompts: the lecture's table, measured on our model."""

from dataclasses import asdict

import gradio as gr

from playground.diffusion import guidance
from playground.models import specs
from playground.page import surprises
from playground.page.figures import measures
from playground.page.shared import tradeoff
from playground.page.shared.curves import Panel, Point
from playground.recipe import FIELDS, Recipe
from playground.wording import between, percent, points, wilson


def measured(rows: list[dict]) -> dict:
    """The table's data from the model card's `guidance` rows: measures at each w."""
    named = [(f"{row['guidance']:g}", row) for row in rows]
    return tradeoff.table("w", named, _sentence(rows))


def _sentence(rows: list[dict]) -> str:
    """What the numbers say, and of what they are."""
    most = max(row["strict"] for row in rows)
    best = [row for row in rows if row["strict"] == most]
    at_one = next(row for row in rows if row["guidance"] == 1)
    last, count = rows[-1], rows[0]["count"]
    least = min((row for row in rows if row["guidance"] >= 1), key=lambda row: row["diversity"])
    turn = ""
    if least is not last:
        turn = (
            f" and is {last['diversity']:.2f} at w = {last['guidance']:g}, where what was asked "
            f"for is there in {percent(last['lenient'])}"
        )
    return (
        f"Each row: the same {count} pictures of standard prompts, {Recipe().steps} steps. "
        f"The whole prompt is kept most often at w = "
        f"{' and '.join(format(row['guidance'], 'g') for row in best)} ({percent(most)}, 95 % "
        f"interval {between(most, count)}; {percent(at_one['strict'])} at w = 1, "
        f"{percent(last['strict'])} at w = {last['guidance']:g}). Diversity falls from "
        f"{at_one['diversity']:.2f} at w = 1 to {least['diversity']:.2f} at w = "
        f"{least['guidance']:g}{turn}. Saturation goes from "
        f"{percent(at_one['saturation'])} at w = 1 to {percent(last['saturation'])}."
    )


def variants(rows: list[dict]) -> dict:
    """The table's data from the model card's `variants`: one field of guidance at a time."""
    named = [(f"{FIELDS[row['field']].metadata['label']}: {_called(row)}", row) for row in rows]
    columns = (tradeoff.ROWS, *tradeoff.COLUMNS)
    return tradeoff.table(f"w = {Recipe().guidance:g}, and", named, _ends(rows), columns=columns)


def _called(row: dict) -> str:
    return guidance.called(row["field"], row["value"])


def _ends(rows: list[dict]) -> str:
    """Which end of the steps needs guidance: as many rows saved at the start and at the end."""
    by = {(row["field"], row["value"]): row for row in rows}
    late, early = by["guidance_start", 0.4], by["guidance_stop", 0.6]
    whole = by["guidance_start", 0.0]
    saved = whole["rows"] - late["rows"]
    low, high = _difference(early["lenient"], late["lenient"], whole["count"])
    if low <= 0 <= high:
        verdict = "Which end matters more, these pictures do not tell: that is within chance"
    else:
        verdict = f"For this model the {'first' if low > 0 else 'last'} steps matter more"
    return (
        f"What was asked for is there in {percent(whole['lenient'])} with guidance at every step, "
        f"in {percent(late['lenient'])} without it in the first 40 % of the steps, in "
        f"{percent(early['lenient'])} without it in the last 40 %; both save {saved} of "
        f"{whole['rows']} rows. {verdict} (95 % interval of the difference: "
        f"{points(low)} to {points(high)} points; {whole['count']} pictures a row)."
    )


def _difference(one: float, other: float, count: int) -> tuple[float, float]:
    """The 95 % interval of one − other, shares of `count` pictures each: from both shares' Wilson
    intervals (Newcombe 1998, Statistics in Medicine 17, 873, method 10).
    """
    (low, high), (low_of_other, high_of_other) = wilson(one, count), wilson(other, count)
    apart = one - other
    down = ((one - low) ** 2 + (high_of_other - other) ** 2) ** 0.5
    up = ((high - one) ** 2 + (other - low_of_other) ** 2) ** 0.5
    return apart - down, apart + up


MEASURES = (*tradeoff.COLUMNS, tradeoff.ROWS)


def panels(rows: list[dict]) -> list[Panel]:
    """The card's `variants` as charts: a panel a field, its settings in their order."""
    fields = list(dict.fromkeys(row["field"] for row in rows))
    return [
        Panel(
            FIELDS[name].metadata["label"],
            tuple(_point(row) for row in rows if row["field"] == name),
            guidance.called(name, FIELDS[name].default),
        )
        for name in fields
    ]


def _point(row: dict) -> Point:
    number = row["value"] if isinstance(row["value"], int | float) else None
    return Point(_called(row), number, measures.values(row, MEASURES))


def over_w(rows: list[dict], usual: str = "") -> Panel:
    """`guidance` rows, the card's or a visitor's, as one field with all measures."""
    points = tuple(
        Point(f"{row['guidance']:g}", row["guidance"], measures.values(row, tradeoff.COLUMNS))
        for row in rows
    )
    return Panel(FIELDS["guidance"].metadata["label"], points, usual)


def plotted(rows: list[dict]) -> list[Panel]:
    """The card's `guidance` as charts."""
    return [over_w(rows, f"{Recipe().guidance:g}")]


def build() -> None:
    """Lay out the section inside the surrounding gradio context, if there are numbers."""
    spec = specs.get(Recipe().model)
    card = spec.card
    if rows := card.get("guidance"):
        gr.Markdown(f"### What w does, measured with {spec.label}")
        measures.build(
            plotted(rows), tradeoff.COLUMNS, "", "latent-playground-w", "tradeoff-curves"
        )
        table = tradeoff.folded(measured(rows))
        gr.HTML(table, **asdict(tradeoff.VIEW), elem_id="tradeoff")
        surprises.build("saturation")
    if rows := card.get("variants"):
        with gr.Accordion("Guidance over time, rescale and guiders, measured", open=False):
            text, name = _ends(rows), "latent-playground-guidance"
            measures.build(panels(rows), MEASURES, text, name, "variants-curves")
            table = tradeoff.folded(variants(rows) | {"text": ""})
            gr.HTML(table, **asdict(tradeoff.VIEW), elem_id="variants")
