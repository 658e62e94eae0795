"""Races: fair lanes from one noise, what they cost, and what is kept of them."""

import base64
import dataclasses
import io
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from races import SMALL, ask_to_finish, last, planned, raced

from playground.diffusion.samplers import GENERAL
from playground.engine.cells import Cell
from playground.engine.events import Task
from playground.page import serving, together
from playground.page.kept import Finished, Kept
from playground.page.samplers import race_plan, racing
from playground.recipe import Recipe, RecipeError


def test_lanes_with_a_lora_and_without_have_names_of_their_own():
    base = Recipe(prompt="a cat", lora="few-steps")
    lanes = [race_plan.Lane(replace(base, lora=lora, sampler=sampler), 4)
             for lora in ("few-steps", "") for sampler in ("ddim", "heun")]  # fmt: skip
    race = racing.Race("", "steps", tuple(map(racing.Runner, lanes)), "", 0.0)
    assert [race.solver(lane) for lane in lanes] == [
        "U-Net + few-steps: DDIM", "U-Net + few-steps: Heun", "U-Net: DDIM", "U-Net: Heun",
    ]  # fmt: skip


def states(frame: dict) -> list[str]:
    return [lane["state"] for lane in frame["lanes"]]


def image(lane: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(lane["png"])))).astype(int)


@pytest.fixture
def launches(tiny):
    """The sizes of the network calls that are made."""
    sizes = []
    hook = tiny.unet.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    yield sizes
    hook.remove()


# ---- fair ----------------------------------------------------------------------------------------
def test_all_lanes_start_from_the_same_noise_bit_by_bit(tiny):
    lanes = planned(" ".join(GENERAL), "5", "0, 1, 5", "calls")
    noise = tiny.noise(torch.Generator().manual_seed(SMALL.seed), 64, 64)
    assert len(lanes) == 3 * len(GENERAL)
    for i, lane in enumerate(lanes):
        solver = Cell(i, Task(lane.recipe), tiny).solver
        assert torch.equal(solver.sample, noise * solver.scheduler.init_noise_sigma)


def test_a_race_equals_single_runs(session):
    final = last(raced(planned("ddim heun dpmpp_2m_sde pndm", "3", "1 5"), "steps"))
    assert final["share"] == 1
    for lane in final["lanes"]:
        recipe = Recipe.from_query(lane["link"])
        assert Recipe.from_png(io.BytesIO(base64.b64decode(lane["png"]))) == recipe
        alone = session.engine.draw(recipe)
        assert np.abs(image(lane) - alone.image).max() <= 1
        assert (lane["calls"], lane["rows"]) == (alone.calls, alone.rows)
        assert len(lane["previews"]) == alone.calls
        assert lane["seconds"] > 0
        assert lane["stochastic"] == (recipe.sampler == "dpmpp_2m_sde")


def test_eta_makes_ddim_stochastic(session):
    noisy = dataclasses.replace(SMALL, eta=0.5)
    final = last(raced(planned("ddim euler", "2", recipe=noisy), "steps"))
    assert [lane["stochastic"] for lane in final["lanes"]] == [True, False]


@pytest.mark.parametrize(
    ("ask", "calls"),
    [
        (("ddim euler unipc dpmpp_2m heun ddpm", "5", "", "steps"), 9),  # as many as Heun makes
        (("ddim euler unipc dpmpp_2m heun ddpm", "5", "", "calls"), 5),
        (("ddim", "2, 3, 9", "1, 5"), 9),
        (("ddim euler unipc deis", "2, 8", "5, 7"), 10),  # 320 rows: more do not fit 8 calls of 16
    ],
)
def test_a_grid_costs_its_longest_lane_not_the_sum(ask, calls, session, launches):
    lanes = planned(*ask)
    assert last(raced(lanes, "steps"))["share"] == 1
    assert sum(together.calls(lane.recipe) for lane in lanes) > 1.5 * calls
    assert len(launches) <= calls
    assert max(launches) <= session.engine.max_rows


def test_previews_advance_in_lock_step(session, monkeypatch):
    monkeypatch.setattr(together, "FRAME", 0.0)
    _, *frames = raced(planned("ddim euler unipc", "6"), "steps")
    calls = [[x.get("call", 0) for x in frame["lanes"]] for frame in frames]
    assert all(max(made) - min(made) <= 1 for made in calls)
    assert len({tuple(made) for made in calls}) > 6
    shares = [frame["share"] for frame in frames]
    assert shares == sorted(shares)
    assert all(x["previews"] for x in frames[-4]["lanes"])


