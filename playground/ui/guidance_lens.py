"""The Guidance lens: look ahead at any w, sweep finished pictures, see why prompts are dropped."""

from dataclasses import asdict, dataclass

import gradio as gr

from playground.recipe import FIELDS
from playground.ui import guidance_measured, guidance_own, guidance_training, sweeping
from playground.ui.recipe_panel import Panel
from playground.views import filmstrip, lookahead

INTRO = (
    "Guidance draws every step from two predictions: ε = ε_u + w·(ε_c − ε_u). Slide w at any step "
    "of the picture you drew; nothing is sampled again."
)
SWEEP = (
    "### The finished pictures\n"
    "The same recipe and the same noise, once per value. Pictures that you draw on the left join "
    "the strip."
)
SWEEPERS = 4  # sweeps at the same time; the engine batches them with everybody's pictures


@dataclass(frozen=True)
class Lens:
    """The views by name, and the widgets that start and stop a sweep."""

    views: dict[str, gr.HTML]
    axis: gr.Dropdown
    values: gr.Textbox
    start: gr.Button
    stop: gr.Button
    own: tuple  # widgets of the visitor's own table

    def connect(self, panel: Panel) -> None:
        """Let a sweep begin from the panel's recipe."""
        hidden = {"show_progress": "hidden", "api_visibility": "private"}
        view = self.views["filmstrip"]

        def on_sweep(axis: str, values: str, request: gr.Request, *recipe):
            try:
                yield from sweeping.sweep(panel.recipe(recipe), axis, values, request.session_hash)
            except ValueError as error:
                yield filmstrip.message(str(error), error=True)

        sweeping_now = gr.on(
            [self.start.click, self.values.submit],
            on_sweep, [self.axis, self.values, *panel.inputs], view,
            trigger_mode="multiple", concurrency_limit=SWEEPERS, **hidden,
        )  # fmt: skip
        self.stop.click(
            filmstrip.stopped, outputs=view, cancels=[sweeping_now], queue=False, **hidden
        )
        self.axis.input(
            lambda axis: sweeping.AXES[axis], self.axis, self.values, queue=False, **hidden
        )
        guidance_own.connect(panel, self.own)


def build(example: dict) -> Lens:
    """Lay out the lens inside the surrounding gradio context."""
    gr.Markdown(INTRO)
    look = gr.HTML(example.get("lookahead"), **asdict(lookahead.VIEW), elem_id="lookahead")
    gr.Markdown(SWEEP)
    with gr.Row(elem_classes="sweep"):
        labels = [(FIELDS[axis].metadata["label"], axis) for axis in sweeping.AXES]
        axis = gr.Dropdown(
            labels, value="guidance", label="Sweep", scale=3, min_width=180, elem_id="sweep-axis"
        )
        values = gr.Textbox(
            sweeping.AXES["guidance"], label=f"Values, at most {sweeping.MOST}", max_lines=1,
            scale=4, min_width=220, elem_id="sweep-values",
        )  # fmt: skip
        start = gr.Button(
            "Draw the sweep", variant="primary", scale=2, min_width=120, elem_id="sweep"
        )
        stop = gr.Button("Stop", scale=1, min_width=80, elem_id="sweep-stop")
    strip = gr.HTML(example.get("filmstrip"), **asdict(filmstrip.VIEW), elem_id="filmstrip")
    guidance_measured.build()
    own = guidance_own.build()
    guidance_training.build()
    return Lens({"lookahead": look, "filmstrip": strip}, axis, values, start, stop, own)
