"""The lecture's table for the visitor's own prompt: eight seeds at every w, read by the oracle."""

import html
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import gradio as gr
import numpy as np

from playground.engine.events import Failure, Picture
from playground.page import fits, sections, serving, together
from playground.page.guidance import measured, sweeping
from playground.page.guidance.axis import AXES
from playground.page.panel import Panel
from playground.page.sections import Section
from playground.page.shared import curves, tradeoff
from playground.recipe import FIELDS, Recipe
from playground.wording import counted, percent

SEEDS = 8  # pictures of every w: with and without words, one full call of the network
LAST_SEED = int(FIELDS["seed"].metadata["high"])
FRAME = 0.5  # seconds between two sentences about how far it is
SECTION = "measures"
MEASURERS = 2  # at the same time: one of them computes as much as a class of visitors
TEXT = (
    "### Your own prompt, measured\n"
    f"Your recipe with {SEEDS} seeds (its own and the next ones) at every w, read by the oracle: a "
    "small network that was trained on rendered scenes alone. One w is finished before the next "
    "one begins, so stopping keeps those that are there."
)


def plan(recipe: Recipe, text: str | None) -> list[list[Recipe]]:
    """The recipes of the pictures of each w in `text`; ValueError with a plain sentence."""
    recipe = serving.check(recipe)
    fits.require(recipe, "oracle")
    rows = sweeping.plan(recipe, "guidance", text)
    return [[replace(each, seed=seed) for seed in _seeds(recipe)] for each in rows]


def _seeds(recipe: Recipe) -> list[int]:
    """The recipe's and the next ones; after the last that there is comes 0."""
    return [(recipe.seed + i) % (LAST_SEED + 1) for i in range(SEEDS)]


def cost(recipe: Recipe, text: str | None) -> str:
    """What measuring would take, in one sentence; ValueError if it is impossible."""
    rows = plan(recipe, text)
    times = SEEDS * sum(together.rows(row[0]) for row in rows) / together.rows(recipe)
    return (
        f"{counted(len(rows), 'value')} × {SEEDS} seeds = {len(rows) * SEEDS} pictures, "
        f"{times:.0f} times the "
        "work of drawing the recipe's picture."
    )


def measure(recipe: Recipe, text: str | None, visitor: str | None = None) -> Iterator[dict]:
    """The table's data, row by row; raises ValueError before anything is drawn.

    Closing the generator stops it, and so does a new measurement of this visitor.
    """
    planned, asked = plan(recipe, text), time.monotonic()
    name, started, found = secrets.token_hex(4), time.perf_counter(), []
    for sentence in serving.getting_ready(planned[0][0]):
        yield tradeoff.message(f"{sentence} {cost(recipe, text)}", run=name)
    from playground.world import measures  # torch: not before the page is up

    measures.check(recipe.prompt, recipe.height, recipe.width)
    session, caption = serving.session(recipe.model, recipe.lora), _caption(recipe)
    whole = sum(together.rows(row[0]) for row in planned)
    done = shown = 0.0
    for number, row in enumerate(planned, 1):
        pictures, share = [], together.rows(row[0]) / whole
        with session.submit(row, visitor=visitor, section=SECTION, asked=asked) as run:
            for sentence in serving.waiting(run):
                yield tradeoff.message(sentence, run=name)
            for event in run:
                if isinstance(event, Failure):
                    raise ValueError(f"A picture at w = {row[0].guidance:g} failed: {event.reason}")
                if isinstance(event, Picture):
                    pictures.append(event.image)
                elif time.perf_counter() - shown > FRAME:
                    shown = time.perf_counter()
                    at = done + share * event.index / event.count
                    left = f", about {(shown - started) / at * (1 - at):.0f} s left" if at else ""
                    said = f"Drawing w = {row[0].guidance:g}, {number} of {len(planned)}{left}."
                    yield tradeoff.table("w", found, said, name, caption=caption)
        if len(pictures) < SEEDS:
            yield tradeoff.message("Another measurement of yours took over.", run=name)
            return
        done += share
        measured = measures.measure([recipe.prompt] * SEEDS, np.stack(pictures), SEEDS)
        found.append((f"{row[0].guidance:g}", measured))
    spent = time.perf_counter() - started
    said = (
        f"{len(found) * SEEDS} pictures in {spent:.0f} s. One picture more or less is "
        f"{percent(1 / SEEDS, 1)} of a row."
    )
    yield tradeoff.table("w", found, said, caption=caption)


def _caption(recipe: Recipe) -> str:
    """What the rows are measured on."""
    first, *_, last = _seeds(recipe)
    round_the_end = f" (after {LAST_SEED} comes 0)" if last < first else ""
    return f"“{recipe.prompt}”, seeds {first} to {last}{round_the_end}, {SEEDS} a row"


def frames(recipe: Recipe, text: str | None, visitor: str | None) -> Iterator[tuple]:
    """Of the table and, whenever a row is finished, of its charts."""
    rows = 0
    for table in measure(recipe, text, visitor):
        more = len(table.get("rows", ())) > rows
        rows += more
        yield tradeoff.folded(table), charted(table) if more else gr.skip()


def charted(table: dict) -> dict:
    """The rows of the table as charts."""
    keys = [column["key"] for column in table["columns"]]
    rows = [
        dict(zip(keys, row["values"], strict=True))
        | {"guidance": float(row["name"]), "count": SEEDS}
        for row in table["rows"]
    ]
    name = "latent-playground-own-w"
    panels = [measured.over_w(rows)]
    return curves.chart(panels, tradeoff.COLUMNS, table["caption"], name, figures=False)


@dataclass(frozen=True)
class Table:
    """The section, and the sentence on what measuring would take."""

    section: Section
    price: sections.Price
    reason: gr.Markdown  # why it does not fit the model

    def connect(self, panel: Panel, tab: gr.Tab) -> None:
        """Let a measurement begin from the panel's recipe, and say before what it costs."""
        self.section.connect(panel)

        def on_change(text, *recipe) -> str:
            try:
                return cost(panel.recipe(recipe), text)
            except ValueError as error:
                return html.escape(str(error))

        self.price.connect(panel, tab, self.section.fields, on_change)


def build() -> Table:
    """Lay out the section inside the surrounding gradio context."""
    gr.Markdown(TEXT)
    reason = sections.reason("oracle")
    with gr.Row(elem_classes="sweep"):
        values = gr.Textbox(
            AXES["guidance"], label=f"Values of w, at most {sweeping.MOST}", max_lines=1,
            scale=4, min_width=220, elem_id="own-values",
        )  # fmt: skip
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("own", "Measure")
    price = sections.price("own", cost(Recipe(), AXES["guidance"]))
    chart = gr.HTML(None, **asdict(curves.VIEW), elem_id="own-curves")
    view = gr.HTML(None, **asdict(tradeoff.VIEW), elem_id="own-table")
    section = Section(start, stop, [view, chart], tradeoff, frames, MEASURERS, fields=(values,))
    return Table(section, price, reason)
