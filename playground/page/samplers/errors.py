"""A recipe's own error against network calls, and the ways its samplers take."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import gradio as gr

from playground.diffusion import samplers
from playground.diffusion.samplers import SAMPLERS
from playground.page import sections, serving
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
    "### How far from the truth?\n"
    "Your recipe's words, seed and w. The ODE that deterministic samplers solve is first solved "
    "far beyond what shows; half as many steps tell how well. Then every sampler runs with 5 to 50 "
    "network calls, and its final latents and picture are compared. Samplers with fresh noise have "
    "no one picture to come to: they appear among the ways below only."
)


def measure(recipe: Recipe, names: list[str], owner: str | None = None) -> Iterator[tuple]:
    """Frames (of the chart, of the plane or None); raises ValueError before anything is drawn.

    Closing the generator stops it.
    """
    recipe = plain(serving.check(recipe))
    if not names:
        raise RecipeError("Choose at least one sampler to measure.")
    for name in names:
        samplers.get(name)
    yield errors.message("Getting ready …", share=0.0), None
    from playground.diffusion import reference as truth

    engine = serving.engine(recipe.model)
    state = _Measured(engine.model, recipe, names)
    noise = truth.guided_noise(
        engine.model, [recipe.prompt], recipe.guidance, recipe.negative, engine.network.predict
    )
    for start in state.starts:
        for event in truth.reference(noise, start * state.noise, state.sigmas, truth.STEPS):
            if isinstance(event, truth.Reference):
                state.solved(start, event)
            else:
                state.calls += truth.CALLS_PER_STEP
                yield errors.message(state.left("Solving the reference"), state.share), None
    whose = owner and f"{owner} errors"
    with engine.submit(state.recipes, owner=whose, asked=time.monotonic()) as run:
        shown = 0.0
        for event in run:
            state.take(event)
            if time.perf_counter() - shown > FRAME and not state.done:
                yield state.frame(state.left("Sampling"), state.share)
                shown = time.perf_counter()
    if not state.done:
        yield errors.message("Another measurement of yours took over."), None
        return
    yield state.frame(state.summary(), None)


def plain(recipe: Recipe) -> Recipe:
    """The recipe as the ODE knows it; RecipeError if its guidance changes with time or is bent."""
    constant = (recipe.guidance_start, recipe.guidance_stop, recipe.guidance_schedule) == (
        0.0, 1.0, "constant",
    )  # fmt: skip
    if not constant or recipe.rescale or recipe.guider != "cfg":
        raise RecipeError(
            "The reference is solved for plain guidance with the same w at every step: set the "
            "guider to Plain, φ to 0, and guidance from 0 until 1."
        )
    return replace(recipe, eta=0.0)


@dataclass
class _Measured:
    """What is known so far of every sampler and number of calls."""

    model: object
    recipe: Recipe
    names: list[str]
    calls: int = 0
    ends: dict = field(default_factory=dict)  # (start, ends clean): latents, image
    ways: dict = field(default_factory=dict)  # cell: latents before every call, and the last
    points: dict = field(default_factory=dict)  # cell: Point

    def __post_init__(self):
        import torch

        from playground.diffusion import reference as truth

        self.truth, config = truth, self.model.scheduler_config
        generator = torch.Generator().manual_seed(self.recipe.seed)
        self.noise = self.model.noise(generator, self.recipe.height, self.recipe.width)
        self.sigmas = truth.training_sigmas(config)
        scales = {name: truth.start_scale(name, config) for name in self.names}
        self.starts = list(dict.fromkeys(scales.values()))
        self.cells = [
            (name, budget, samplers.get(name).steps_within(budget))
            for name in self.names
            for budget in CALLS
        ]
        self.recipes = [replace(self.recipe, sampler=n, steps=s) for n, _, s in self.cells]
        self.scales, self.references, self.begun = scales, {}, time.perf_counter()
        passes = self.truth.STEPS * 3 // 2 * self.truth.CALLS_PER_STEP
        self.total = passes * len(self.starts) + sum(budget for _, budget, _ in self.cells)

    def solved(self, start: float, reference) -> None:
        self.references[start] = reference
        for clean in (True, False):
            latents = reference.clean if clean else reference.path[-1]
            self.ends[start, clean] = latents, self.model.decode(latents)

    @property
    def share(self) -> float:
        return min(self.calls / self.total, 0.99)

    @property
    def done(self) -> bool:
        return len(self.points) == len(self.cells)

    def left(self, what: str) -> str:
        spent = time.perf_counter() - self.begun
        seconds = spent / max(self.share, 0.01) * (1 - self.share)
        return f"{what}: {self.calls} of about {self.total} network calls, {seconds:.0f} s left."

    def take(self, event) -> None:
        from playground.engine.cells import Failure, Picture

        if isinstance(event, Failure):
            self.points[event.cell] = None
        elif isinstance(event, Picture):
            self.ways[event.cell].append(event.latents)
            self.points[event.cell] = self._point(event)
        else:
            self.ways.setdefault(event.cell, []).append(event.noisy)
            self.calls += 1

    def _point(self, picture) -> Point:
        name, _, steps = self.cells[picture.cell]
        scheduler = samplers.build(name, self.model.scheduler_config, steps)
        exact, image = self.ends[self.scales[name], self.truth.ends_clean(scheduler)]
        difference = picture.image.astype(float) - image[0]
        return Point(
            picture.calls, steps, float(self.truth.rmse(picture.latents[None], exact)[0]),
            float(self.truth.psnr(picture.image[None], image)[0]),
            float((difference**2).mean() ** 0.5), image=data_url(picture.image),
        )  # fmt: skip

    def frame(self, text: str, share: float | None) -> tuple:
        bound = max(float(r.bound[0]) for r in self.references.values())
        lines = {}
        for cell, point in self.points.items():
            if point and not SAMPLERS[self.cells[cell][0]].stochastic:
                lines.setdefault(self.cells[cell][0], []).append(point)
        ordered = {name: lines[name] for name in self.names if name in lines}
        if not ordered:
            return errors.message(text, share), self.plane()
        first = next(iter(self.ends.values()))[1][0]
        found = measured.series(ordered, bound)
        told = measured.crossing(ordered, bound)
        group = Group(f"w = {self.recipe.guidance:g}", bound, found, told, data_url(first))
        return errors.chart([group], text, share), self.plane()

    def summary(self) -> str:
        bound = max(float(r.bound[0]) for r in self.references.values())
        words, spent = self.recipe.prompt or "no words", time.perf_counter() - self.begun
        lost = sum(point is None for point in self.points.values())
        return (
            f"{words}, seed {self.recipe.seed}, w = {self.recipe.guidance:g}, η = 0. "
            f"{self.calls} network calls in {spent:.0f} s. The reference took {self.truth.STEPS} "
            f"Runge-Kutta steps; half as many end {bound:.1g} away from it."
        ) + (f" {lost} runs failed." if lost else "")

    def plane(self) -> dict:
        """The ways that are finished, in the plane of the first reference."""
        import torch

        path = self.references[self.starts[0]].path[:, 0]
        plane = self.truth.plane(path)
        budgets: dict[int, list] = {}
        for cell, (name, budget, _) in enumerate(self.cells):
            if self.points.get(cell):
                places = plane.place(torch.stack(self.ways[cell])).numpy()
                way = trajectories.Way(SAMPLERS[name].label, places, SAMPLERS[name].stochastic)
                budgets.setdefault(budget, []).append(way)
        return trajectories.plane(
            dict(sorted(budgets.items())), plane.place(path).numpy(), plane.share
        )


def _frames(recipe: Recipe, names: list[str], owner: str | None) -> Iterator[tuple]:
    for chart, plane in measure(recipe, names, owner):
        yield chart, gr.skip() if plane is None else plane


def build() -> Section:
    """Lay out the section inside the surrounding gradio context."""
    gr.Markdown(TEXT)
    with gr.Row(elem_classes="sweep"):
        names = gr.Dropdown(
            [(s.label, s.name) for s in SAMPLERS.values()], value=list(OFFERED), multiselect=True,
            label="Samplers", scale=6, min_width=260, elem_id="errors-samplers",
        )  # fmt: skip
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("errors", "Measure")
    chart = gr.HTML(None, **asdict(errors.VIEW), elem_id="errors")
    plane = gr.HTML(None, **asdict(trajectories.VIEW), elem_id="trajectories")
    return Section(start, stop, [chart, plane], errors, _frames, MEASURERS, fields=(names,))
