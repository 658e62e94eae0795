"""A recipe's own error against network calls (NFE), and the paths of its samplers."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import gradio as gr
import numpy as np

from playground.diffusion import guidance, samplers
from playground.diffusion.errors import plane as plane_of
from playground.diffusion.errors import psnr, rmse
from playground.diffusion.samplers import SAMPLERS
from playground.engine.events import Event, Exact, Failure, Picture, Step, Task
from playground.engine.session import Run, Session
from playground.page import fits, sections, serving
from playground.page.figures import keeping
from playground.page.fits import Fit
from playground.page.panel import Panel
from playground.page.samplers import measured
from playground.page.samplers.views import errors, trajectories
from playground.page.samplers.views.errors import Group, Point
from playground.page.sections import Section
from playground.page.shared.view import data_url
from playground.recipe import Recipe, RecipeError

CALLS = (5, 8, 10, 15, 20, 30, 50)
OFFERED = ("ddim", "heun", "dpmpp_2m", "unipc", "euler_a")
FRAME = 0.5  # seconds between frames of the chart
MEASURERS = 2  # at the same time: each is hundreds of network calls
TEXT = (
    "### How far from the exact solution?\n"
    "Your recipe's words, seed and w. The ODE that deterministic samplers solve is first solved "
    "with so many steps that its error cannot be seen; a second solution with half as many steps "
    "measures that error. Then every sampler runs with 5 to 50 network calls, and its final "
    "latents and picture are compared. Samplers with fresh noise do not approach one picture: they "
    "appear only among the paths below."
)


def measure(recipe: Recipe, names: list[str], visitor: str | None = None) -> Iterator[tuple]:
    """Frames (of the chart, of the plane or None); raises ValueError before anything is drawn.

    Closing the generator stops it.
    """
    asked = time.monotonic()
    recipe, names = plain(serving.check(recipe)), sections.chosen(names)
    fits.require(recipe, "exact")
    if not names:
        raise RecipeError("Choose at least one sampler to measure.")
    for name in names:
        serving.check(replace(recipe, sampler=name))
    for sentence in serving.getting_ready(recipe):
        yield errors.message(sentence, share=0.0), None
    session = serving.session(recipe.model, recipe.lora)
    state = _Measured(session, recipe, names)
    phases = (("Solving the reference", state.exact), ("Sampling", state.tasks))
    for number, (what, tasks) in enumerate(phases, 1):
        with session.submit(tasks, visitor=visitor, section="errors", asked=asked) as run:
            for sentence in serving.waiting(run):
                yield errors.message(sentence, share=0.0), None
            yield from _followed(run, state, what)
        if state.phases_done < number:
            yield errors.message("Another measurement of yours took over."), None
            return
    yield state.frame(state.summary(), None)


def _followed(run: Run, state: "_Measured", what: str) -> Iterator[tuple]:
    """From time to time, how far the measurement is."""
    shown = 0.0
    for event in run:
        state.take(event)
        if time.perf_counter() - shown > FRAME and state.phases_done < 2:
            yield state.frame(state.left(what), state.share)
            shown = time.perf_counter()


def plain(recipe: Recipe) -> Recipe:
    """The recipe as the ODE knows it; RecipeError if its guidance is not plain."""
    if not guidance.is_plain(recipe):
        raise RecipeError(guidance.NOT_PLAIN)
    return replace(recipe, eta=0.0)


class _Measured:
    """What is known so far: first the exact solutions, then every sampler at every number of calls.

    A sampler is compared with the solution that begins where it begins: see
    `reference.start_scale`.
    """

    def __init__(self, session: Session, recipe: Recipe, names: list[str]):
        from playground.diffusion import reference  # torch: not before the page is up

        self.session, self.recipe, self.names = session, recipe, names
        self.config, self.solver_steps = session.facts.scheduler_config, reference.STEPS
        timing = self._timing(reference.SCALED_AT)
        self.scales = {name: reference.start_scale(name, self.config, timing) for name in names}
        self.exact = [Task(recipe, exact=s) for s in dict.fromkeys(self.scales.values())]
        self.cells = [
            (name, budget, samplers.get(name).steps_within(budget))
            for name in names
            for budget in CALLS
        ]
        self.tasks = [Task(replace(recipe, sampler=n, steps=s)) for n, _, s in self.cells]
        self.calls, self.begun = 0, time.perf_counter()
        self.total = reference.calls() * len(self.exact) + sum(b for _, b, _ in self.cells)
        self.solutions: dict[float, Exact] = {}  # by scale of the starting noise
        self.ends: dict[tuple[float, bool], tuple] = {}  # (scale, ends clean): latents, image
        self.paths: dict[int, list] = {}  # cell: latents before every call, and the last
        self.points: dict[int, Point | None] = {}  # cell

    @property
    def phases_done(self) -> int:
        solved = len(self.solutions) == len(self.exact)
        return solved + (solved and len(self.points) == len(self.cells))

    @property
    def share(self) -> float:
        return min(self.calls / self.total, 0.99)

    def left(self, what: str) -> str:
        spent = time.perf_counter() - self.begun
        seconds = spent / max(self.share, 0.01) * (1 - self.share)
        return f"{what}: {self.calls} of about {self.total} network calls, {seconds:.0f} s left."

    def take(self, event: Event) -> None:
        self.calls += isinstance(event, Step)
        if not self.phases_done:
            self._take_exact(event)
        elif isinstance(event, Failure):
            self.points[event.cell] = None
        elif isinstance(event, Picture):
            self.paths[event.cell].append(event.latents)
            self.points[event.cell] = self._point(event)
        elif isinstance(event, Step):
            self.paths.setdefault(event.cell, []).append(event.latents)

    def _timing(self, steps: int) -> dict:
        return self.session.timing(steps, self.recipe.height, self.recipe.width)

    def _take_exact(self, event: Event) -> None:
        if isinstance(event, Failure):
            raise RecipeError(f"The reference could not be solved: {event.reason}")
        if isinstance(event, Picture):
            scale, least = self.exact[event.cell].exact, event.exact.path[-1]
            self.ends[scale, True] = event.latents, event.image
            self.ends[scale, False] = least, self.session.decode(least[None])[0]
            self.solutions[scale] = event.exact

    def _point(self, picture: Picture) -> Point:
        name, _, steps = self.cells[picture.cell]
        end = samplers.end_level(samplers.build(name, self.config, steps, self._timing(steps)))
        exact, image = self.ends[self.scales[name], not end.noise]
        difference = picture.image.astype(float) - image
        return Point(
            picture.calls, steps, float(rmse(picture.latents[None], exact[None])[0]),
            float(psnr(picture.image[None], image[None])[0]),
            float((difference**2).mean() ** 0.5), image=data_url(picture.image),
        )  # fmt: skip

    @property
    def bound(self) -> float:
        return max(solution.bound for solution in self.solutions.values())

    def frame(self, text: str, share: float | None) -> tuple:
        """Of the chart and of the plane, as far as there is something to show."""
        if not self.phases_done:
            return errors.message(text, share), None
        lines = {}
        for cell, point in self.points.items():
            if point and not SAMPLERS[self.cells[cell][0]].stochastic:
                lines.setdefault(self.cells[cell][0], []).append(point)
        ordered = {name: lines[name] for name in self.names if name in lines}
        if not ordered:
            return errors.message(text, share), self.plane()
        _, first = self.ends[self.exact[0].exact, True]
        found = measured.series(ordered, self.bound)
        told = measured.crossing(ordered, self.bound)
        group = Group(f"w = {self.recipe.guidance:g}", self.bound, found, told, data_url(first))
        return errors.chart([group], text, share), self.plane()

    def summary(self) -> str:
        words, spent = self.recipe.prompt or "no words", time.perf_counter() - self.begun
        lost = sum(point is None for point in self.points.values())
        return (
            f"{words}, seed {self.recipe.seed}, w = {self.recipe.guidance:g}, η = 0. "
            f"{self.calls} network calls in {spent:.0f} s. The reference took {self.solver_steps} "
            f"Runge-Kutta steps; half as many end {self.bound:.1g} away from it."
        ) + (f" {lost} runs failed." if lost else "")

    def plane(self) -> dict:
        """The finished paths, in the plane of the first reference."""
        path = self.solutions[self.exact[0].exact].path
        plane = plane_of(path)
        budgets: dict[int, list] = {}
        for cell, (name, budget, _) in enumerate(self.cells):
            if self.points.get(cell):
                places = plane.place(np.stack(self.paths[cell]))
                sampler = SAMPLERS[name]
                found = trajectories.Trajectory(sampler.label, places, sampler.stochastic)
                budgets.setdefault(budget, []).append(found)
        return trajectories.plane(dict(sorted(budgets.items())), plane.place(path), plane.share)


def _frames(recipe: Recipe, names: list[str], visitor: str | None) -> Iterator[tuple]:
    for chart, plane in measure(recipe, names, visitor):
        yield chart, gr.skip() if plane is None else plane


@dataclass(frozen=True)
class Errors:
    """The section, whose samplers follow the panel's model."""

    section: Section
    names: gr.Dropdown

    def connect(self, panel: Panel) -> None:
        self.section.connect(panel)

        def on_model(model: str):
            choices, chosen = _offered(fits.of(model))
            return gr.update(choices=choices, value=chosen)

        panel.on_model(on_model, [self.names], queue=False)


