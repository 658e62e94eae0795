"""The Attention lens: every head of a run, a worked position, prompts edited by attention, and a
visitor's own picture.
"""

from dataclasses import asdict, dataclass, field

import gradio as gr

from playground.page import sections
from playground.page.attention import happened, reading, runs
from playground.page.attention.look import Look
from playground.page.attention.views import attention, edits, worked
from playground.page.lens import Frame, Lens
from playground.page.panel import Panel
from playground.page.sections import Section
from playground.page.shared import saved
from playground.recipe import Recipe

INTRO = (
    "Each spatial position of the latents asks with a query q, each token answers with a key k, "
    "and softmax(q·k/√d) says how much that position attends to that token. A map shows where "
    "attention went, not what caused the pixel; the edits below show what it does."
)
RECORDS = (
    "Records every head of every step: the same picture is drawn once more, in about the same time"
)
AT_FIRST = "What stands here at first is an example."
COST = f"{RECORDS}, and the page receives 1 to 7 MB. {AT_FIRST}"
WORKED = "### One position, worked out"
EDITS = (
    "### Edit the prompt through attention\n"
    "Prompt-to-Prompt (Hertz et al. 2022) on the picture above: the edited one starts from the "
    "same noise and, for a share of the steps, uses the attention of the original."
)
SHARES = "What the share of the steps does, measured"
EXAMPLE = Recipe(prompt="a red square", steps=10)
BEGINS = ("attention", "worked", "edits")  # views that a closer look fills again
LOOKING = 4  # visitors at the same time; the engine batches them with everybody's pictures


@dataclass(frozen=True)
class Attention:
    """Its own views by name, and the widgets that start and stop; none follows the recipe's run.

    `held` is the visitor's last look, from which files and worked positions derive.
    """

    shown: dict[str, gr.HTML]
    held: gr.State
    start: gr.Button
    stop: gr.Button
    own: Section
    reasons: dict[str, gr.Markdown]  # why parts do not fit the model
    views: dict[str, gr.HTML] = field(default_factory=dict)

    def connect(self, panel: Panel, tab: gr.Tab) -> None:
        """Let a closer look begin from the panel's recipe, and the views ask for more."""
        hidden = {"show_progress": "hidden", "api_visibility": "private"}
        queue = {"trigger_mode": "multiple", "concurrency_limit": LOOKING}
        views, held = self.shown, self.held

        def on_look(request: gr.Request, *values):
            try:
                for event in runs.closer(panel.recipe(values), request.session_hash):
                    if isinstance(event, Look):
                        frame = runs.finished(event)
                        yield *(frame[name] for name in BEGINS), event
                    else:
                        yield event, *[gr.skip()] * 3
            except ValueError as error:  # one sentence; the views stay as they are
                yield attention.message(str(error), error=True), *[gr.skip()] * 3

        def on_place(request: gr.Request, look: Look | None, event: gr.EventData):
            try:
                yield from _kept(runs.place(sections.asked(event), look, request.session_hash))
            except ValueError as error:
                yield worked.message(str(error), error=True), gr.skip()

        def on_keep(request: gr.Request, look: Look | None, event: gr.EventData):
            try:
                yield from _kept(runs.kept(sections.asked(event), look, request.session_hash))
            except ValueError as error:
                yield saved.message(str(error)), gr.skip()

        def on_edit(request: gr.Request, event: gr.EventData):
            try:
                yield from runs.edit(sections.asked(event), request.session_hash)
            except ValueError as error:
                yield edits.message(str(error), error=True)

        outputs = [*(views[name] for name in BEGINS), held]
        looking = self.start.click(
            on_look, panel.inputs, outputs, preprocess=False, **queue, **hidden
        )  # a recipe explains what gradio would answer with a traceback
        views["attention"].place(on_place, held, [views["worked"], held], **queue, **hidden)
        views["attention"].keep(on_keep, held, [views["saved"], held], **queue, **hidden)
        editing = views["edits"].edit(on_edit, None, views["edits"], **queue, **hidden)
        self.stop.click(
            lambda: (attention.stopped(), edits.stopped()),
            outputs=[views["attention"], views["edits"]],
            cancels=[looking, editing], queue=False, **hidden,
        )  # fmt: skip
        self.own.connect(panel)
        sections.follow(panel, self.reasons)


def _kept(events):
    """Without a look there is none to hold."""
    for shown, look in events:
        yield shown, gr.skip() if look is None else look


def build(example: Frame) -> Attention:
    """Lay out the lens inside the surrounding gradio context."""

    def put(name, view):
        return gr.HTML(example.get(name), **asdict(view.VIEW), elem_id=name)

    gr.Markdown(INTRO)
    with gr.Row(equal_height=True):
        start = gr.Button(
            "Look closer at the recipe’s picture", variant="primary", scale=3, min_width=200,
            elem_id="look-closer",
        )  # fmt: skip
        stop = gr.Button("Stop", scale=1, min_width=80, elem_id="look-stop")
    gr.Markdown(COST)
    views = {"attention": put("attention", attention), "saved": put("saved", saved)}
    gr.Markdown(WORKED)
    reasons = {"worked": sections.reason("worked")}
    views["worked"] = put("worked", worked)
    effect, table = happened.shares()
    gr.Markdown(f"{EDITS} {effect}")
    with gr.Accordion(SHARES, open=False):
        gr.Markdown(table)
    reasons["edits"] = sections.reason("edits")
    views["edits"] = put("edits", edits)
    own = reading.build(example.get("reading"))
    return Attention(views, gr.State(), start, stop, own, reasons)


def example() -> Frame:
    """What the lens shows on opening: the finished look at a picture, its middle worked out, and
    a picture that was read.
    """
    *_, look = runs.closer(EXAMPLE)
    return runs.finished(look) | {"reading": reading.example()}


LENS = Lens("Attention", build, example=example)
