"""A recipe's error against calls: the chart and the plane hold what the engine and truth say."""

from dataclasses import replace

import numpy as np
import pytest

from playground.diffusion import reference, solvers
from playground.diffusion.errors import plane as plane_of
from playground.diffusion.errors import rmse
from playground.diffusion.samplers import SAMPLERS
from playground.engine.events import Task
from playground.page.samplers import errors, measured
from playground.page.samplers.views.errors import Point
from playground.recipe import Recipe, RecipeError

RECIPE = Recipe(prompt="a cat", guidance=1.0, seed=3, width=64, height=64)


def solve_with(steps: int, monkeypatch) -> None:
    for function in (reference.calls, solvers.Exact.__init__):
        monkeypatch.setattr(function, "__defaults__", (steps,))


@pytest.fixture
def small(monkeypatch, session):
    """References of four Runge-Kutta steps and runs of few calls: a test can wait for them."""
    solve_with(4, monkeypatch)
    monkeypatch.setattr(errors, "CALLS", (2, 5))
    return session


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
    *_, solved = small.submit([Task(RECIPE, exact=1.0)])
    exact = solved.exact
    drawn = small.engine.draw(replace(RECIPE, sampler="ddim", steps=5))
    error = float(rmse(drawn.latents[None], exact.path[-1:])[0])
    point = group["series"][0]["points"][1]
    assert point["latents"] == pytest.approx(error, rel=1e-3)
    assert point["image"].startswith("data:image/webp")
    assert group["bound"] >= exact.bound
    budgets = {b["calls"]: b["ways"] for b in plane["budgets"]}
    assert [w["label"] for w in budgets[5]] == ["DDIM", "Heun", "Euler ancestral"]
    assert [len(w["places"]) for w in budgets[5]] == [6, 6, 6]
    assert budgets[5][2]["stochastic"]
    found = plane_of(exact.path)
    assert 0 < plane["share"] <= 1
    np.testing.assert_allclose(
        np.abs(budgets[5][0]["places"][-1]),
        np.abs(found.place(drawn.latents[None])[0]),
        atol=5e-3,
    )


def test_samplers_that_begin_alike_share_a_reference(small, monkeypatch):
    """DDIM begins with the noise as it is, Euler with 0.2 % less; both references share calls."""
    rows = []
    ask = small.engine.network.ask
    monkeypatch.setattr(
        small.engine.network, "ask", lambda x, *a: rows.append(len(x)) or ask(x, *a)
    )
    one, two = frames(["ddim"])[-1][0], frames(["ddim", "dpmpp_2m", "euler", "unipc"])[-1][0]
    calls = reference.calls()
    first, then = rows[: calls + 5], rows[calls + 5 :]
    assert first == [1] * calls + [1, 2, 1, 1, 1]  # both runs begin with the same call
    assert then[:calls] == [2] * calls
    assert f"{calls + 7} network calls in" in one["text"]
    assert f"{2 * calls + 4 * 7} network calls in" in two["text"]


def test_closing_it_takes_its_cells_out_of_the_engine(small):
    running = errors.measure(RECIPE, ["ddim"])
    next(frame for frame, plane in running if plane is not None)
    running.close()
    assert not small.engine._turns.runs
    running = errors.measure(RECIPE, ["ddim"])
    next(running), next(running)  # while the reference is solved
    assert small.engine._turns.runs
    running.close()
    assert not small.engine._turns.runs


def test_a_later_measurement_takes_over(small, monkeypatch):
    solve_with(2000, monkeypatch)
    old = errors.measure(RECIPE, ["ddim"], "ann")
    next(old), next(old)
    solve_with(4, monkeypatch)
    last = list(errors.measure(RECIPE, ["heun"], "ann"))[-1][0]
    assert [s["label"] for s in last["groups"][0]["series"]] == ["Heun"]
    *_, (told, _) = old
    assert told["text"] == "Another measurement of yours took over."


def test_a_reference_that_fails_is_a_sentence(small, monkeypatch):
    monkeypatch.setattr(small.engine.network, "ask", lambda *_: 1 / 0)
    with pytest.raises(RecipeError, match="could not be solved: Something went wrong"):
        frames(["ddim"])


def test_runs_that_fail_are_counted_and_the_others_shown(small, monkeypatch):
    import diffusers

    monkeypatch.setattr(diffusers.HeunDiscreteScheduler, "step", lambda *_, **__: 1 / 0)
    last = frames(["ddim", "heun"])[-1][0]
    assert [s["label"] for s in last["groups"][0]["series"]] == ["DDIM"]
    assert last["text"].endswith(" 2 runs failed.")


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


@pytest.mark.parametrize("names", [None, "ddim", 5, [1], [["ddim"]], {"a": 1}], ids=repr)
def test_whatever_a_browser_sends_for_the_samplers_is_answered_in_a_sentence(names, small):
    with pytest.raises(RecipeError, match=r"\.$"):
        next(errors.measure(RECIPE, names))


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