def _offered(fit: Fit) -> tuple[list[tuple[str, str]], list[str]]:
    """The samplers that can be measured, and those that are at first."""
    choices = [(one.label, one.name) for one in fit.general if not one.distilled]
    names = [name for _, name in choices]
    return choices, [n for n in OFFERED if n in names] or names


def build(reasons: dict[str, gr.Markdown]) -> Errors:
    """Lay out the section inside the surrounding gradio context; `reasons` gets the line on why it
    does not fit a model.
    """
    gr.Markdown(TEXT)
    reasons["exact"] = sections.reason("exact")
    choices, chosen = _offered(fits.of(Recipe().model))
    with gr.Row(elem_classes="sweep"):
        names = gr.Dropdown(
            choices, value=chosen, multiselect=True, label="Samplers", scale=6, min_width=260,
            elem_id="errors-samplers",
        )  # fmt: skip
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("errors", "Measure")
    chart = gr.HTML(None, **asdict(errors.VIEW), elem_id="errors")
    keeping.offer(chart, measured.figure, "latent-playground-errors")
    plane = gr.HTML(None, **asdict(trajectories.VIEW), elem_id="trajectories")
    section = Section(start, stop, [chart, plane], errors, _frames, MEASURERS, fields=(names,))
    return Errors(section, names)
