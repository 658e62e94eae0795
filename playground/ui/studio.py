"""The Studio lens: the picture, the word explorer and the pipeline strip."""

from dataclasses import asdict, dataclass

import gradio as gr

from playground.views import explorer, pipeline


@dataclass(frozen=True)
class Studio:
    explorer: gr.HTML
    pipeline: gr.HTML

    @property
    def outputs(self) -> list:
        return [self.explorer, self.pipeline]


def build(explorer_data: dict | None, pipeline_data: dict | None) -> Studio:
    """Lay out the lens inside the surrounding gradio context, showing what is given."""
    shown = gr.HTML(explorer_data, **asdict(explorer.VIEW), elem_id="explorer")
    strip = gr.HTML(pipeline_data, **asdict(pipeline.VIEW), elem_id="pipeline")
    return Studio(shown, strip)
