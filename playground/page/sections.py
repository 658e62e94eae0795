"""A section of a lens that computes when asked: one button starts it, another one stops it."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import ModuleType

import gradio as gr

from playground.page import fits
from playground.page.panel import Panel
from playground.recipe import Recipe, RecipeError

PAUSE = 0.4  # seconds of waiting for a place after which a section says so


def start_button(name: str, label: str) -> gr.Button:
    return gr.Button(label, variant="primary", scale=2, min_width=120, elem_id=f"{name}-start")


def stop_button(name: str) -> gr.Button:
    return gr.Button("Stop", scale=1, min_width=80, elem_id=f"{name}-stop")


def buttons(name: str, label: str) -> tuple[gr.Button, gr.Button]:
    """Start and Stop, side by side in a row."""
    return start_button(name, label), stop_button(name)


@dataclass(frozen=True)
class Price:
    """What a section would cost. It is said anew when the tab is opened, when one of `fields`
    changes, and when the recipe has come to rest while the section is in sight: `panel.RESTS`.
    """

    text: gr.Markdown
    rested: gr.Button  # pressed by the page

    def connect(self, panel: Panel, tab: gr.Tab, fields: Sequence, cost: Callable) -> None:
        """`cost(*values of fields, *values of the recipe)` is the text."""
        gr.on(
            [tab.select, self.rested.click, *(one.change for one in fields)],
            cost, [*fields, *panel.inputs], self.text, queue=False, trigger_mode="always_last",
            preprocess=False,  # gradio would raise while a number is typed; a recipe says why
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip


def price(name: str, text: str = "") -> Price:
    rested = gr.Button("Say the price", visible="hidden", elem_classes="rested")
    return Price(gr.Markdown(text, elem_id=f"{name}-cost"), rested)


def asked(event: gr.EventData) -> dict:
    """What a view asks for; nothing if what arrived is not a set of named values."""
    return event._data if isinstance(event._data, dict) else {}


def typed(value) -> str:
    """What a text field was sent; empty for nothing."""
    return "" if value is None else str(value)


def chosen(values) -> list[str]:
    """What a list of choices was sent; RecipeError if it is no list of names."""
    values = [] if values is None else values
    if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
        raise RecipeError("What was chosen did not arrive: a list of names was expected.")
    return list(values)


def reason(part: str) -> gr.Markdown:
    """A line that says why a part of the page (see `fits.PARTS`) does not fit the model, if so."""
    text = fits.of(Recipe().model).why_not(part)
    return gr.Markdown(_not_here(text), visible=bool(text), elem_classes="refused")


def follow(panel: Panel, reasons: Mapping[str, gr.Markdown]) -> None:
    """Let the lines of these parts follow the panel's model."""

    def on_model(model: str):
        texts = [_not_here(fits.of(model).why_not(part)) for part in reasons]
        updates = [gr.update(value=text, visible=bool(text)) for text in texts]
        return updates if len(updates) > 1 else updates[0]

    panel.on_model(on_model, list(reasons.values()), queue=False)


def _not_here(text: str) -> str:
    return f"Not with this model: {text}" if text else ""


def _full(limit: int) -> str:
    who = "Another visitor is" if limit == 1 else f"{limit} others are"
    return f"{who} computing here; yours begins when one of them has ended …"


@dataclass(frozen=True)
class Section:
    """`frames(recipe, *values of fields, owner)` fill the views. Started again, the visitor's
    earlier run ends at its next frame. Fields other than text are handed over as they were sent.

    `words` is the module of the first view: it says what was refused, and that it was stopped.
    """

    start: gr.Button
    stop: gr.Button
    views: list[gr.HTML]
    words: ModuleType
    frames: Callable[..., Iterator]
    limit: int  # visitors at the same time; others are told that they wait
    fields: tuple[gr.components.Component, ...] = ()

    def connect(
        self, panel: Panel | None = None, others: Sequence[gr.events.Dependency] = ()
    ) -> gr.events.Dependency:
        """Connect it to the panel's recipe; without a panel `frames` get no recipe. `others` fill
        the same views: they end when this begins, and by Stop. Returns its own event.
        """
        hidden = {"show_progress": "hidden", "api_visibility": "private"}
        inputs = [*self.fields, *(panel.inputs if panel else ())]
        latest: dict[str | None, object] = {}  # every visitor's latest run
        places = threading.Semaphore(self.limit)

        def run(request: gr.Request, *values):
            own, rest = values[: len(self.fields)], values[len(self.fields) :]
            visitor, this, placed = request.session_hash, object(), False
            try:
                recipe = [panel.recipe(rest)] if panel else []
                given = [
                    typed(value) if isinstance(field, gr.Textbox) else value
                    for field, value in zip(self.fields, own, strict=True)
                ]
                latest[visitor] = this
                while not (placed := places.acquire(timeout=PAUSE)):
                    if latest.get(visitor) is not this:
                        return
                    yield {self.views[0]: self.words.message(_full(self.limit))}
                with closing(self.frames(*recipe, *given, visitor)) as frames:
                    yield next(frames)  # without any frame gradio would empty the views
                    for frame in frames:
                        if latest.get(visitor) is not this:
                            return
                        yield frame
            except ValueError as error:  # one sentence; the views stay as they are
                yield {self.views[0]: self.words.message(str(error), error=True)}
            finally:
                if placed:
                    places.release()
                if latest.get(visitor) is this:
                    del latest[visitor]

        entered = [f.submit for f in self.fields if isinstance(f, gr.Textbox)]
        running = gr.on(
            [self.start.click, *entered], run, inputs, self.views,
            trigger_mode="multiple",
            preprocess=False,  # it would answer a value that is not offered with a traceback
            **hidden,
        )  # fmt: skip
        self.stop.click(
            self.words.stopped, outputs=self.views[0], cancels=[running, *others],
            queue=False, **hidden,
        )  # fmt: skip
        if others:
            self.start.click(None, cancels=list(others), queue=False, **hidden)
        return running
