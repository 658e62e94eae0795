"""The page: the recipe on the left, the lenses on the right."""

import contextlib
import html
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import gradio as gr

from playground.models import specs
from playground.page import arriving, chooser, live, serving
from playground.page import panel as recipe_panel
from playground.page.attention import lens as attention
from playground.page.chooser import Shown
from playground.page.family import lens as family
from playground.page.guidance import lens as guidance
from playground.page.lecture import lens as lecture
from playground.page.lens import Built, Frame, Lens, mirror
from playground.page.samplers import lens as samplers
from playground.page.shared import terms
from playground.page.studio import lens as studio
from playground.page.studio import runs
from playground.page.studio.views import explorer
from playground.recipe import QUERY_KEY, Recipe

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
OWN = (Path(__file__).parent / "page.css").read_text()
CSS = OWN + terms.STYLE + "".join(lens.style for lens in LENSES)
VISITORS = 16  # who may draw at the same time; the engine batches them
HAS_LINK = f"new URLSearchParams(location.search).has('{QUERY_KEY}')"
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
    }
    plain = {"block_title_background_fill": "none", "block_title_text_color": "*body_text_color"}
    dark = {f"{name}_dark": value for name, value in plain.items()}
    return calm.set(block_title_padding="0", **readable, **plain, **dark)


def build() -> gr.Blocks:
    shown = serving.EXAMPLE
    example = json.loads(shown.read_text()) if shown.exists() else {}
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        gr.Markdown(INTRO)
        with gr.Row(elem_id="workbench"):
            first = gr.Column(elem_id="recipe")
            with gr.Column(elem_id="lenses"):
                built = [_tab(lens, example) for lens in LENSES]
            rest = gr.Column(elem_id="recipe-rest")
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
        return lens.build(example), tab


