"""What a lens is to the page: a tab that lays itself out, connects itself, and follows runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import gradio as gr

from playground.engine.record import RunRecord
from playground.engine.session import Session
from playground.page.panel import Panel

Frame = dict[str, dict]  # data for some of the page's views, by the view's name


class Built(Protocol):
    """A lens that is laid out; `views` are those that follow the recipe's run, by their names."""

    views: Mapping[str, gr.HTML]

    def connect(self, panel: Panel, tab: gr.Tab) -> None:
        """Connect the lens's own computations to the panel's recipe."""
        ...


def mirror(built: Built, views: Mapping[str, gr.HTML], tab: gr.Tab) -> None:
    """Let those of a lens's views that show once more what one of `views` shows follow it; the
    value goes from one to the other in the browser. Their `mirrors`: its name, and the view.
    """
    for name, again in getattr(built, "mirrors", ()):
        gr.on(
            [tab.select, views[name].change], None, views[name], again, js="(value) => value",
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip


def _nothing(*_) -> Frame:
    return {}


@dataclass(frozen=True)
class Lens:
    """`name` stands on its tab. `build` lays it out inside the surrounding gradio context, showing
    the example's data; `of_run(record, session, seconds)` is what its views show of a run that has
    just been drawn; `example` makes its part of what a visitor sees on opening. `style` and
    `script` are CSS and JavaScript of the whole page.
    """

    name: str
    build: Callable[[Frame], Built]
    of_run: Callable[[RunRecord, Session, float], Frame] = field(default=_nothing)
    example: Callable[[], Frame] = field(default=_nothing)
    style: str = ""
    script: str = ""
