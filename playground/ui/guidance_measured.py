"""What guidance does to the standard prompts: the lecture's table, measured on our model."""

from dataclasses import asdict

import gradio as gr

from playground import zoo
from playground.recipe import Recipe
from playground.views import tradeoff


def measured(rows: list[dict]) -> dict:
    """The table's data from the model card's `guidance` rows: measures at each w."""
    named = [(f"{row['guidance']:g}", row) for row in rows]
    return tradeoff.table("w", named, _sentence(rows))


def _sentence(rows: list[dict]) -> str:
    """What the numbers say, and of what they are."""
    best = max(rows, key=lambda row: row["strict"])
    at_one = next(row for row in rows if row["guidance"] == 1)
    last = rows[-1]
    change = last["diversity"] / at_one["diversity"] - 1
    return (
        f"Each row: the same {best['count']} pictures of standard prompts, {Recipe().steps} steps. "
        f"The whole prompt is kept most often at w = {best['guidance']:g} "
        f"({best['strict']:.0%}; {at_one['strict']:.0%} at w = 1, "
        f"{last['strict']:.0%} at w = {last['guidance']:g}). From w = 1 to "
        f"{last['guidance']:g} the diversity changes by {change:+.0%}, saturation goes from "
        f"{at_one['saturation']:.0%} to {last['saturation']:.0%}."
    )


def build() -> None:
    """Lay out the section inside the surrounding gradio context, if there are numbers."""
    rows = zoo.get(Recipe().model).card.get("guidance")
    if not rows:
        return
    gr.Markdown("### What w does, measured")
    gr.HTML(measured(rows), **asdict(tradeoff.VIEW), elem_id="tradeoff")