# ---- what it costs, what is kept -----------------------------------------------------------------
def test_finished_lanes_are_kept_when_stopped_and_not_computed_again(
    session, launches, monkeypatch
):
    monkeypatch.setattr(together, "FRAME", 0.0)
    lanes = planned("ddim euler", "2, 60")
    frames = raced(lanes, "steps")
    for frame in frames:
        if frame["kind"] == "race" and states(frame).count("finished") == 2:
            break
    frames.close()
    assert sorted(states(frame)) == ["finished"] * 2 + ["sampling"] * 2
    wider = planned("ddim euler unipc", "2")
    assert race_plan.estimate(wider).startswith("3 lanes, 2 of them kept: 2 network calls,")
    launches.clear()
    final = last(raced(wider, "steps"))
    assert [x["kept"] for x in final["lanes"]] == [True, True, False]
    assert launches[-2:] == [2, 2]
    assert "2 of them kept from before" in final["text"]
    assert (image(final["lanes"][0]) == image(frame["lanes"][0])).all()
    launches.clear()
    again = last(raced(wider, "steps"))
    assert again["share"] == 1
    assert launches == []
    assert "nothing is computed" in race_plan.estimate(wider)
    assert again["text"] == "3 lanes in 0.0 s, 3 of them kept from before."


def test_kept_pictures_are_few_and_the_latest():
    kept, recipes = Kept(most=2), [Recipe(seed=seed) for seed in range(3)]
    pictures = [Finished(b"", (), 0.0) for _ in recipes]
    kept.put(recipes[0], pictures[0])
    kept.put(recipes[1], pictures[1])
    assert kept.get(recipes[0]) is pictures[0]  # asked for: now the latest
    kept.put(recipes[2], pictures[2])
    assert [kept.get(recipe) for recipe in recipes] == [pictures[0], None, pictures[2]]


def test_one_lane_is_cancelled_and_the_others_go_on(session, monkeypatch):
    monkeypatch.setattr(together, "FRAME", 0.0)
    lanes = planned("ddim euler unipc", "30")
    frames = raced(lanes, "steps", "ann")
    for frame in frames:
        if frame["kind"] == "race" and states(frame) == ["sampling"] * 3:
            break
    racing.drop(lanes[1].recipe.to_query(), "ann")
    final = last(frames)
    assert states(final) == ["finished", "ended", "finished"]
    assert final["lanes"][1]["reason"] == "cancelled"
    assert 0 < final["lanes"][1]["call"] < 30
    assert serving.kept().get(lanes[1].recipe) is None
    with pytest.raises(RecipeError, match="damaged"):
        racing.drop("?", "ann")


def test_a_lane_that_fails_says_why_and_alone(session, tiny, monkeypatch):
    import diffusers

    def broken(*_, **__):
        raise FloatingPointError("the solver broke")

    monkeypatch.setattr(diffusers.DEISMultistepScheduler, "step", broken)
    final = last(raced(planned("ddim deis", "2"), "steps"))
    assert states(final) == ["finished", "ended"]
    assert final["lanes"][1]["reason"] == "failed: the solver broke"


def test_a_new_race_takes_over(session):
    old = raced(planned("ddim heun", "90"), "steps", "ann")
    next(old), next(old)
    assert last(raced(planned("ddim heun", "2"), "steps", "ann"))["share"] == 1
    assert last(old)["text"] == "Another race of yours took over."


def test_what_cannot_be_equal_is_said(session):
    final = last(raced(planned("ddim heun", "3, 4", unit="calls"), "calls"))
    told = [(x["sampler"], x["count"], x["calls"], x["note"]) for x in final["lanes"]]
    assert told == [  # the second Heun would have been the first one again
        ("DDIM", 3, 3, ""), ("Heun", 3, 3, ""), ("DDIM", 4, 4, "")
    ]  # fmt: skip
    final = last(raced(planned("ddim heun", "4", unit="calls"), "calls"))
    assert [x["note"] for x in final["lanes"]] == ["", "cannot make exactly 4"]


# ---- draft, then finish --------------------------------------------------------------------------
def test_only_the_starred_are_finished(session, launches):
    draft = planned("ddim heun unipc", "3", unit="calls")
    last(raced(draft, "calls"))
    launches.clear()
    lanes = race_plan.finishing(ask_to_finish(draft, starred={1}))
    assert lanes[:3] == draft
    (full,) = lanes[3:]
    assert full == race_plan.Lane(dataclasses.replace(draft[1].recipe, steps=5), 9)
    final = last(raced(lanes, "calls"))
    assert [x["kept"] for x in final["lanes"]] == [True, True, True, False]
    assert launches == [2] * 9


def test_sources_are_read_together_and_what_one_raises_is_raised():
    halves = threading.Barrier(2)

    def source(items):
        for item in items:
            halves.wait(30)  # each goes on only when the other one is read too
            yield item

    found = list(together.merged([source("abc"), source("xyz")]))
    assert sorted(found) == [(0, "a"), (0, "b"), (0, "c"), (1, "x"), (1, "y"), (1, "z")]
    assert [item for number, item in found if number == 1] == ["x", "y", "z"]

    def broken():
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(together.merged([iter(()), broken()]))
