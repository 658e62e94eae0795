"""The Studio lens: the picture, the word explorer and the pipeline strip."""

from dataclasses import asdict

import gradio as gr

from playground.page.studio.views import explorer, pipeline


def build(example: dict) -> dict[str, gr.HTML]:
    """Lay out the lens inside the surrounding gradio context; its views, by name."""
    return {
        name: gr.HTML(example.get(name), **asdict(view.VIEW), elem_id=name)
        for name, view in (("explorer", explorer), ("pipeline", pipeline))
    }
