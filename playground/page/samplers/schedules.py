"""Schedules, and the exact mixture that samples with them: both live in the browser.

`python -m playground.page.samplers.schedules` writes their grids, from diffusers' own schedulers.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import gradio as gr

from playground.diffusion import forward, spacings
from playground.diffusion.samplers import GENERAL, SAMPLERS, fewest_steps, is_flow
from playground.diffusion.spacings import SPACINGS
from playground.models import specs
from playground.page import fits, serving
from playground.page.panel import Panel
from playground.page.samplers.views import mixture, schedules
from playground.paths import ASSETS
from playground.recipe import Recipe

ASSET = ASSETS / "schedules.json"
Timing = Callable[[int], dict]
MOST = 50  # steps that are offered
MOST_ELSEWHERE = 20  # for models whose grids are computed when they are chosen
COMPARED = 20  # steps by which a sampler's grid is known
PLANE = (
    "### The same samplers where the exact solution is known\n"
    "Points in the plane come from a mixture of Gaussians, so ε̂ has a closed form and the ODE can "
    "be solved exactly. Everything moves as you drag; there is no network. Shade: the density of "
    "the chosen label at that noise."
)
GRIDS = (
    "### Where samplers look\n"
    "A tick is a network call. Equal steps in t are dense where σ is large; other spacings place "
    "more calls near the end. Tap one to read its effective list."
)


def write() -> None:
    ASSET.write_text(json.dumps(data(), separators=(",", ":")), encoding="utf-8")


def data() -> dict:
    """What both views need, computed from diffusers' schedulers."""
    from playground.diffusion import reference
    from playground.toys import dropout

    config = specs.get(Recipe().model).scheduler_config
    sigmas = reference.training_sigmas(config).tolist()
    kinds = _kinds(config, tuple(GENERAL), MOST)
    plane = {"centres": dropout.centres().tolist(), "spread": dropout.SPREAD, "least": sigmas[0]}
    return {
        "schedules": schedules.all_kinds(kinds, forward.training_levels(config)),
        "plane": plane,
    }


def of_model(model: str) -> dict:
    """The view's data for a model; of the usual one they are shipped. Where a run's levels are is
    known once its model is open: a built-in one is opened for it.
    """
    if model == Recipe().model:
        return json.loads(ASSET.read_text(encoding="utf-8"))["schedules"]
    spec = specs.get(model)
    if spec.built_in:
        serving.session(model)
    if session := serving.opened_by_any(model):
        return computed(model, lambda steps: session.timing(steps, spec.side, spec.side))
    return computed(model)


def computed(model: str, timing: Timing = lambda _: {}) -> dict:
    """The view's data for a model; `timing` by steps is what it tells its schedulers besides."""
    fit = fits.of(model)
    config, names = fit.spec.scheduler_config, tuple(sampler.name for sampler in fit.general)
    kinds = _kinds(config, names, MOST_ELSEWHERE, timing)
    return schedules.all_kinds(kinds, forward.training_levels(config))


def _kinds(
    config: dict, names: Sequence[str], most: int, timing: Timing = lambda _: {}
) -> list[dict]:
    """Every spacing, then the samplers whose grid is not one of these spacings. Spacings are of
    models whose noise is added to the whole picture; rectified flow has its samplers' own alone.
    """

    def own(name: str, steps: int) -> spacings.Grid:
        return spacings.of_sampler(name, config, steps, timing(steps))

    left = {name: own(name, COMPARED) for name in names}
    found = [] if is_flow(config) else _spacings(config, left, most)
    while left:
        name, grid = next(iter(left.items()))
        like = [n for n, g in left.items() if _same(g, grid)]
        for n in like:
            del left[n]
        grids = {n: own(name, n) for n in range(fewest_steps(config), most + 1)}
        found.append(_kind(SAMPLERS[name], [SAMPLERS[n].label for n in like], grids))
    return found


def _spacings(config: dict, left: dict[str, spacings.Grid], most: int) -> list[dict]:
    """All of them; samplers that have one of them are taken out of `left`."""
    found = []
    own = dict(left)
    for spacing in SPACINGS.values():
        counts = [spacing.only] if spacing.only else range(1, most + 1)
        grids = {n: spacings.grid(spacing.name, config, n) for n in counts}
        like = [n for n, g in own.items() if COMPARED in grids and _same(g, grids[COMPARED])]
        for name in like:
            left.pop(name, None)
        found.append(_kind(spacing, [SAMPLERS[n].label for n in like], grids))
    return found


def _same(one: spacings.Grid, other: spacings.Grid) -> bool:
    return one.timesteps == other.timesteps


def _kind(record, used_by: list[str], grids: dict[int, spacings.Grid]) -> dict:
    lists = {
        n: (grid.timesteps, [schedules.sigma(x) for x in (*grid.levels, grid.end)])
        for n, grid in grids.items()
    }
    return schedules.kind(record.label, record.sentence, record.source, used_by, lists)


def plane_data() -> dict:
    """The mixture's data, as shipped."""
    shipped = json.loads(ASSET.read_text(encoding="utf-8"))
    kinds = shipped["schedules"]["kinds"][: len(SPACINGS)]
    methods = [(n, SAMPLERS[n].label, SAMPLERS[n].stochastic) for n in mixture.METHODS]
    return mixture.plane(methods=methods, kinds=kinds, **shipped["plane"])


def build_plane() -> None:
    """Lay out the mixture inside the surrounding gradio context."""
    gr.Markdown(PLANE)
    gr.HTML(plane_data(), **asdict(mixture.VIEW), elem_id="mixture")


@dataclass(frozen=True)
class Grids:
    """The view, which follows the panel's model."""

    view: gr.HTML

    def connect(self, panel: Panel) -> None:
        panel.on_model(of_model, [self.view])


def build_grids() -> Grids:
    gr.Markdown(GRIDS)
    shipped = of_model(Recipe().model)
    return Grids(gr.HTML(shipped, **asdict(schedules.VIEW), elem_id="schedules"))


if __name__ == "__main__":
    write()
