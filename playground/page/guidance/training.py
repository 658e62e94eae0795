"""The training side of guidance: tiny denoisers in the plane, and the real training step."""

import ast
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import gradio as gr

from playground.page import sections
from playground.page.guidance.views import toy
from playground.page.sections import Section
from playground.paths import ASSETS

TRAINED = ASSETS / "dropout.json"  # what `learn` ended with, for pages that do not train it
TEXT = (
    "Guidance needs ε_u, the prediction *without* words. The network only knows it if words were "
    "now and then dropped in training. Here three tiny denoisers learn the same points in the "
    "plane, from the same noise and first weights; the label is dropped 0 %, 10 % or 50 % of the "
    "time. If it never is, ε_u was never learned: compare w = 1, which needs none, and more."
)
RINGS = (
    "Rings are one, two and three spreads of the true points; “on its blobs” is inside of three."
)
SOURCE = Path(__file__).parents[2] / "training" / "unet.py"
STEP = "The training step of the model that draws here"
SHOWN = ("drop_prompts", "training_step")
LEARNERS = 2  # at the same time: it computes on the processors that draw


def source() -> str:
    """The functions SHOWN as they stand in the training's file, which is read, not imported."""
    text = SOURCE.read_text(encoding="utf-8")
    found = {f.name: f for f in ast.parse(text).body if isinstance(f, ast.FunctionDef)}
    return "\n\n\n".join(ast.get_source_segment(text, found[name]) for name in SHOWN)


def learn() -> Iterator[dict]:
    """The toy view's data: progress, then the clouds. Closing it stops the training."""
    yield toy.message("Getting ready …", share=0.0)
    from playground.toys import dropout as planes  # torch: not before the page is up

    started = time.perf_counter()
    for event in planes.learn():
        spent = time.perf_counter() - started
        if isinstance(event, planes.Progress):
            share = event.step / event.steps
            left = f", about {spent / share * (1 - share):.0f} s left" if share else ""
            yield toy.message(f"Learning, step {event.step} of {event.steps}{left}.", share)
        else:
            yield toy.finished(
                planes.DROPOUTS, planes.SCALES, event.samples.numpy(), event.found.numpy(),
                planes.centres().numpy(), planes.SPREAD,
                f"Learned {planes.STEPS} steps and sampled in {spent:.1f} s. {RINGS}",
            )  # fmt: skip


def build() -> None:
    """Lay out the section inside the surrounding gradio context, and connect it."""
    gr.Markdown("### Why training drops the prompt\n" + TEXT)
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("learn", "Train three tiny denoisers")
    view = gr.HTML(None, **asdict(toy.VIEW), elem_id="toy")
    Section(start, stop, [view], toy, lambda _: learn(), LEARNERS).connect()
    with gr.Accordion(STEP, open=False):
        gr.Code(source(), language="python", show_label=False, interactive=False)


def write() -> None:
    *_, finished = learn()
    TRAINED.write_text(
        json.dumps(finished | {"text": RINGS}), encoding="utf-8"
    )  # not how long it took once


if __name__ == "__main__":
    write()
