"""The forward process: the visitor's picture, or one they upload, noised to any timestep."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import gradio as gr
from PIL import Image

from playground import zoo
from playground.recipe import Recipe, RecipeError
from playground.ui import drawing
from playground.ui.recipe_panel import Panel
from playground.views import noising

EVERY = 37  # timesteps between decoded pictures: 0, 37, …, 999
LARGEST = 50_000_000  # pixels of an upload
NOISERS = 4  # at the same time
TEXT = (
    "### The way there: noise on a picture\n"
    "Training shows the network pictures with noise: x_t = √ᾱ·x₀ + √(1 − ᾱ)·ε. The noise goes on "
    "the latents, so what is decoded at a large t is no noisy picture but what the decoder makes "
    "of noise."
)


def of_recipe(recipe: Recipe) -> Iterator[dict]:
    """The view's data for the picture of a recipe, which is drawn again."""
    recipe = drawing.check(recipe)
    yield noising.message("Drawing your recipe's picture …")
    engine = drawing.engine(recipe.model)
    with engine.submit([recipe]) as run:
        *_, last = run
    if hasattr(last, "reason"):
        raise RecipeError(f"This picture failed: {last.reason}")
    said = f"“{recipe.prompt or 'no words'}”, seed {recipe.seed}."
    yield _finished(engine.model, last.latents[None], recipe.seed, said)


def of_file(path: str, name: str) -> Iterator[dict]:
    """The view's data for an upload, its middle square made as large as the model of that name
    was trained for; ValueError if it is not a picture.
    """
    from playground import forward

    yield noising.message("Encoding your picture …")
    try:
        with Image.open(path) as image:
            if image.width * image.height > LARGEST:
                raise RecipeError("This picture is too large: at most 50 million pixels.")
            model, side = drawing.engine(name).model, zoo.get(name).side
            latents = forward.encode(model, image, side)
    except RecipeError:
        raise
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise RecipeError("This file is not a readable picture.") from error
    said = f"Your picture's middle, made {side}×{side}. The autoencoder knows its own small world."
    yield _finished(model, latents, 0, said)


def _finished(model, latents, seed: int, text: str) -> dict:
    import torch

    from playground import forward

    signals = forward.signals(model.scheduler_config)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed))
    times = range(0, len(signals), EVERY)
    mixed = torch.cat([forward.noised(latents, noise, signals[t]) for t in times])
    return noising.finished(
        latents[0].numpy(), noise[0].numpy(), model.preview_map.numpy(), signals,
        dict(zip(times, model.decode(mixed), strict=True)), text,
    )  # fmt: skip


@dataclass(frozen=True)
class Section:
    view: gr.HTML
    start: gr.Button
    opened: gr.UploadButton

    def connect(self, panel: Panel) -> None:
        hidden = {"show_progress": "hidden", "api_visibility": "private"}

        def told(frames) -> Iterator[dict]:
            try:
                yield from frames()
            except ValueError as error:
                yield noising.message(str(error), error=True)

        def on_start(*recipe):
            yield from told(lambda: of_recipe(panel.recipe(recipe)))

        def on_file(path: str):
            yield from told(lambda: of_file(path, Recipe().model))

        self.start.click(on_start, panel.inputs, self.view, concurrency_limit=NOISERS, **hidden)
        self.opened.upload(on_file, self.opened, self.view, concurrency_limit=NOISERS, **hidden)


def build() -> Section:
    """Lay out the section inside the surrounding gradio context."""
    gr.Markdown(TEXT)
    with gr.Row(elem_classes="sweep"):
        start = gr.Button(
            "Noise my picture", variant="primary", scale=2, min_width=120, elem_id="noising-start"
        )
        opened = gr.UploadButton(
            "Noise an upload", file_types=["image"], scale=1, min_width=120, elem_id="noising-file"
        )
    view = gr.HTML(None, **asdict(noising.VIEW), elem_id="noising")
    return Section(view, start, opened)
