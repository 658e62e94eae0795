"""The forward process: the visitor's picture, or one they upload, noised to any timestep."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import gradio as gr
import numpy as np

from playground.diffusion import forward
from playground.engine.events import Failure, Picture
from playground.engine.session import Session
from playground.models import pictures, specs
from playground.page import fits, sections, serving
from playground.page.panel import Panel
from playground.page.samplers.views import noising
from playground.page.sections import Section
from playground.recipe import Recipe, RecipeError

EVERY = 37  # timesteps between decoded pictures: 0, 37, …, 999
TOGETHER = 7  # of these at a time, so that Stop is soon heard
DRAWN = 0.5  # share of the work: a usual run takes about as long as the 28 decoded pictures
NOISERS = 4  # at the same time
TEXT = (
    "### The forward process: noise on a picture\n"
    "Training shows the network pictures with noise: x_t = √ᾱ·x₀ + √(1 − ᾱ)·ε, and in rectified "
    "flow (1 − σ)·x₀ + σ·ε. The noise is added to the latents, so what is decoded at a large t is "
    "not a noisy picture but what the decoder makes of noise."
)


def of_recipe(recipe: Recipe, visitor: str | None = None) -> Iterator[dict]:
    """The view's data for the picture of a recipe, which is drawn again; closing it stops both."""
    asked, shown = time.monotonic(), 0.0
    recipe = serving.check(recipe)
    for sentence in serving.getting_ready(recipe):
        yield noising.message(sentence, 0.0)
    session, picture = serving.session(recipe.model, recipe.lora), None
    with session.submit([recipe], visitor=visitor, section="noising", asked=asked) as run:
        for sentence in serving.waiting(run):
            yield noising.message(sentence, 0.0)
        for event in run:
            if isinstance(event, Failure):
                raise RecipeError(f"This picture failed: {event.reason}")
            if isinstance(event, Picture):
                picture = event
            elif time.perf_counter() - shown > serving.FRAME:
                done = DRAWN * (event.index + 1) / event.count
                yield noising.message("Drawing your recipe's picture …", done)
                shown = time.perf_counter()
    if picture is None:
        yield noising.message("Another picture of yours took over.")
        return
    said = f"“{recipe.prompt or 'no words'}”, seed {recipe.seed}."
    noise = session.noise(recipe.seed, recipe.height, recipe.width)
    yield from _noised(session, picture.latents, noise, said, DRAWN)


def of_file(path: str | None, recipe: Recipe) -> Iterator[dict]:
    """The view's data for an upload, its middle square made as large as the recipe's model was
    trained for; PictureError if it is not a picture.
    """
    if not isinstance(path, str):
        raise RecipeError("No file arrived.")
    usual = fits.of(recipe.model).usual  # nothing is sampled: its own sampler is no matter
    recipe = serving.check(replace(usual, lora=recipe.lora))
    for sentence in serving.getting_ready(recipe):
        yield noising.message(sentence, 0.0)
    yield noising.message("Encoding your picture …", 0.0)
    session, side = serving.session(recipe.model, recipe.lora), specs.get(recipe.model).side
    latents = session.encode(pictures.opened(path, side))
    said = f"Your picture's middle, made {side}×{side}. The autoencoder knows its own small world."
    yield from _noised(session, latents, session.noise(0, side, side), said, 0.0)


def _noised(
    session: Session, latents: np.ndarray, noise: np.ndarray, text: str, share: float
) -> Iterator[dict]:
    """Decodes noised latents a few at a time, from `share` of the work on."""
    levels, decoded = forward.training_levels(session.facts.scheduler_config), {}
    chosen = levels[::EVERY]
    for first in range(0, len(chosen), TOGETHER):
        done = share + (1 - share) * first / len(chosen)
        yield noising.message("Decoding noised latents …", done)
        part = chosen[first : first + TOGETHER]
        images = session.decode(np.stack([level.mix(latents, noise) for level in part]))
        decoded |= {level.t: image for level, image in zip(part, images, strict=True)}
    yield noising.finished(latents, noise, session.facts.preview_map, levels, decoded, text)


@dataclass(frozen=True)
class Noising:
    """The section, and the button that opens a file instead."""

    section: Section
    opened: gr.UploadButton

    def connect(self, panel: Panel) -> None:
        (view,) = self.section.views

        def on_file(path: str | None, model, lora) -> Iterator[dict]:
            try:
                yield from of_file(path, Recipe(model=model, lora=lora or ""))
            except ValueError as error:
                yield noising.message(str(error), error=True)

        uploaded = self.opened.upload(
            on_file, [self.opened, panel.fields["model"], panel.fields["lora"]], view,
            trigger_mode="multiple", concurrency_limit=NOISERS, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip
        running = self.section.connect(panel, others=[uploaded])
        self.opened.upload(None, cancels=[running], queue=False, api_visibility="private")


def build() -> Noising:
    """Lay out the section inside the surrounding gradio context."""
    gr.Markdown(TEXT)
    with gr.Row(equal_height=True):
        start = sections.start_button("noising", "Noise my picture")
        opened = gr.UploadButton(
            "Noise an upload", file_types=["image"], scale=1, min_width=120, elem_id="noising-file"
        )
        stop = sections.stop_button("noising")
    view = gr.HTML(None, **asdict(noising.VIEW), elem_id="noising")
    noised = Section(start, stop, [view], noising, of_recipe, NOISERS)
    return Noising(noised, opened)
