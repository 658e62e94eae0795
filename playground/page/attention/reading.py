"""Your own picture: a file that is there already, read by the network with the visitor's words."""

import time
from collections.abc import Iterator
from dataclasses import asdict, replace

import gradio as gr

from playground.attention.summing import Aggregation
from playground.engine.events import Failure, Step
from playground.engine.record import RunRecord, records
from playground.models import pictures, specs
from playground.page import sections, serving
from playground.page.attention import data
from playground.page.attention.views import attention
from playground.page.sections import Section
from playground.paths import ASSETS
from playground.recipe import Recipe, RecipeError

NAME = "reading"
READERS = 4  # at the same time
TEXT = (
    "### Your own picture\n"
    "Open a picture (PNG, JPEG or WebP), type what is in it, and see which of its pixels each word "
    "would claim. The model does not draw here, it reads: the autoencoder encodes your picture, "
    "noise is added to the latents, and the network predicts it with your words, one call for each "
    "level of noise. The maps show how this model reads your picture, not how it was made. "
    "A model finds what it knows: the built-in one knows its emoji world, and little of a photo."
)
OURS = ASSETS / "own-picture.png"  # a scene that was rendered like those of the training
WORDS = "a blue star left of a unicorn at the beach"


def frames(
    recipe: Recipe, picture: object, words: str, visitor: str | None = None
) -> Iterator[dict]:
    """The view's data for a file that gradio received, read by the recipe's model.

    Raises ValueError with a plain sentence; closing it cancels the reading.
    """
    asked = time.monotonic()
    path = picture.get("path") if isinstance(picture, dict) else None
    if not isinstance(path, str):
        raise RecipeError("Choose a picture first: drop a file here, paste one or open one.")
    recipe = replace(recipe, prompt=words)  # says what is wrong with the words
    for sentence in serving.getting_ready(recipe):
        yield attention.message(sentence, 0.0)
    yield attention.message("Encoding your picture …", 0.0)
    spec, session = specs.get(recipe.model), serving.session(recipe.model, recipe.lora)
    if not session.describe(words).words:
        raise RecipeError("Type what is in the picture: without words there is nothing to find.")
    pixels, started = pictures.opened(path, spec.side), time.perf_counter()
    with session.read(
        pixels, words, how=Aggregation.of(spec.card), heads=True, visitor=visitor, section=NAME,
        asked=asked,
    ) as run:  # fmt: skip
        for sentence in serving.waiting(run):
            yield attention.message(sentence, 0.0)
        for event in records(session, run):
            if isinstance(event, Failure):
                raise RecipeError(f"This picture could not be read: {event.reason}")
            if isinstance(event, RunRecord):
                yield data.reading(event, recipe, pixels, time.perf_counter() - started)
            elif isinstance(event, Step):
                done = event.index + 1
                yield attention.message(f"Call {done} of {event.count}", done / event.count)


def build(example: dict | None) -> Section:
    """Lay out the section inside the surrounding gradio context."""
    gr.Markdown(TEXT)
    with gr.Row():
        picture = gr.Image(  # handed over as it was sent: `frames` opens the file itself
            str(OURS), type="filepath", sources=["upload", "clipboard"], buttons=[], height=210,
            label="Your picture", show_label=False, scale=1, min_width=200, elem_id="own-picture",
        )  # fmt: skip
        with gr.Column(scale=2, min_width=240):
            words = gr.Textbox(
                WORDS, label="What is in it", info="Only these words compete for its pixels.",
                lines=1, max_lines=4, elem_id="own-words",
            )  # fmt: skip
            with gr.Row(equal_height=True):
                start, stop = sections.buttons(NAME, "Read my picture")
    view = gr.HTML(example, **asdict(attention.VIEW), elem_id=NAME)
    return Section(start, stop, [view], attention, frames, READERS, (picture, words))


def example() -> dict:
    """What the section shows on opening: our own picture."""
    *_, last = frames(Recipe(), {"path": str(OURS)}, WORDS)
    return last
