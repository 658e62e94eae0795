"""The page: the recipe on the left, the lenses on the right."""

import json
from pathlib import Path

import gradio as gr

from playground.recipe import QUERY_KEY, Recipe
from playground.ui import recipe_panel, studio
from playground.ui.drawing import EXAMPLE, draw
from playground.views import explorer

TITLE = "Latent Playground"
INTRO = (
    "# Latent Playground\n"
    "See how latent diffusion listens to words: draw, slide guidance, then hover a word to see "
    "its pixels and a pixel to see its words."
)
CSS = (Path(__file__).parent / "page.css").read_text()
VISITORS = 16  # who may draw at the same time; the engine batches them
FONTS = ["system-ui", "sans-serif"]  # nothing is fetched from elsewhere


def theme() -> gr.themes.Base:
    return gr.themes.Soft(primary_hue="indigo", font=FONTS, font_mono=["ui-monospace", "monospace"])


def build() -> gr.Blocks:
    example = json.loads(EXAMPLE.read_text()) if EXAMPLE.exists() else {}
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        gr.Markdown(INTRO)
        with gr.Row(elem_id="workbench"):
            with gr.Column(scale=2, min_width=320, elem_id="recipe"):
                panel = recipe_panel.build(Recipe())
            with gr.Column(scale=5, min_width=320):
                with gr.Tab("Studio"):
                    lens = studio.build(example.get("explorer"), example.get("pipeline"))
        _wire(page, panel, lens)
    return page


def _wire(page: gr.Blocks, panel: recipe_panel.Panel, lens: studio.Studio) -> None:
    def on_draw(*values):
        yield from _shown(lambda: panel.recipe(values))

    def on_link(request: gr.Request):
        """Fill the panel from `?r=`; without it, the example stays."""
        query = request.query_params.get(QUERY_KEY)
        return _filled(lambda: Recipe.from_query(query)) if query else nothing

    def on_file(path: str):
        return _filled(lambda: Recipe.from_png(path))

    def _filled(read) -> list:
        try:
            return [*panel.updates(read()), gr.skip()]
        except ValueError as error:
            return [*nothing[:-1], explorer.message(str(error), error=True)]

    nothing = [gr.skip()] * (len(panel.inputs) + 1)
    hidden = {"show_progress": "hidden", "api_visibility": "private"}
    filling = {"outputs": [*panel.inputs, lens.explorer], **hidden}
    drawing = {
        "fn": on_draw, "inputs": panel.inputs, "outputs": lens.outputs, "concurrency_id": "draw",
        "concurrency_limit": VISITORS, "trigger_mode": "always_last", **hidden,
    }  # fmt: skip
    linked = page.load(on_link, **filling)
    filled = panel.opened.upload(on_file, panel.opened, **filling)
    events = [changed(**drawing) for changed in panel.changed]
    events += [event.success(**drawing) for event in (filled,)]
    events.append(
        linked.success(_if_linked(on_draw), **{k: v for k, v in drawing.items() if k != "fn"})
    )
    panel.stop.click(
        lambda: explorer.message("Stopped."),
        outputs=lens.explorer,
        cancels=events,
        queue=False,
        **hidden,
    )


def _if_linked(on_draw):
    def maybe(request: gr.Request, *values):
        if request.query_params.get(QUERY_KEY):
            yield from on_draw(*values)

    return maybe


def _shown(read):
    """Frames for the lens; an impossible recipe is one sentence, and what was there stays."""
    try:
        for picture, strip in draw(read()):
            yield picture, strip if strip is not None else gr.skip()
    except ValueError as error:
        yield explorer.message(str(error), error=True), gr.skip()
