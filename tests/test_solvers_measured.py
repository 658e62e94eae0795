"""The stage that measures samplers: references by start and end, errors, scores, and the rule."""

import json

import numpy as np
import pytest

from playground import Playground
from playground.diffusion import samplers as table
from playground.diffusion.errors import psnr, rmse
from playground.diffusion.solvers import Exact
from playground.measuring import kept, solvers, tables
from playground.measuring.scores import pictures
from playground.models import specs
from playground.page.samplers import measured
from playground.recipe import Recipe
from playground.world import oracle


def test_prompts_are_of_all_tasks_in_turn():
    assert len(set(solvers.prompts(16))) > 12
    assert solvers.prompts(9)[:5] == solvers.prompts(5)


@pytest.fixture
def playground(session) -> Playground:
    return Playground(session=session)


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Settings that a test can pay for, and two prompts."""
    monkeypatch.setattr(solvers, "CALLS", (1, 3))
    monkeypatch.setattr(Exact.__init__, "__defaults__", (2,))  # Runge-Kutta steps
    monkeypatch.setattr(kept, "CHECKPOINTS", tmp_path)
    return solvers.prompts(2)


def test_errors_are_to_the_end_that_belongs_to_the_sampler(few, tiny, playground):
    ends = solvers.solve(playground, few[:1], 1.0)
    assert {clean for _, clean in ends} == {True, False}
    assert len({start for start, _ in ends}) == 2  # 1 and Euler's
    for sampler in (s for s in table.SAMPLERS.values() if not s.stochastic):
        rows = list(solvers.deterministic(playground, oracle.load(), few, 1.0, ends, sampler))
        assert len(rows) == 2
        assert all(row["calls"] <= row["budget"] and row["count"] == 2 for row in rows)
    rows = solvers.deterministic(playground, oracle.load(), few, 1.0, ends, table.get("euler"))
    row = next(r for r in rows if r["budget"] == 3)
    (drawn,) = pictures(
        playground, [Recipe(prompt=few[0], seed=0, sampler="euler", steps=3, guidance=1)]
    )
    euler = table.build("euler", tiny.scheduler_config, 3)
    start = float(euler.sigmas[0] / (1 + euler.sigmas[0] ** 2) ** 0.5)
    exact = ends[round(start, 5), True]
    assert row["rmse"] == pytest.approx(
        float(rmse(drawn.latents[None], exact.latents)[0]), rel=1e-3
    )
    assert row["psnr"] == pytest.approx(psnr(drawn.image[None], exact.images)[0], rel=1e-3)
    assert row["rmse_error"] == 0  # one prompt has a reference


def test_stochastic_samplers_are_judged_by_the_oracle_and_diversity(few, playground):
    noisy = [s for s in table.GENERAL.values() if s.stochastic]
    assert {s.name for s in noisy} == {"ddpm", "euler_a", "dpmpp_2m_sde"}
    judge = oracle.load()
    rows = [r for s in noisy for r in solvers.stochastic(playground, judge, few[:1], s)]
    assert all(row["diversity"] > 0 and row["count"] == 2 and "rmse" not in row for row in rows)


@pytest.mark.slow
def test_the_whole_stage_fills_the_card_the_table_and_the_page(few, playground, monkeypatch):
    card = {}
    monkeypatch.setattr(solvers, "CALLS", (2,))
    monkeypatch.setattr(solvers, "Playground", lambda **_: playground)
    monkeypatch.setattr(solvers.export, "update_card", lambda **parts: card.update(parts))
    solvers.measure(2)
    found = json.loads(json.dumps(card))["solvers"]
    assert found["prompts"] == found["exact"] == 2
    assert {row["guidance"] for row in found["rows"]} == set(solvers.SCALES)
    assert found["recommended"].keys() == {"sampler", "steps", "calls"}
    assert tables.solvers(card).count("\n| DDIM |") == len(solvers.SCALES)
    shown = measured.measured(found)
    assert [g["label"] for g in shown["groups"]] == ["w = 1", "w = 3", "w = 7.5"]
    labels = [line["label"] for line in shown["groups"][0]["series"]]
    assert labels == [s.label for s in table.GENERAL.values() if not s.stochastic]
    assert len(measured.stochastic(found)["rows"]) == 3


def row(sampler, calls, scale, right, rmse):
    return {
        "sampler": sampler, "guidance": scale, "budget": calls, "steps": calls, "calls": calls,
        "count": 50, "lenient": right, "rmse": rmse, "rmse_error": 0.1,
    }  # fmt: skip


def both(sampler, calls, right, rmse):
    return [row(sampler, calls, scale, right, rmse) for scale in solvers.JUDGED]


def test_the_rule_takes_the_fewest_calls_that_are_as_good_as_the_best():
    """One standard error of 80 % of 100 pictures is 4 points."""
    rows = both("ddim", 50, 0.80, 0.1) + both("ddim", 10, 0.70, 0.5)
    rows += both("heun", 20, 0.77, 0.3) + both("dpmpp_2m", 20, 0.77, 0.2)
    rows += [row("euler", 5, 1.0, 1.0, 0.0)]  # of another w
    assert solvers.recommended(rows) == {"sampler": "dpmpp_2m", "steps": 20, "calls": 20}


def test_if_all_are_right_the_rule_still_knows_how_little_that_says():
    """Of 100 pictures, all right: at least 99.0 % are, by one standard error."""
    rows = both("ddim", 50, 1.0, 0.1) + both("heun", 20, 0.995, 0.3) + both("unipc", 10, 0.98, 0.3)
    assert solvers.recommended(rows)["sampler"] == "heun"


def test_the_page_begins_with_what_the_table_recommends():
    best = specs.get(Recipe().model).card["solvers"]["recommended"]
    assert (Recipe().sampler, Recipe().steps) == (best["sampler"], best["steps"])


def test_the_readmes_table_holds_every_number():
    noisy = {"sampler": "euler_a", "guidance": 3.0, "budget": 10, "count": 8, "lenient": 0.5}
    found = {
        "prompts": 4, "exact": 2, "bounds": {"3": 0.001, "7.5": 0.002},
        "rows": both("ddim", 10, 0.25, 0.123), "rule": solvers.RULE,
        "stochastic": [noisy | {"diversity": 1.5, "diversity_error": 0.2}],
        "recommended": {"sampler": "ddim", "steps": 10, "calls": 10},
    }  # fmt: skip
    text = tables.solvers({"solvers": found})
    for part in ("| DDIM | 0.12 ± 0.1, 25 % |", "| Euler ancestral | 1.50 ± 0.20, 50 % |",
                 "0.001 at w = 3", "**Recommended: DDIM, 10 steps.**", solvers.RULE):  # fmt: skip
        assert part in text
    assert text.count("| DDIM |") == 2


def test_a_mean_knows_its_standard_error():
    found = solvers._mean("x", np.array([1.0, 3.0]))
    assert found == {"x": 2.0, "x_error": 1.0}
