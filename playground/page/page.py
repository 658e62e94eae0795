"""The page: the recipe on the left, the lenses on the right."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import gradio as gr

from playground import faults
from playground.page import at_once, live, serving
from playground.page import panel as recipe_panel
from playground.page.attention import lens as attention
from playground.page.family import lens as family
from playground.page.guidance import lens as guidance
from playground.page.guidance import sweeping
from playground.page.hosting.blocks import Page
from playground.page.lecture import lens as lecture
from playground.page.lens import Built, Frame, Lens, mirror
from playground.page.remembering import connecting, layout
from playground.page.samplers import lens as samplers
from playground.page.shared import terms
from playground.page.studio import lens as studio
from playground.page.studio import runs
from playground.page.studio.views import explorer
from playground.recipe import Recipe

LENSES: tuple[Lens, ...] = (
    studio.LENS, guidance.LENS, attention.LENS, samplers.LENS, family.LENS,
    lecture.LENS,
)  # fmt: skip

TITLE = "Latent Playground"
INTRO = (
    "# Latent Playground\n"
    "See how latent diffusion listens to words: draw, slide guidance, then point at a word to see "
    "its pixels and at a pixel to see its words."
)
OWN = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
CSS = OWN + connecting.STYLE + terms.STYLE + "".join(lens.style for lens in LENSES)
VISITORS = 16  # who may draw at the same time; the engine batches them
FONTS = ["system-ui", "sans-serif"]  # nothing is fetched from elsewhere


def theme() -> gr.themes.Base:
    calm = gr.themes.Soft(primary_hue="indigo", font=FONTS, font_mono=["ui-monospace", "monospace"])
    readable = {  # Soft's own texts have a contrast below 4.5 : 1, and its boxes are invisible
        "body_text_color_subdued": "*neutral_500",
        "input_placeholder_color": "*neutral_500",
        "input_placeholder_color_dark": "*neutral_400",
        "link_text_color_dark": "*secondary_300",
        "error_text_color_dark": "#fca5a5",
        "checkbox_border_color": "*neutral_400",
        "color_accent": "*primary_600",
        "button_primary_background_fill": "*primary_600",
        "button_primary_background_fill_hover": "*primary_700",
        "checkbox_label_background_fill_selected": "*primary_600",
        "checkbox_label_background_fill_selected_dark": "*primary_600",
    }
    plain = {"block_title_background_fill": "none", "block_title_text_color": "*body_text_color"}
    dark = {f"{name}_dark": value for name, value in plain.items()}
    return calm.set(block_title_padding="0", **readable, **plain, **dark)


def build() -> gr.Blocks:
    shown = serving.EXAMPLE
    example = json.loads(shown.read_text(encoding="utf-8")) if shown.exists() else {}
    with Page(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        gr.Markdown(INTRO)
        with gr.Row(elem_id="workbench"):
            with gr.Column(elem_id="left"):
                first = gr.Column(elem_id="recipe")
                rest = gr.Column(elem_id="recipe-rest")
            with gr.Column(elem_id="lenses"):
                built = [_tab(lens, example) for lens in LENSES]
        panel = recipe_panel.build(Recipe(), first, rest)
        views = {name: view for lens, _ in built for name, view in lens.views.items()}
        _wire(page, panel, views)
        for lens, tab in built:
            lens.connect(panel, tab)
            mirror(lens, views, tab)
        for script in (terms.listen(), *(lens.script for lens in LENSES if lens.script)):
            page.load(None, js=script)
    return page


def _tab(lens: Lens, example: Frame) -> tuple[Built, gr.Tab]:
    with gr.Tab(lens.name, render_children=True) as tab:
        layout.of_run(lens.name)
        return lens.build(example), tab


def _wire(page: gr.Blocks, panel: recipe_panel.Panel, views: dict[str, gr.HTML]) -> None:
    """Connect the recipe's events to the views, whichever lens they are in."""
    hidden = {"show_progress": "hidden", "api_visibility": "private"}

    def on_draw(request: gr.Request, *values):
        yield from frames(values, lambda recipe: draw(recipe, request.session_hash))

    def on_stop(request: gr.Request, *values):
        with contextlib.suppress(ValueError):  # what cannot be drawn is not drawn now
            live.stop(panel.recipe(values), request.session_hash)
        return explorer.stopped()

    def on_later(request: gr.Request, asked, *values):
        moment, visitor = live.moment(asked), request.session_hash
        yield from frames(values, lambda recipe: typed(recipe, visitor, moment, LENSES))

    def frames(values: tuple, of: Callable[[Recipe], Iterator[Frame]]):
        try:
            for frame in of(panel.recipe(values)):
                yield shown(frame)
        except ValueError as error:  # an impossible recipe is one sentence; the views stay
            yield shown({"explorer": explorer.message(str(error), error=True)})
        except Exception as error:  # what nobody expected is told in the log
            sentence = faults.unforeseen(error, "drawing")
            yield shown({"explorer": explorer.message(sentence, error=True)})

    def shown(frame: Frame) -> list:
        return [frame.get(name, gr.skip()) for name in views]

    drawings = [
        gr.on(
            events, answer, [*first, *panel.inputs], list(views.values()),
            trigger_mode="multiple", concurrency_limit=VISITORS, concurrency_id="draw",
            preprocess=False, **more, **hidden,
        )
        for events, answer, first, more in (
            (panel.draws, on_draw, [], {"js": connecting.tell("asked")}),
            ([panel.live.later.click], on_later, [panel.live.asked], live.CLOCK),
        )
    ]  # fmt: skip
    panel.connect(page)
    panel.live.connect(page)
    at_once.connect(page)
    panel.on_model(lambda model: model in live.AT_ONCE, [panel.live.switch], queue=False)
    panel.stop.click(
        on_stop, panel.inputs, views["explorer"], cancels=drawings, queue=False,
        preprocess=False, **hidden,
    )  # fmt: skip
    panel.chooser.connect(panel, recipe_panel.PRESS_DRAW)
    connecting.connect(page, panel, views, drawings[0], drawings)


def draw(recipe: Recipe, visitor: str | None = None) -> Iterator[Frame]:
    """Frames of the recipe's run and, when it is finished, what every lens shows of it."""
    yield from followed(runs.draw(recipe, visitor), LENSES)


def typed(
    recipe: Recipe, visitor: str | None, asked: float, lenses: Sequence[Lens]
) -> Iterator[Frame]:
    """The same while the visitor types, without previews: what was `asked` for last wins."""
    run = runs.draw(recipe, visitor, live.SECTION, asked, previews=False)
    yield from live.stamped(followed(run, lenses), asked)


def picture_at_once(recipe: Recipe, visitor: str, asked: float) -> dict | None:
    """The picture alone; what other views show of it follows at a pause. None if something newer
    has been typed meanwhile.
    """
    frames = list(typed(recipe, visitor, asked, (studio.TYPING,)))
    return frames[-1]["explorer"] if frames else None


AT_ONCE = at_once.route({"explorer": picture_at_once, "filmstrip": sweeping.at_once})


def followed(run: Iterator[Frame | runs.Finished], lenses: Sequence[Lens]) -> Iterator[Frame]:
    """Frames of a run and, when it is finished, what these lenses show of it."""
    for event in run:
        if isinstance(event, runs.Finished):
            session = serving.session(event.run.recipe.model, event.run.recipe.lora)
            parts = [lens.of_run(event.run, session, event.seconds) for lens in lenses]
            yield {name: data for part in parts for name, data in part.items()}
        else:
            yield event
