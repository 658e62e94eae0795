"""The lecture's table of samplers, and the ways to tell a network something: as measured here."""

import json
from dataclasses import asdict

import gradio as gr

from playground.diffusion import samplers
from playground.models import specs
from playground.page.family.inside import WAYS
from playground.page.family.members import MEMBERS
from playground.page.shared import tradeoff
from playground.page.shared.tradeoff import Column
from playground.paths import ASSETS
from playground.recipe import Recipe
from playground.wording import between, counted, percent

TOLD = ASSETS / "conditioning.json"  # by `python -m playground.measuring conditioning`
LABELS = {member.model: member.label for member in MEMBERS}
TOY = (
    "A row of eight numbers; a prompt names three places in any order and the value of each, all "
    "others are 0. One small denoiser learns it three times. Concatenation and adaptive "
    "normalisation are told one vector, the mean of the words; cross-attention lets every place "
    "find its own word. For one fact about the whole picture, as t is, one vector is enough."
)
SAMPLING = (
    Column("calls", "network calls", "How often the network is asked for one picture (NFE)."),
    Column("rows", "rows", "Rows that the network computes for one picture."),
    Column("seconds", "seconds", "Of one picture, drawn alone."),
    Column("lenient", "asked-for is there", "Share of pictures in which the oracle finds all that "
           "the prompt names.", percent=True),
)  # fmt: skip
TELLING = (
    Column("parameters", "parameters", "Of the whole network, which is otherwise the same."),
    Column("right", "right", "Share of samples in which every value is where the words put it.",
           percent=True),
)  # fmt: skip


def sampling(found: dict) -> dict:
    """The table of samplers' data from the model card's `family`."""
    rows = [(_called(row), row) for row in found["rows"]]
    first, usual = found["rows"][0], found["rows"][1]
    times = first["seconds"] / usual["seconds"]
    fewest = min(row["count"] for row in found["rows"])
    most = max(row["count"] for row in found["rows"])
    few = next(row for row in found["rows"] if row["count"] == fewest)
    chance = ""
    if fewest != most:
        interval = between(few["lenient"], fewest)
        chance = (
            f" {_called(few)} drew only {counted(fewest, 'picture')} (95 % interval {interval}), "
            f"the others {most} each."
        )
    text = (
        f"w = {first['guidance']:g}, the same prompts and seeds. {samplers_of(first)} took "
        f"{times:.0f} times as long as {samplers_of(usual)}.{chance} Measured on "
        f"{found['machine']} with {counted(found['threads'], 'thread')}."
    )
    return tradeoff.table("sampler", rows, text, columns=SAMPLING)


def _called(row: dict) -> str:
    return f"{LABELS[row['model']]}: {samplers_of(row)}"


def samplers_of(row: dict) -> str:
    return f"{samplers.get(row['sampler']).label}, {counted(row['steps'], 'step')}"


def telling(found: dict) -> dict:
    """The toy's table, from TOLD."""
    rows = [(WAYS[row["way"]].label, row) for row in found["rows"]]
    best, count = max(found["rows"], key=lambda row: row["right"]), found["count"]
    text = (
        f"{WAYS[best['way']].label} is right most often: {percent(best['right'])} of "
        f"{counted(count, 'sample')} (95 % interval {between(best['right'], count)}). One training "
        f"each, of {counted(found['steps'], 'step')}."
    )
    return tradeoff.table("way", rows, text, columns=TELLING)


def build() -> None:
    """Lay out both tables inside the surrounding gradio context, as far as they were measured."""
    if TOLD.exists():
        gr.Markdown("### Three ways to tell a network something, measured on a toy\n" + TOY)
        table = telling(json.loads(TOLD.read_text(encoding="utf-8")))
        gr.HTML(table, **asdict(tradeoff.VIEW), elem_id="telling")
    gr.Markdown("### From a thousand calls to one")
    if found := specs.get(Recipe().model).card.get("family"):
        gr.HTML(sampling(found), **asdict(tradeoff.VIEW), elem_id="family-samplers")
    else:
        gr.Markdown("Not measured yet on this machine: `python -m playground.measuring family`.")
