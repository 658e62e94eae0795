"""The Studio lens: the picture, the word explorer and the pipeline strip."""

from dataclasses import asdict, dataclass

import gradio as gr

from playground.page import surprises
from playground.page.lens import Frame, Lens
from playground.page.panel import Panel
from playground.page.studio import data
from playground.page.studio.views import explorer, pipeline


@dataclass(frozen=True)
class Studio:
    views: dict[str, gr.HTML]

    def connect(self, panel: Panel, tab: gr.Tab) -> None:
        """Its views follow the recipe's run; it computes nothing of its own."""


def build(example: Frame) -> Studio:
    views = {
        name: gr.HTML(example.get(name), **asdict(view.VIEW), elem_id=name)
        for name, view in (("explorer", explorer), ("pipeline", pipeline))
    }
    surprises.build("padding")
    return Studio(views)


LENS = Lens("Studio", build, of_run=lambda run, _, seconds: data.finished(run, seconds))
# While one types: the picture alone, without the oracle's verdict.
TYPING = Lens("Studio", build, of_run=lambda run, _, seconds: data.typed(run, seconds))
