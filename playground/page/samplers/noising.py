"""The forward process: the visitor's picture, or one they upload, noised to any timestep."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import gradio as gr
from PIL import Image

from playground.models import specs
from playground.page import sections, serving
from playground.page.panel import Panel
from playground.page.samplers.views import noising
from playground.page.sections import Section
from playground.recipe import Recipe, RecipeError

EVERY = 37  # timesteps between decoded pictures: 0, 37, …, 999
LARGEST = 50_000_000  # pixels of an upload
TOGETHER = 7  # of these at a time, so that Stop is soon heard
DRAWN = 0.5  # share of the work: a usual run takes about as long as the 28 decoded pictures
NOISERS = 4  # at the same time
TEXT = (
    "### The way there: noise on a picture\n"
    "Training shows the network pictures with noise: x_t = √ᾱ·x₀ + √(1 − ᾱ)·ε. The noise goes on "
    "the latents, so what is decoded at a large t is no noisy picture but what the decoder makes "
    "of noise."
)


def of_recipe(recipe: Recipe) -> Iterator[dict]:
    """The view's data for the picture of a recipe, which is drawn again; closing it stops both."""
    recipe = serving.check(recipe)
    yield noising.message("Getting ready …", 0.0)
    from playground.engine.cells import Failure, Step

    engine, shown = serving.engine(recipe.model), 0.0
    with engine.submit([recipe]) as run:
        for event in run:
            if isinstance(event, Failure):
                raise RecipeError(f"This picture failed: {event.reason}")
            if isinstance(event, Step) and time.perf_counter() - shown > serving.FRAME:
                done = DRAWN * (event.index + 1) / event.count
                yield noising.message("Drawing your recipe's picture …", done)
                shown = time.perf_counter()
    said = f"“{recipe.prompt or 'no words'}”, seed {recipe.seed}."
    yield from _noised(engine.model, event.latents[None], recipe.seed, said, DRAWN)


def of_file(path: str, name: str) -> Iterator[dict]:
    """The view's data for an upload, its middle square made as large as the model of that name
    was trained for; ValueError if it is not a picture.
    """
    from playground.diffusion import forward

    yield noising.message("Encoding your picture …", 0.0)
    model, side = serving.engine(name).model, specs.get(name).side
    try:
        with Image.open(path) as image:
            if image.width * image.height > LARGEST:
                raise RecipeError("This picture is too large: at most 50 million pixels.")
            latents = forward.encode(model, image, side)
    except RecipeError:
        raise
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise RecipeError("This file is not a readable picture.") from error
    said = f"Your picture's middle, made {side}×{side}. The autoencoder knows its own small world."
    yield from _noised(model, latents, 0, said, 0.0)


def _noised(model, latents, seed: int, text: str, share: float) -> Iterator[dict]:
    """Decodes noised latents a few at a time, from `share` of the work on."""
    import torch

    from playground.diffusion import forward

    signals = forward.signals(model.scheduler_config)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed))
    times, decoded = range(0, len(signals), EVERY), {}
    for first in range(0, len(times), TOGETHER):
        done = share + (1 - share) * first / len(times)
        yield noising.message("Decoding noised latents …", done)
        part = times[first : first + TOGETHER]
        mixed = torch.cat([forward.noised(latents, noise, signals[t]) for t in part])
        decoded |= dict(zip(part, model.decode(mixed), strict=True))
    yield noising.finished(
        latents[0].numpy(), noise[0].numpy(), model.preview_map.numpy(), signals, decoded, text
    )


@dataclass(frozen=True)
class Noising:
    """The section, and the button that opens a file instead."""

    section: Section
    opened: gr.UploadButton

    def connect(self, panel: Panel) -> None:
        (view,) = self.section.views

        def on_file(path: str) -> Iterator[dict]:
            try:
                yield from of_file(path, Recipe().model)
            except ValueError as error:
                yield noising.message(str(error), error=True)

        uploaded = self.opened.upload(
            on_file, self.opened, view,
            concurrency_limit=NOISERS, show_progress="hidden", api_visibility="private",
        )  # fmt: skip
        self.section.connect(panel, also_stops=(uploaded,))


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
    noised = Section(start, stop, [view], noising, lambda recipe, _: of_recipe(recipe), NOISERS)
    return Noising(noised, opened)
