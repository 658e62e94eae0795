"""The words' view under the prompt, and what it asks of the server."""

import secrets
from dataclasses import asdict

import gradio as gr

from playground.page import serving
from playground.page.words import known, surprise, view

HIDDEN = {"show_progress": "hidden", "api_visibility": "private"}
READERS = 2  # prompts that are split into tokens at the same time
CLOSED = "How it splits these words into tokens is shown once the model is open."


def build(model: str) -> gr.HTML:
    """Lay it out inside the surrounding gradio context."""
    return gr.HTML(known.of(model), **asdict(view.VIEW), elem_id="words", padding=False)


def connect(panel, shown: gr.HTML, press_draw: str) -> None:
    """Let it follow the panel's model, and fill the prompt."""
    fields = panel.fields

    def on_describe(model, lora, event: gr.EventData):
        return described(model, lora, _asked(event, "prompt"))

    def on_surprise(event: gr.EventData):
        held_out = _asked(event, "held_out") is True
        return surprise.prompt(secrets.randbelow(2**32), held_out)

    panel.on_model(known.of, [shown], queue=False)
    shown.describe(
        on_describe, [fields["model"], fields["lora"]], shown, preprocess=False,
        trigger_mode="always_last", concurrency_limit=READERS, **HIDDEN,
    )  # fmt: skip
    shown.surprise(on_surprise, None, fields["prompt"], queue=False, **HIDDEN).success(
        None, js=press_draw
    )


def _asked(event: gr.EventData, name: str):
    """What the view says; nothing if what arrived is not a set of named values."""
    return event._data.get(name) if isinstance(event._data, dict) else None


def described(model, lora, prompt) -> dict:
    """How a model splits a prompt, if its session is open. A page may send anything."""
    prompt = prompt if isinstance(prompt, str) else ""
    try:
        session = serving.opened(model, lora if isinstance(lora, str) else "")
        if session is None:
            return view.unread(prompt, CLOSED)
        said = session.describe(prompt)
    except ValueError as error:  # no model, or an impossible weight
        return view.unread(prompt, str(error))
    return view.tokens(prompt, said.names, len(said.names), len(said.ids), said.cut)
