"""A recipe's error against calls: the chart and the plane hold what the engine and truth say."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from playground.diffusion import reference
from playground.diffusion.samplers import SAMPLERS
from playground.engine.engine import Engine
from playground.page import serving
from playground.page.samplers import errors, measured
from playground.page.samplers.views.errors import Point
from playground.recipe import Recipe, RecipeError

RECIPE = Recipe(prompt="a cat", guidance=1.0, seed=3, width=64, height=64)


@pytest.fixture
def small(monkeypatch, engine):
    monkeypatch.setattr(serving, "_engine", lambda _: engine)
    monkeypatch.setattr(errors, "CALLS", (2, 5))
    monkeypatch.setattr(reference, "STEPS", 4)
    return engine


def frames(names, recipe=RECIPE) -> list:
    return list(errors.measure(recipe, list(names)))


def test_points_are_distances_to_the_reference(small):
    *progress, (chart, plane) = frames(["ddim", "heun", "euler_a"])
    shares = [shown["share"] for shown, _ in progress]
    assert shares == sorted(shares)
    assert chart["share"] is None
    (group,) = chart["groups"]
    assert [s["label"] for s in group["series"]] == ["DDIM", "Heun"]  # Euler a has no one picture
    assert [p["calls"] for p in group["series"][1]["points"]] == [1, 5]
    noise = small.model.noise(torch.Generator().manual_seed(3), 64, 64)
    guided = reference.guided_noise(small.model, ["a cat"], 1.0)
    sigmas = reference.training_sigmas(small.model.scheduler_config)
    *_, exact = reference.reference(guided, noise, sigmas, 4)
    drawn = Engine(small.model).draw(replace(RECIPE, sampler="ddim", steps=5))
    error = float(reference.rmse(drawn.latents[None], exact.path[-1]))
    point = group["series"][0]["points"][1]
    assert point["latents"] == pytest.approx(error, rel=1e-3)
    assert point["image"].startswith("data:image/webp")
    assert group["bound"] >= float(exact.bound)
    budgets = {b["calls"]: b["ways"] for b in plane["budgets"]}
    assert [w["label"] for w in budgets[5]] == ["DDIM", "Heun", "Euler ancestral"]
    assert [len(w["places"]) for w in budgets[5]] == [6, 6, 6]
    assert budgets[5][2]["stochastic"]
    found = reference.plane(exact.path[:, 0])
    assert 0 < plane["share"] <= 1
    np.testing.assert_allclose(
        np.abs(budgets[5][0]["places"][-1]),
        np.abs(found.place(drawn.latents[None])[0].numpy()),
        atol=5e-3,
    )


def test_closing_it_takes_its_cells_out_of_the_engine(small):
    running = errors.measure(RECIPE, ["ddim"])
    next(frame for frame, plane in running if plane is not None)
    running.close()
    assert not small._runs


@pytest.mark.parametrize(
    ("change", "said"),
    [({"guider": "apg"}, "plain guidance"), ({"rescale": 0.5}, "φ to 0"),
     ({"guidance_stop": 0.5}, "until 1"), ({"sampler": "nope"}, "no sampler 'nope'")],
)  # fmt: skip
def test_what_has_no_reference_is_refused_in_words(change, said, small):
    values = {"prompt": "a cat", "seed": 3} | change
    with pytest.raises(ValueError, match=said):
        frames(["ddim"], Recipe(**values))


def test_no_sampler_and_an_unknown_one(small):
    with pytest.raises(RecipeError, match="at least one"):
        frames([])
    with pytest.raises(ValueError, match="no sampler 'eulr'"):
        frames(["eulr"])


def points(*pairs) -> list[Point]:
    return [Point(calls, calls, error, 30.0) for calls, error in pairs]


def test_the_crossing_is_said_where_it_is():
    lines = {"ddim": points((5, 0.4), (10, 0.3), (20, 0.2)),
             "dpmpp_2m": points((5, 0.5), (10, 0.4), (20, 0.05))}  # fmt: skip
    said = measured.crossing(lines, 0.01)
    assert said.startswith("DDIM, of first order, is ahead of DPM-Solver++ 2M")
    assert said.endswith("5 (0.4 against 0.5), 10 (0.3 against 0.4).")
    assert "at no number" in measured.crossing(lines, 0.2)  # nobody knows
    vague = {name: [replace(p, spread=0.1) for p in line] for name, line in lines.items()}
    assert "at no number" in measured.crossing(vague, 0.01)
    assert measured.crossing({"ddim": lines["ddim"]}, 0.01) == ""


def test_slopes_leave_out_what_the_reference_does_not_know():
    line = points((10, 1e-2), (20, 2.5e-3), (40, 1e-3))
    (whole,) = measured.series({"dpmpp_2m": line}, bound=1e-5)
    (known,) = measured.series({"dpmpp_2m": line}, bound=1e-3)
    assert known.slope == pytest.approx(2)
    assert whole.slope < known.slope
    assert known.order == SAMPLERS["dpmpp_2m"].order
