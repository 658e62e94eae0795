"""The Attention lens: every head of a run, a place worked out, and prompts edited by attention."""

from dataclasses import asdict, dataclass

import gradio as gr

from playground.page.attention import keep, runs
from playground.page.attention.views import attention, edits, worked
from playground.page.panel import Panel
from playground.page.shared import saved

INTRO = (
    "Each place of the latent asks with a query q, each token answers with a key k, and "
    "softmax(q·k/√d) says how much that place listens to that token. A map shows where attention "
    "went, not what caused the pixel; the edits below show what it does."
)
COST = (
    "Records every head of every step: the same picture is drawn once more, in about the same "
    "time, and the page receives 1 to 7 MB. What stands here at first is an example."
)
WORKED = "### One place, worked out"
EDITS = (
    "### Edit the prompt through attention\n"
    "Prompt-to-Prompt (Hertz et al. 2022) on the picture above: the edited one starts from the "
    "same noise and, for a share of the steps, looks where the original looked."
)
LOOKING = 4  # visitors at the same time; the engine batches them with everybody's pictures


@dataclass(frozen=True)
class Lens:
    """The views by name, what the laboratory holds, and the widgets that start and stop."""

    views: dict[str, gr.HTML]
    held: gr.State
    start: gr.Button
    stop: gr.Button

    def connect(self, panel: Panel) -> None:
        """Let a closer look begin from the panel's recipe, and the views ask for more."""
        hidden = {"show_progress": "hidden", "api_visibility": "private"}
        queue = {"trigger_mode": "multiple", "concurrency_limit": LOOKING}
        views = self.views
        outputs = [*(views[name] for name in ("attention", "edits", "worked")), self.held]

        def on_look(request: gr.Request, *recipe):
            try:
                for frame in runs.closer(panel.recipe(recipe), request.session_hash):
                    view, kept, place = frame["attention"], gr.skip(), gr.skip()
                    if view["kind"] == "finished":
                        kept, place = view, runs.middle(view)
                    yield view, frame.get("edits", gr.skip()), place, kept
            except ValueError as error:  # one sentence; what was there stays
                yield attention.message(str(error), error=True), *[gr.skip()] * 3

        def on_place(event: gr.EventData):
            try:
                return runs.place(**event._data)
            except (TypeError, ValueError) as error:
                return worked.message(str(error), error=True)

        def on_edit(request: gr.Request, event: gr.EventData):
            try:
                yield from runs.edit(dict(event._data), request.session_hash)
            except (TypeError, ValueError) as error:
                yield edits.message(str(error), error=True)

        def on_keep(held: dict | None, event: gr.EventData):
            if not held:
                return saved.message("There is nothing to keep yet: look closer first.")
            try:
                return saved.file(*keep.file(str(event._data.get("kind")), held))
            except ValueError as error:
                return saved.message(str(error))

        looking = self.start.click(on_look, panel.inputs, outputs, **queue, **hidden)
        views["attention"].place(on_place, None, views["worked"], **queue, **hidden)
        views["attention"].keep(on_keep, self.held, views["saved"], **queue, **hidden)
        editing = views["edits"].edit(on_edit, None, views["edits"], **queue, **hidden)
        self.stop.click(
            lambda: (attention.stopped(), edits.stopped()),
            outputs=[views["attention"], views["edits"]],
            cancels=[looking, editing], queue=False, **hidden,
        )  # fmt: skip


def build(example: dict) -> Lens:
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
    views["worked"] = put("worked", worked)
    gr.Markdown(EDITS)
    views["edits"] = put("edits", edits)
    return Lens(views, gr.State(example.get("attention")), start, stop)


def example(recipe) -> dict[str, dict]:
    """What the lens shows on opening: the finished look at `recipe`, its middle worked out."""
    *_, frame = runs.closer(recipe)
    return frame | {"worked": runs.middle(frame["attention"])}
