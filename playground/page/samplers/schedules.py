"""Schedules, and the exact mixture that samples with them: both live in the browser.

`python -m playground.page.samplers.schedules` writes their grids, from diffusers' own schedulers.
"""

import json
from dataclasses import asdict

import gradio as gr

from playground.diffusion import spacings
from playground.diffusion.samplers import GENERAL, SAMPLERS
from playground.diffusion.spacings import SPACINGS
from playground.models import specs
from playground.page.samplers.views import mixture, schedules
from playground.paths import ASSETS
from playground.recipe import Recipe

ASSET = ASSETS / "schedules.json"
MOST = 50  # steps that are offered
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
    ASSET.write_text(json.dumps(data(), separators=(",", ":")))


def data() -> dict:
    """What both views need, computed from diffusers' schedulers."""
    from playground.diffusion import reference
    from playground.toys import dropout

    config = specs.get(Recipe().model).scheduler_config
    sigmas = reference.training_sigmas(config).tolist()
    kinds = _kinds(config)
    plane = {"centres": dropout.centres().tolist(), "spread": dropout.SPREAD, "least": sigmas[0]}
    return {"schedules": schedules.all_kinds(kinds, sigmas), "plane": plane}


def _kinds(config: dict) -> list[dict]:
    """Every spacing, then the samplers whose grid is not one of these spacings."""
    own = {name: spacings.of_sampler(name, config, COMPARED) for name in GENERAL}
    found, left = [], dict(own)
    for spacing in SPACINGS.values():
        counts = [spacing.only] if spacing.only else range(1, MOST + 1)
        grids = {n: spacings.grid(spacing.name, config, n) for n in counts}
        like = [n for n, g in own.items() if COMPARED in grids and _same(g, grids[COMPARED])]
        for name in like:
            left.pop(name, None)
        found.append(_kind(spacing, [SAMPLERS[n].label for n in like], grids))
    for name in left:
        grids = {n: spacings.of_sampler(name, config, n) for n in range(1, MOST + 1)}
        found.append(_kind(SAMPLERS[name], [SAMPLERS[name].label], grids))
    return found


def _same(one: spacings.Grid, other: spacings.Grid) -> bool:
    return one.timesteps == other.timesteps


def _kind(record, used_by: list[str], grids: dict[int, spacings.Grid]) -> dict:
    lists = {n: (grid.timesteps, grid.sigmas) for n, grid in grids.items()}
    return schedules.kind(record.label, record.sentence, record.source, used_by, lists)


def build_plane() -> None:
    """Lay out the mixture inside the surrounding gradio context."""
    shipped = json.loads(ASSET.read_text())
    kinds = shipped["schedules"]["kinds"][: len(SPACINGS)]
    methods = [(n, SAMPLERS[n].label, SAMPLERS[n].stochastic) for n in mixture.METHODS]
    gr.Markdown(PLANE)
    gr.HTML(
        mixture.plane(methods=methods, kinds=kinds, **shipped["plane"]),
        **asdict(mixture.VIEW), elem_id="mixture",
    )  # fmt: skip


def build_grids() -> None:
    gr.Markdown(GRIDS)
    shipped = json.loads(ASSET.read_text())["schedules"]
    gr.HTML(shipped, **asdict(schedules.VIEW), elem_id="schedules")


if __name__ == "__main__":
    write()
