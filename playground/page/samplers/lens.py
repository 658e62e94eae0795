"""The Samplers lens: race samplers from one noise, finish the best lanes, compare any two."""

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

import gradio as gr

from playground.diffusion.samplers import Sampler
from playground.models import specs
from playground.page import fits, sections, serving, together
from playground.page.fits import Fit
from playground.page.lens import Frame, Lens
from playground.page.panel import Panel
from playground.page.samplers import below, race_files, race_plan, racing
from playground.page.samplers.views import race
from playground.page.shared import saved
from playground.recipe import Recipe

INTRO = (
    "All lanes start from the same noise and advance together; the network is asked once for all "
    "of them. A step is not a network call: Heun makes two a step, so race at equal calls to "
    "compare work, at equal steps to compare recipes."
)
SAME = (
    "Every lane starts from the same noise tensor of the seed. Where it stands differs: an "
    "ε-network is asked first at t = 999, where a little of a picture is left under the noise of "
    "unit variance; rectified flow begins at σ = 1, where there is nothing but noise."
)
USUAL = ("ddim", "dpmpp_2m", "unipc", "heun", "euler_a", "ddpm")  # raced if nothing is changed
COUNT, UNIT = 8, "calls"
HIDDEN = {"show_progress": "hidden", "api_visibility": "private"}
RACERS = 4  # races at the same time; the engine batches them with everybody's pictures


@dataclass(frozen=True)
class Samplers:
    """The race's views, the race it holds, the widgets that make one, and what stands below."""

    race: gr.HTML
    saved: gr.HTML
    held: gr.State  # the race that is shown; None stands for the example
    choices: list[gr.components.Component]  # samplers, unit, counts, guidances, models
    cost: sections.Price
    start: gr.Button
    stop: gr.Button
    below: below.Below
    refused: gr.Markdown  # samplers that the model cannot use
    views: dict[str, gr.HTML] = field(default_factory=dict)  # none follows the recipe's run

    def connect(self, panel: Panel, tab: gr.Tab) -> None:
        """Let a race begin from the panel's recipe, and the view ask for more."""
        self.below.connect(panel)
        self._connect_model(panel)
        self._connect_races(panel)
        self._connect_cost(panel, tab)

    def _connect_races(self, panel: Panel) -> None:
        queue = {"trigger_mode": "multiple", "concurrency_limit": RACERS}
        outputs = [self.race, self.held]

        def on_race(request: gr.Request, *values):
            yield from frames(lambda: planned(panel, values), values[1], request)

        def on_finish(request: gr.Request, event: gr.EventData):
            ask = sections.asked(event)
            yield from frames(lambda: race_plan.finishing(ask), ask.get("unit"), request)

        def on_drop(request: gr.Request, event: gr.EventData):
            try:
                racing.drop(str(sections.asked(event).get("link")), request.session_hash)
            except ValueError as error:
                return race.message(str(error), error=True)
            return gr.skip()

        def on_keep(held: racing.Race | None, request: gr.Request, event: gr.EventData):
            try:
                ask = sections.asked(event)
                if held is None and ask.get("link") != usual(Recipe())[0].recipe.to_query():
                    raise ValueError("This race is not kept any more: race again, then save it.")
                if held is None:
                    yield saved.message("Drawing the example’s race again, to save it …")
                raced = held or shown_first(request.session_hash)
                yield saved.file(*race_files.file(ask, raced))
            except ValueError as error:
                yield saved.message(str(error))

        counts, guidances = self.choices[2:4]
        starts = [self.start.click, counts.submit, guidances.submit]
        own = [*self.choices, *panel.inputs]
        running = gr.on(starts, on_race, own, outputs, preprocess=False, **queue, **HIDDEN)
        finishing = self.race.finish(on_finish, None, outputs, **queue, **HIDDEN)
        self.race.drop(on_drop, None, self.race, queue=False, **HIDDEN)
        self.race.keep(on_keep, self.held, self.saved, **queue, **HIDDEN)
        self.stop.click(
            race.stopped, outputs=self.race, cancels=[running, finishing], queue=False, **HIDDEN
        )

    def _connect_model(self, panel: Panel) -> None:
        """Offer the samplers of the panel's model."""

        def on_model(model: str) -> list:
            fit = fits.of(model)
            names = gr.update(choices=_choices(fit), value=usual_names(fit))
            return [names, gr.update(value=_refused(fit), visible=bool(fit.refused))]

        panel.on_model(on_model, [self.choices[0], self.refused], queue=False)

    def _connect_cost(self, panel: Panel, tab: gr.Tab) -> None:
        """Say what a race would cost, whenever its recipe or its lanes change."""

        def on_choice(*values) -> str:
            try:
                lanes = planned(panel, values)
                for model, lora in together.by_model([lane.recipe for lane in lanes]):
                    if model in specs.MODELS or serving.opened(model, lora):
                        serving.measured(model, lora)
                return race_plan.estimate(lanes)
            except ValueError as error:
                return html.escape(str(error))

        self.cost.connect(panel, tab, self.choices, on_choice)


