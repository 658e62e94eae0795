"""The Guidance lens: look ahead at any w, sweep finished pictures, see why prompts are dropped."""

from dataclasses import asdict, dataclass

import gradio as gr

from playground.page import sections, surprises
from playground.page.grid import section as grid
from playground.page.grid.section import Grid
from playground.page.guidance import data, measured, own, sweeping, training
from playground.page.guidance.axis import AXES
from playground.page.guidance.views import filmstrip, lookahead
from playground.page.lens import Frame, Lens
from playground.page.panel import Panel
from playground.page.sections import Section
from playground.recipe import FIELDS

INTRO = (
    "Guidance draws every step from two predictions: ε = ε_u + w·(ε_c − ε_u). Slide w at any step "
    "of the picture you drew; nothing is sampled again."
)
SWEEP = (
    "### The finished pictures\n"
    "The same recipe and the same noise, once per value. Every picture that you draw joins the "
    "strip. With the consistency student, which needs one row a call, eight values of w follow "
    "prompt and seed while you type."
)
SWEEPERS = 4  # sweeps at the same time; the engine batches them with everybody's pictures


@dataclass(frozen=True)
class Guidance:
    """The views that follow the recipe's run, the sweep, and the visitor's own table."""

    views: dict[str, gr.HTML]
    sweep: Section
    table: own.Table
    reasons: dict[str, gr.Markdown]  # why parts do not fit the model
    grid: Grid

    def connect(self, panel: Panel, tab: gr.Tab) -> None:
        """Connect the sweep and the table to the panel's recipe."""
        self.sweep.connect(panel)
        self.table.connect(panel, tab)
        self.grid.connect(panel, tab)
        sections.follow(panel, self.reasons)
        axis, values = self.sweep.fields
        axis.input(
            offered, axis, values, queue=False, show_progress="hidden", api_visibility="private",
            preprocess=False,
        )  # fmt: skip


def offered(axis):
    """The values that are offered for a sweep of that field; what was typed stays without one."""
    return AXES[axis] if isinstance(axis, str) and axis in AXES else gr.skip()


def build(example: Frame) -> Guidance:
    """Lay out the lens inside the surrounding gradio context."""
    gr.Markdown(INTRO)
    reasons = {"lookahead": sections.reason("lookahead")}
    look = gr.HTML(example.get("lookahead"), **asdict(lookahead.VIEW), elem_id="lookahead")
    surprises.build("without words")
    gr.Markdown(SWEEP)
    with gr.Row(elem_classes="sweep"):
        labels = [(FIELDS[axis].metadata["label"], axis) for axis in AXES]
        axis = gr.Dropdown(
            labels, value="guidance", label="Sweep", scale=3, min_width=180, elem_id="sweep-axis"
        )
        values = gr.Textbox(
            AXES["guidance"], label=f"Values, at most {sweeping.MOST}", max_lines=1,
            scale=4, min_width=220, elem_id="sweep-values",
        )  # fmt: skip
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("sweep", "Draw the sweep")
    gr.Button(  # pressed by the page while one types
        "Follow the recipe at once", visible="hidden", elem_id="live-strip",
        elem_classes=["live-too", "over-w"],
    )  # fmt: skip
    strip = gr.HTML(example.get("filmstrip"), **asdict(filmstrip.VIEW), elem_id="filmstrip")
    sweep = Section(
        start, stop, [strip], filmstrip, sweeping.sweep, SWEEPERS, fields=(axis, values)
    )
    over_two = grid.build()
    measured.build()
    table = own.build()
    training.build()
    return Guidance(
        {"lookahead": look, "filmstrip": strip}, sweep, table,
        reasons | {"oracle": table.reason}, over_two,
    )  # fmt: skip


LENS = Lens("Guidance", build, of_run=lambda run, session, _: data.of_run(run, session))
