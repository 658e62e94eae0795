"""The Samplers lens: race samplers from one noise, finish what deserves it, compare any two."""

import html
from dataclasses import asdict, dataclass

import gradio as gr

from playground.diffusion.samplers import SAMPLERS, Sampler
from playground.models import specs
from playground.page import sections, serving, together
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
USUAL = ("ddim", "dpmpp_2m", "unipc", "heun", "euler_a", "ddpm")  # raced if nothing is changed
COUNT, UNIT = 8, "calls"
RACERS = 4  # races at the same time; the engine batches them with everybody's pictures


@dataclass(frozen=True)
class Lens:
    """The view and what it saves, the race it holds, and the widgets that make a race."""

    views: dict[str, gr.HTML]
    held: gr.State
    choices: list[gr.components.Component]  # samplers, unit, counts, guidances
    cost: gr.Markdown
    start: gr.Button
    stop: gr.Button
    truth: below.Lens

    def connect(self, panel: Panel, tab: gr.Tab) -> None:
        """Let a race begin from the panel's recipe, and the view ask for more."""
        self.truth.connect(panel)
        hidden = {"show_progress": "hidden", "api_visibility": "private"}
        queue = {"trigger_mode": "multiple", "concurrency_limit": RACERS}
        view, own = self.views["race"], [*self.choices, *panel.inputs]
        outputs = [view, self.held]

        def planned(names, unit, counts, guidances, *recipe) -> list[race_plan.Lane]:
            return race_plan.plan(panel.recipe(recipe), names, counts, guidances, unit)

        def frames(plan, unit: str, request: gr.Request):
            try:
                for frame in racing.race(plan(), unit, request.session_hash):
                    yield frame, frame if frame["kind"] == "race" else gr.skip()
            except (TypeError, ValueError) as error:  # one sentence; what was there stays
                yield race.message(str(error), error=True), gr.skip()

        def on_race(request: gr.Request, *values):
            yield from frames(lambda: planned(*values), values[1], request)

        def on_finish(request: gr.Request, event: gr.EventData):
            ask = dict(event._data)
            yield from frames(lambda: race_plan.finishing(ask), str(ask.get("unit")), request)

        def on_drop(request: gr.Request, event: gr.EventData):
            racing.drop(str(event._data.get("link")), request.session_hash)

        def on_keep(held: dict | None, event: gr.EventData):
            try:
                return saved.file(*race_files.file(dict(event._data), held))
            except (TypeError, ValueError) as error:
                return saved.message(str(error))

        def on_choice(*values):
            try:
                lanes = planned(*values)
                yield race_plan.estimate(lanes)
                if not serving.loaded(lanes[0].recipe.model):
                    serving.engine(lanes[0].recipe.model)  # then its seconds are known
                    yield race_plan.estimate(lanes)
            except ValueError as error:
                yield html.escape(str(error))

        counts, guidances = self.choices[2:]
        starts = [self.start.click, counts.submit, guidances.submit]
        racing_now = gr.on(starts, on_race, own, outputs, **queue, **hidden)
        finishing = view.finish(on_finish, None, outputs, **queue, **hidden)
        view.drop(on_drop, None, None, queue=False, **hidden)
        view.keep(on_keep, self.held, self.views["saved"], **queue, **hidden)
        self.stop.click(
            race.stopped, outputs=view, cancels=[racing_now, finishing], queue=False, **hidden
        )
        priced = (panel.fields[name] for name in together.PRICED)
        changes = [tab.select, *(widget.change for widget in (*priced, *self.choices))]
        gr.on(
            changes, on_choice, own, self.cost, queue=False, trigger_mode="always_last",
            preprocess=False,  # as of the visitor's own table
            **hidden,
        )  # fmt: skip


def build(example: dict) -> Lens:
    """Lay out the lens inside the surrounding gradio context."""
    prediction = specs.get(Recipe().model).prediction
    gr.Markdown(INTRO)
    names = gr.CheckboxGroup(
        [(_label(s), s.name) for s in SAMPLERS.values() if not s.refusal(prediction)],
        value=list(USUAL), label="Samplers", elem_id="race-samplers",
    )  # fmt: skip
    if refused := refusals(prediction):
        gr.Markdown(refused, elem_classes="refused")
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
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("race", "Race")
    cost = gr.Markdown(race_plan.estimate(usual(Recipe())), elem_id="race-cost")
    views = {
        name: gr.HTML(value, **asdict(module.VIEW), elem_id=element)
        for name, module, value, element in (
            ("race", race, example.get("race"), "race"), ("saved", saved, None, "race-saved"),
        )
    }  # fmt: skip
    held = gr.State(example.get("race"))
    choices = [names, unit, counts, guidances]
    return Lens(views, held, choices, cost, start, stop, below.build())


def _label(sampler: Sampler) -> str:
    calls = f" ({sampler.calls} calls a step)" if sampler.calls > 1 else ""
    return sampler.label + calls + " ∿" * sampler.stochastic


def refusals(prediction: str) -> str:
    """The samplers that this kind of model cannot use, and why."""
    return " ".join(filter(None, (sampler.refusal(prediction) for sampler in SAMPLERS.values())))


def usual(recipe: Recipe) -> list[race_plan.Lane]:
    """The race that is offered on opening."""
    return race_plan.plan(recipe, USUAL, str(COUNT), "", UNIT)


def example(recipe: Recipe) -> dict[str, dict]:
    """What the lens shows on opening: that race, finished."""
    *_, finished = racing.race(usual(recipe), UNIT)
    return {"race": finished}