def _wire(page: gr.Blocks, panel: recipe_panel.Panel, views: dict[str, gr.HTML]) -> None:
    """Connect the recipe's events to the views, whichever lens they are in."""
    hidden = {"show_progress": "hidden", "api_visibility": "private"}
    shown_model = panel.chooser.shown

    drawn = gr.State(Recipe())  # what was drawn last; the example at first

    def on_draw(request: gr.Request, _, *values):
        yield from frames(values, lambda recipe: draw(recipe, request.session_hash))

    def on_change(request: gr.Request, last: Recipe, *values):
        try:
            same = panel.recipe(values) == last
        except ValueError:
            same = False
        yield from [nothing_new] if same else on_draw(request, last, *values)

    def on_slid(request: gr.Request, last: Recipe, while_typing, *values):
        yield from [nothing_new] if while_typing is True else on_change(request, last, *values)

    def on_live(request: gr.Request, asked, *values):
        """The picture alone, at once; what the other views show of it follows at a pause."""
        answers = list(typed(request, asked, values, (studio.TYPING,)))
        last = answers[-1] if answers else nothing_new  # something newer has been typed meanwhile
        return [last[0], last[1 + list(views).index("explorer")]]

    def on_stop(request: gr.Request, *values):
        with contextlib.suppress(ValueError):  # what cannot be drawn is not drawn now
            live.stop(panel.recipe(values), request.session_hash)
        return explorer.stopped()

    def on_later(request: gr.Request, asked, *values):
        yield from typed(request, asked, values, LENSES)

    def typed(request: gr.Request, asked, values: tuple, lenses: Sequence[Lens]):
        moment = float(asked) if isinstance(asked, int | float) else 0.0
        visitor = request.session_hash

        def follow(recipe: Recipe) -> Iterator[Frame]:
            run = runs.draw(recipe, visitor, live.SECTION, moment, previews=False)
            yield from live.stamped(followed(run, lenses), moment)

        yield from frames(values, follow)

    def frames(values: tuple, of: Callable[[Recipe], Iterator[Frame]]):
        try:
            recipe = panel.recipe(values)
            for frame in of(recipe):
                yield [recipe, *shown(frame)]
        except ValueError as error:  # an impossible recipe is one sentence; the views stay
            yield [gr.skip(), *shown({"explorer": explorer.message(str(error), error=True)})]

    nothing_new = [gr.skip()] * (1 + len(views))  # without any frame gradio would empty the views

    def shown(frame: Frame) -> list:
        return [frame.get(name, gr.skip()) for name in views]

    def on_link(request: gr.Request, before: Shown):
        if query := request.query_params.get(QUERY_KEY):
            yield from fill(before, lambda: (Recipe.from_query(query), ""))
        else:
            yield [gr.skip()] * len(filled)

    def on_file(before: Shown, file, *values):
        path = file.get("path") if isinstance(file, dict) else None
        yield from fill(before, lambda: arriving.of_png(path, panel.recipe(values)))

    def fill(before: Shown, read: Callable[[], tuple[Recipe, str]]):
        """The panel for a recipe that arrived, whose model is opened first."""
        nothing = [gr.skip()] * len(panel.outputs)
        try:
            recipe, line = read()
            recipe = serving.check(recipe)
            if recipe.model not in specs.MODELS:
                for sentence in serving.getting_ready(recipe):
                    yield [gr.skip(), *nothing, chooser.said(sentence), gr.skip()]
            now = before.then(recipe.model)
            fitted = panel.fitted(recipe, now.choices)
            yield [now, *fitted, chooser.said(""), chooser.said(line)]
        except ValueError as error:  # escaped, because gradio shows the message as HTML
            raise gr.Error(html.escape(str(error)), duration=None, print_exception=False) from error

    filled = [shown_model, *panel.outputs, panel.chooser.status, panel.notes]

    clock = {"js": "(asked, ...values) => [performance.now(), ...values]"}
    drawings = [
        gr.on(
            events, answer, [*first, *panel.inputs], [drawn, *views.values()],
            trigger_mode="multiple", concurrency_limit=VISITORS, concurrency_id="draw",
            preprocess=False, **more, **hidden,
        )
        for events, answer, first, more in (
            (panel.draws, on_draw, [drawn], {}),
            (panel.changes, on_change, [drawn], {}),
            (panel.slid, on_slid, [drawn, panel.live.switch], {}),
            ([panel.live.later.click], on_later, [panel.live.asked], clock),
        )
    ]  # fmt: skip
    panel.live.now.click(  # without the queue, which looks for answers every 50 ms only
        on_live, [panel.live.asked, *panel.inputs], [drawn, views["explorer"]], queue=False,
        trigger_mode="multiple", preprocess=False, **clock, **hidden,
    )  # fmt: skip
    panel.live.connect(page, panel.chooser.model)
    panel.stop.click(
        on_stop, panel.inputs, views["explorer"], cancels=drawings, queue=False,
        preprocess=False, **hidden,
    )  # fmt: skip
    panel.chooser.connect(panel, recipe_panel.PRESS_DRAW)
    linked = page.load(on_link, shown_model, filled, **hidden)
    linked.success(None, js=f"() => {{ if ({HAS_LINK}) ({recipe_panel.PRESS_DRAW})() }}")
    opened = panel.opened.upload(
        on_file, [shown_model, panel.opened, *panel.inputs], filled, preprocess=False, **hidden
    )
    opened.success(None, js=recipe_panel.PRESS_DRAW)


def draw(recipe: Recipe, visitor: str | None = None) -> Iterator[Frame]:
    """Frames of the recipe's run and, when it is finished, what every lens shows of it."""
    yield from followed(runs.draw(recipe, visitor), LENSES)


def followed(run: Iterator[Frame | runs.Finished], lenses: Sequence[Lens]) -> Iterator[Frame]:
    """Frames of a run and, when it is finished, what these lenses show of it."""
    for event in run:
        if isinstance(event, runs.Finished):
            session = serving.session(event.run.recipe.model, event.run.recipe.lora)
            parts = [lens.of_run(event.run, session, event.seconds) for lens in lenses]
            yield {name: data for part in parts for name, data in part.items()}
        else:
            yield event
