"""The grid as a section of a lens: two fields with their values, what it costs, the pictures."""

import html
from dataclasses import asdict, dataclass

import gradio as gr

from playground.page import sections
from playground.page.grid import drawing, files, plan, view
from playground.page.grid.axes import AXES, NONE
from playground.page.grid.plan import Ask
from playground.page.listed import HELP
from playground.page.panel import Panel
from playground.page.sections import Section
from playground.page.shared import saved

TEXT = (
    "### Two fields at once\n"
    "Your recipe with every combination of two lists; seeds are an axis like others, and with "
    f"“{NONE}” for rows it is a batch of seeds. {HELP} Where words are replaced, the list begins "
    "with what is looked for: cat, dog, panda. Of models, each draws with what it can do of your "
    "recipe, and a place that cannot be drawn says why."
)
DRAWERS = 4  # grids at the same time; the engine batches them with everybody's pictures
HIDDEN = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class Grid:
    section: Section
    cost: sections.Price
    files: gr.HTML

    def connect(self, panel: Panel, tab: gr.Tab) -> None:
        """Let it draw the panel's recipe, and say beforehand what that costs."""
        self.section.connect(panel)
        across, columns, down, rows = self.section.fields
        for field, values in ((across, columns), (down, rows)):
            field.input(offered, field, values, queue=False, preprocess=False, **HIDDEN)
        self.cost.connect(panel, tab, self.section.fields, lambda *values: cost(panel, values))
        (shown,) = self.section.views
        shown.keep(on_keep, None, self.files, concurrency_limit=DRAWERS, **HIDDEN)


def on_keep(event: gr.EventData) -> dict:
    try:
        said = sections.asked(event)
        finished = said.get("finished")
        made = files.file(Ask.from_dict(said), finished if isinstance(finished, int) else 0)
        return saved.file(*made)
    except ValueError as error:
        return saved.message(str(error))


def offered(field):
    """The values that are offered for a field; what was typed stays without one."""
    known = isinstance(field, str) and field in AXES and AXES[field].offered
    return known or gr.skip()


def cost(panel: Panel, values: tuple) -> str:
    """What the grid would cost, or why it cannot be drawn."""
    across, columns, down, rows, *recipe = values
    try:
        recipe = panel.recipe(tuple(recipe))
        columns, rows = sections.typed(columns), sections.typed(rows)
        return plan.cost(Ask(recipe, across, columns, down, rows))
    except ValueError as error:
        return html.escape(str(error))


def build() -> Grid:
    """Lay it out inside the surrounding gradio context."""
    gr.Markdown(TEXT)
    names = [(axis.label, axis.field) for axis in AXES.values()]

    def axis(label: str, choices: list, value: str, name: str) -> tuple[gr.Dropdown, gr.Textbox]:
        with gr.Row(elem_classes="sweep"):
            field = gr.Dropdown(
                choices, value=value, label=label, scale=2, min_width=150, elem_id=f"grid-{name}"
            )
            values = gr.Textbox(
                AXES[value].offered, label="Values", max_lines=2, scale=3, min_width=180,
                elem_id=f"grid-{name}-values",
            )  # fmt: skip
        return field, values

    across, columns = axis("Columns", names, "guidance", "across")
    down, rows = axis("Rows", [(NONE, NONE), *names], "seed", "down")
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("grid", "Draw the grid")
    price = sections.price("grid")
    shown = gr.HTML(None, **asdict(view.VIEW), elem_id="grid")
    kept = gr.HTML(None, **asdict(saved.VIEW), elem_id="grid-saved")
    fields = (across, columns, down, rows)
    section = Section(start, stop, [shown], view, drawing.draw, DRAWERS, fields)
    return Grid(section, price, kept)