def planned(panel: Panel, values: Sequence) -> list[race_plan.Lane]:
    """The lanes that the widgets ask for; ValueError with a plain sentence for anything else."""
    names, unit, counts, guidances, models, *recipe = values
    return race_plan.plan(panel.recipe(tuple(recipe)), names, counts, guidances, unit, models)


def frames(plan: Callable[[], list[race_plan.Lane]], unit, request: gr.Request) -> Iterator[tuple]:
    """Of a race: what the view shows, and the race to hold."""
    try:
        for moment in racing.race(plan(), sections.typed(unit), request.session_hash):
            if isinstance(moment, racing.Race):
                yield moment.data(), moment
            else:
                yield race.message(moment), gr.skip()
    except ValueError as error:  # one sentence; the views stay as they are
        yield race.message(str(error), error=True), gr.skip()


def shown_first(visitor: str | None) -> racing.Race:
    """The race that stands there on opening: drawn again, or had from what is kept."""
    *_, last = racing.race(usual(Recipe()), UNIT, visitor, section="kept race")
    if not isinstance(last, racing.Race):
        raise ValueError(last)
    return last


def build(example: Frame) -> Samplers:
    """Lay out the lens inside the surrounding gradio context."""
    fit = fits.of(Recipe().model)
    gr.Markdown(INTRO)
    names = gr.CheckboxGroup(
        _choices(fit), value=usual_names(fit), label="Samplers", elem_id="race-samplers"
    )
    refused = gr.Markdown(_refused(fit), visible=bool(fit.refused), elem_classes="refused")
    with gr.Row(elem_classes="sweep"):
        unit = gr.Radio(
            [("Equal network calls", "calls"), ("Equal steps", "steps")], value=UNIT,
            label="Fair in", scale=3, min_width=200, elem_id="race-unit",
        )  # fmt: skip
        counts = gr.Textbox(
            str(COUNT), label="How many; several make a grid", max_lines=1, scale=2, min_width=140,
            elem_id="race-counts",
        )  # fmt: skip
        guidances = gr.Textbox(
            "", label="Guidance w; empty: the recipe’s", placeholder="1, 5", max_lines=1, scale=2,
            min_width=140, elem_id="race-guidances",
        )  # fmt: skip
    models = gr.CheckboxGroup(
        [(spec.kind, spec.name) for spec in specs.MODELS.values()], value=[], info=SAME,
        label="Models besides the recipe’s", elem_id="race-models",
    )  # fmt: skip
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("race", "Race")
    cost = sections.price("race", race_plan.estimate(usual(Recipe())))
    view, files = (
        gr.HTML(value, **asdict(module.VIEW), elem_id=element)
        for module, value, element in (
            (race, example.get("race"), "race"), (saved, None, "race-saved"),
        )
    )  # fmt: skip
    choices = [names, unit, counts, guidances, models]
    return Samplers(view, files, gr.State(None), choices, cost, start, stop, below.build(), refused)


def _label(sampler: Sampler) -> str:
    calls = f" ({sampler.calls} calls a step)" if sampler.calls > 1 else ""
    return sampler.label + calls + " ∿" * sampler.stochastic


def _choices(fit: Fit) -> list[tuple[str, str]]:
    return [(_label(sampler), sampler.name) for sampler in fit.general]


def _refused(fit: Fit) -> str:
    return f"Not with this model: {fit.refused}"


def usual_names(fit: Fit) -> list[str]:
    """What is raced if nothing is changed: of the usual samplers those that fit, and its own."""
    offered = [sampler.name for sampler in fit.general]
    return [n for n in dict.fromkeys((fit.usual.sampler, *USUAL)) if n in offered]


def usual(recipe: Recipe) -> list[race_plan.Lane]:
    """The race that is offered on opening."""
    return race_plan.plan(recipe, USUAL, str(COUNT), "", UNIT)


def example() -> Frame:
    """What the lens shows on opening: that race, finished."""
    return {"race": shown_first(None).data()}


LENS = Lens("Samplers", build, example=example)
