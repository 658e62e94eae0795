"""Links of a view that save what it shows as a figure."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import gradio as gr

from playground.page import sections
from playground.page.figures import files
from playground.page.shared import saved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAVERS = 2  # figures that are drawn at the same time


def offer(view: gr.HTML, draw: Callable[[Mapping], "Figure"], name: str) -> None:
    """Let the view's `keep` save a figure; `draw` makes it of what the view asks for, and raises
    ValueError for what it cannot.
    """
    out = gr.HTML(None, **asdict(saved.VIEW), elem_id=f"{view.elem_id}-saved")

    def on_keep(event: gr.EventData) -> dict:
        return kept(sections.asked(event), draw, name)

    view.keep(
        on_keep, None, out, concurrency_limit=SAVERS, show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip


def kept(ask: Mapping, draw: Callable[[Mapping], "Figure"], name: str) -> dict:
    """The file for the browser to save, or why there is none."""
    try:
        kind = files.known(ask.get("kind"))
        return saved.file(f"{name}.{kind}", files.content(draw(ask), kind))
    except ValueError as error:
        return saved.message(str(error))
