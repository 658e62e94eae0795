"""What the static page computes for its lenses, held to what Python makes of the same."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from modules import page_modules
from test_live_site_page import facts, outcome  # noqa: F401

from playground.diffusion import errors, paths
from playground.diffusion.levels import Level
from playground.live import node
from playground.live.page_data import page_data
from playground.models import specs
from playground.page.family import inside
from playground.page.grid import plan as planning
from playground.page.grid.plan import Ask
from playground.page.guidance import own
from playground.page.samplers import measured
from playground.page.samplers.views.errors import Point
from playground.page.shared import tradeoff
from playground.recipe import Recipe

CAT = Recipe(prompt="a cat and a größer cat", steps=3, seed=11, guidance=2.5)
GRIDS = [
    Ask(CAT, "guidance", "1, 3", "seed", "7-8"), Ask(CAT, "seed", "1-10 (+3)", "nothing", ""),
    Ask(CAT, "model", ", ".join(specs.MODELS), "sampler", "ddim, lcm, euler"),
    Ask(CAT, "model", "emoji-world-lcm, emoji-world", "guider", "cfg, apg"),
    Ask(CAT, "prompt", "cat, größer dog", "width", "128, 130, 96, 1024"),
    Ask(CAT, "prompt", "größer cat; dog", "steps", "1, 2"), Ask(CAT, "prompt", "ca", "seed", "1"),
    Ask(CAT, "seed", "1-37", "nothing", ""), Ask(CAT, "steps", "150", "seed", "1-14"),
    Ask(CAT, "seed", "1.5", "nothing", ""), Ask(CAT, "seed", "1, 1", "nothing", ""),
    Ask(CAT, "rescale", "0, 0.5", "eta", "1"), Ask(CAT, "negative", "", "seed", "1"),
    Ask(CAT, "seed", "1", "seed", "2"), Ask(CAT, "guider", "cfg, none", "seed", "1"),
    Ask(Recipe(model="emoji-world-lcm", sampler="lcm"), "rescale", "0, 1", "seed", "1"),
]  # fmt: skip
ROWS = [
    (1.0, {"lenient": 0.5, "strict": 0.25, "diversity": 1.5, "saturation": 0.3}),
    (5.0, {"lenient": 1.0, "strict": 1.0, "diversity": 0.5, "saturation": 0.4}),
]
LINES = {
    "ddim": [Point(5, 5, 0.3, 20.0), Point(10, 10, 0.1, 30.0), Point(20, 20, 0.01, 40.0)],
    "dpmpp_2m": [Point(20, 20, 0.02, 40.0), Point(5, 5, 0.5, 20.0), Point(10, 10, 0.1001, 30.0)],
}
BOUND = 0.006


@pytest.fixture(scope="module")
def path() -> tuple[list[np.ndarray], list[Level]]:
    """Latents on their way, at falling levels; the last are the picture's."""
    generator = np.random.default_rng(3)
    latents = [generator.normal(size=(2, 3, 3)).astype(np.float32) for _ in range(6)]
    signals = np.linspace(0.1, 1, 6)
    return latents, [Level(s, (1 - s * s) ** 0.5, 1000 - 999 * s) for s in signals]


@pytest.fixture(scope="module")
def networks() -> list[dict]:
    """Of each built-in model its configuration; shapes of a wide picture and of its words."""
    found = []
    for spec in specs.MODELS.values():
        config = spec.checkpoint.config(spec.checkpoint.network.name)
        kind = "joint" if "joint_attention_dim" in config else "unet"
        found.append({"kind": kind, "config": config, "latents": (4, 16, 24), "words": (32, 128)})
    return found


@pytest.fixture(scope="module")
def theirs(facts, path, networks, tmp_path_factory) -> dict:  # noqa: F811
    folder = tmp_path_factory.mktemp("modules")
    page_modules(folder)
    latents, levels = path
    given = {
        "site": facts, "page": page_data(), "recipe": CAT.to_query(), "networks": networks,
        "grids": [ask.to_dict() for ask in GRIDS],
        "measured": [{"guidance": w, "found": found} for w, found in ROWS],
        "errors": {"lines": list(LINES.items()), "bound": BOUND},
        "path": {"latents": [x.ravel().tolist() for x in latents], "levels": levels},
    }  # fmt: skip
    script = Path(__file__).parent / "live" / "lenses.mjs"
    plain = json.dumps(
        given, default=lambda x: x if isinstance(x, tuple) else dataclasses.asdict(x)
    )
    return json.loads(node.run(script, str(folder), given=plain))


@pytest.mark.parametrize("number", range(len(GRIDS)))
def test_grids_are_those_of_the_served_page(theirs, number):
    ask = GRIDS[number]

    def made() -> dict:
        plan = planning.plan(ask)
        cells = [
            [one.to_query() if isinstance(one, Recipe) else one.reason for one in row]
            for row in plan.cells
        ]
        names = {name: [v.label for v in getattr(plan, name)] for name in ("columns", "rows")}
        return names | {"cells": cells, "notes": list(plan.notes), "cost": planning.cost(ask)}

    assert theirs["grids"][number] == outcome(made)


def test_an_own_table_is_that_of_the_served_page(theirs):
    named = [(f"{w:g}", found) for w, found in ROWS]
    table = tradeoff.table("w", named, "", caption=own._caption(CAT))
    assert theirs["own"]["table"] == tradeoff.folded(table)
    charts = json.loads(json.dumps(own.charted(table)))
    assert theirs["own"]["charts"] == approximately(charts)
    assert theirs["own"]["cost"] == own.cost(CAT, "1, 5")


def approximately(value):
    """Numbers inside of plain values need not agree in the last bit."""
    if isinstance(value, dict):
        return {name: approximately(one) for name, one in value.items()}
    if isinstance(value, list):
        return [approximately(one) for one in value]
    return pytest.approx(value) if isinstance(value, float) else value


def test_errors_are_told_as_on_the_served_page(theirs):
    series = [dataclasses.asdict(one) for one in measured.series(LINES, BOUND)]
    assert theirs["errors"]["series"] == approximately(series)
    assert theirs["errors"]["text"] == measured.crossing(LINES, BOUND)


def test_paths_are_as_straight_as_in_python(theirs, path):
    latents, levels = path
    frames = paths.FRAMES.values()
    seen = [paths.path(f, latents[:-1], levels[:-1], latents[-1], levels[-1]) for f in frames]
    plane = errors.plane(np.stack(latents).astype(np.float64))
    places = np.abs(plane.place(np.stack(latents)))
    assert theirs["path"] == approximately({
        "bends": [one.bend() for one in seen], "furthest": [one.furthest() for one in seen],
        "share": plane.share, "places": places.tolist(),
    })  # fmt: skip


def test_networks_are_drawn_as_on_the_served_page(theirs, networks):
    for found, network in zip(theirs["inside"], networks, strict=True):
        make = inside.joint if network["kind"] == "joint" else inside.unet
        assert found == make("it", network["config"], network["latents"], network["words"])
