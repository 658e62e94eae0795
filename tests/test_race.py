"""Races: fair lanes from one noise, what they cost, and what is kept of them."""

import base64
import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image

from playground.cells import Cell
from playground.recipe import Recipe, RecipeError
from playground.samplers import SAMPLERS
from playground.ui import drawing, racing, together
from playground.ui.kept import Finished, Kept

SMALL = Recipe(prompt="a cat", width=64, height=64, seed=3)


def planned(names="ddim heun", counts="4", guidances="", unit="steps", recipe=SMALL):
    return racing.plan(recipe, names.split(), counts, guidances, unit)


def last(frames) -> dict:
    *_, final = frames
    return final


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


# ---- what may be raced ---------------------------------------------------------------------------
def test_every_sampler_with_every_count_and_every_w():
    lanes = planned("ddim euler", "4, 8", "1 5")
    assert [(x.recipe.guidance, x.count, x.recipe.sampler) for x in lanes] == [
        (w, count, name) for w in (1, 5) for count in (4, 8) for name in ("ddim", "euler")
    ]
    rest = {dataclasses.replace(x.recipe, sampler="ddim", steps=4, guidance=1.0) for x in lanes}
    assert rest == {dataclasses.replace(SMALL, sampler="ddim", steps=4, guidance=1.0)}
    assert {x.recipe.guidance for x in planned(recipe=Recipe(guidance=2.5))} == {2.5}


@pytest.mark.parametrize(
    ("name", "calls", "steps", "made"),
    [
        ("ddim", 7, 7, 7),
        ("heun", 7, 4, 7),  # 2·4 − 1
        ("heun", 8, 4, 7),  # an even number cannot be made
        ("heun", 1, 1, 1),
        ("heun", 100, 50, 99),
        ("pndm", 8, 7, 8),  # 7 + 1
        ("pndm", 2, 1, 1),  # one step is one call, two are three
        ("pndm", 1, 1, 1),
    ],
)
def test_equal_network_calls(name, calls, steps, made):
    lane = next(
        x for x in planned(f"unipc {name}", str(calls), unit="calls") if x.recipe.sampler == name
    )
    assert (lane.recipe.steps, together.calls(lane.recipe), lane.count) == (steps, made, calls)


def test_what_cannot_be_equal_is_said(machine):
    final = last(racing.race(planned("ddim heun", "3, 4", unit="calls"), "calls"))
    told = [(x["sampler"], x["count"], x["calls"], x["note"]) for x in final["lanes"]]
    assert told == [  # the second Heun would have been the first one again
        ("DDIM", 3, 3, ""), ("Heun", 3, 3, ""), ("DDIM", 4, 4, "")
    ]  # fmt: skip
    final = last(racing.race(planned("ddim heun", "4", unit="calls"), "calls"))
    assert [x["note"] for x in final["lanes"]] == ["", "cannot make exactly 4"]


NONSENSE = {
    "no lane": (("", "4"), "at least two lanes"),
    "one lane": (("ddim", "4"), "at least two lanes"),
    "the same twice": (("ddim ddim", "4, 4.0"), "at least two lanes"),
    "no count": (("ddim heun", " ,; "), "How many steps? The list is empty"),
    "a word": (("ddim heun", "many"), "“many” in the list is not a number"),
    "a script": (("ddim heun", "<script>"), "“<script>” in the list is not a number"),
    "half a step": (("ddim heun", "2.5"), "“2.5” in the list is not a whole number"),
    "ten thousand": (("ddim heun", "10000"), "1 to 100 steps, not 10,000."),
    "calls of a lane": (("ddim heun", "10000", "", "calls"), "1 to 100 network calls, not 10,000"),
    "infinite": (("ddim heun", "inf"), "1 to 100 steps, not inf"),
    "none": (("ddim heun", "0"), "1 to 100 steps, not 0"),
    "w too large": (("ddim heun", "4", "99"), "between 0 and 30"),
    "w a word": (("ddim heun", "4", "x"), "“x” in the list is not a number"),
    "unknown": (("ddim lcm", "4"), "no sampler 'lcm'; there are: ddpm"),
    "unit": (("ddim heun", "4", "", "pounds"), "no 'pounds' to be equal in"),
    "lanes": (("ddim heun", "1 2 3 4 5 6 7 8 9 10", "1 5"), "40 lanes are too many: a race has at"),
    "calls": (("ddim heun euler", "80 90 100", "1 3 5"), "3,231 network calls; a race has at most"),
}  # fmt: skip


@pytest.mark.parametrize(("ask", "words"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_one_sentence(ask, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        planned(*ask)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_recipe_that_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="at most 256 pixels"):
        planned(recipe=Recipe(width=512))


# ---- fair ----------------------------------------------------------------------------------------
def test_all_lanes_start_from_the_same_noise_bit_by_bit(tiny):
    lanes = planned(" ".join(SAMPLERS), "5", "0, 1, 5", "calls")
    noise = tiny.noise(torch.Generator().manual_seed(SMALL.seed), 64, 64)
    assert len(lanes) == 3 * len(SAMPLERS)
    for i, lane in enumerate(lanes):
        cell = Cell(i, lane.recipe, tiny, recorded=False)
        assert torch.equal(cell.sample, noise * cell.scheduler.init_noise_sigma)


def test_a_race_equals_single_runs(machine):
    final = last(racing.race(planned("ddim heun dpmpp_2m_sde pndm", "3", "1 5"), "steps"))
    assert final["share"] == 1
    for lane in final["lanes"]:
        recipe = Recipe.from_query(lane["link"])
        assert Recipe.from_png(io.BytesIO(base64.b64decode(lane["png"]))) == recipe
        alone = machine.draw(recipe)
        assert np.abs(image(lane) - alone.image).max() <= 1
        assert (lane["calls"], lane["rows"]) == (alone.calls, alone.rows)
        assert len(lane["previews"]) == alone.calls
        assert lane["seconds"] > 0
        assert lane["stochastic"] == (recipe.sampler == "dpmpp_2m_sde")


def test_eta_makes_ddim_stochastic(machine):
    noisy = dataclasses.replace(SMALL, eta=0.5)
    final = last(racing.race(planned("ddim euler", "2", recipe=noisy), "steps"))
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
def test_a_grid_costs_its_longest_lane_not_the_sum(ask, calls, machine, launches):
    lanes = planned(*ask)
    assert last(racing.race(lanes, "steps"))["share"] == 1
    assert sum(together.calls(lane.recipe) for lane in lanes) > 1.5 * calls
    assert len(launches) <= calls
    assert max(launches) <= machine.max_rows


def test_previews_advance_in_lock_step(machine, monkeypatch):
    monkeypatch.setattr(together, "FRAME", 0.0)
    _, *frames = racing.race(planned("ddim euler unipc", "6"), "steps")
    calls = [[x.get("call", 0) for x in frame["lanes"]] for frame in frames]
    assert all(max(made) - min(made) <= 1 for made in calls)
    assert len({tuple(made) for made in calls}) > 6
    shares = [frame["share"] for frame in frames]
    assert shares == sorted(shares)
    assert all(x["previews"] for x in frames[-4]["lanes"])


# ---- what it costs, what is kept -----------------------------------------------------------------
def test_the_estimate_is_calls_times_measured_seconds(machine):
    lanes = planned("ddim heun", "5")
    assert racing.estimate(lanes) == (
        "2 lanes: 14 network calls, made together in 9 of about 3 rows."
    )
    machine._measured = {3: 0.2, 4: 0.3}
    # 28 rows in 9 calls, 3.11 a call
    assert racing.estimate(lanes).endswith(" of about 3 rows: 9 × 0.21 s, as measured, ≈ 1.9 s.")
    assert next(racing.race(lanes, "steps"))["text"].endswith(racing.estimate(lanes))
    many = planned("ddim euler unipc deis", "50", "2,3,4,5")
    machine._measured = {16: 0.5}
    assert "made together in 100 of about 16 rows: 100 × 0.5 s, as measured, ≈ 50 s." in (
        racing.estimate(many)
    )


def test_finished_lanes_are_kept_when_stopped_and_not_computed_again(
    machine, launches, monkeypatch
):
    monkeypatch.setattr(together, "FRAME", 0.0)
    lanes = planned("ddim euler", "2, 60")
    frames = racing.race(lanes, "steps")
    for frame in frames:
        if frame["kind"] == "race" and states(frame).count("finished") == 2:
            break
    frames.close()
    assert sorted(states(frame)) == ["finished"] * 2 + ["sampling"] * 2
    wider = planned("ddim euler unipc", "2")
    assert racing.estimate(wider).startswith("3 lanes, 2 of them kept: 2 network calls,")
    launches.clear()
    final = last(racing.race(wider, "steps"))
    assert [x["kept"] for x in final["lanes"]] == [True, True, False]
    assert launches[-2:] == [2, 2]
    assert "2 of them kept from before" in final["text"]
    assert (image(final["lanes"][0]) == image(frame["lanes"][0])).all()
    launches.clear()
    again = last(racing.race(wider, "steps"))
    assert again["share"] == 1
    assert launches == []
    assert "nothing is computed" in racing.estimate(wider)
    assert again["text"] == "3 lanes in 0.0 s, 3 of them kept from before."


def test_kept_pictures_are_few_and_the_latest():
    kept, recipes = Kept(most=2), [Recipe(seed=seed) for seed in range(3)]
    pictures = [Finished(b"", (), 0.0) for _ in recipes]
    kept.put(recipes[0], pictures[0])
    kept.put(recipes[1], pictures[1])
    assert kept.get(recipes[0]) is pictures[0]  # asked for: now the latest
    kept.put(recipes[2], pictures[2])
    assert [kept.get(recipe) for recipe in recipes] == [pictures[0], None, pictures[2]]


def test_one_lane_is_cancelled_and_the_others_go_on(machine, monkeypatch):
    monkeypatch.setattr(together, "FRAME", 0.0)
    lanes = planned("ddim euler unipc", "30")
    frames = racing.race(lanes, "steps", "ann")
    for frame in frames:
        if frame["kind"] == "race" and states(frame) == ["sampling"] * 3:
            break
    racing.drop(lanes[1].recipe.to_query(), "ann")
    final = last(frames)
    assert states(final) == ["finished", "ended", "finished"]
    assert final["lanes"][1]["reason"] == "cancelled"
    assert 0 < final["lanes"][1]["call"] < 30
    assert drawing.kept().get(lanes[1].recipe) is None
    with pytest.raises(RecipeError, match="damaged"):
        racing.drop("?", "ann")


def test_a_lane_that_fails_says_why_and_alone(machine, tiny, monkeypatch):
    import diffusers

    def broken(*_, **__):
        raise ArithmeticError("the solver broke")

    monkeypatch.setattr(diffusers.DEISMultistepScheduler, "step", broken)
    final = last(racing.race(planned("ddim deis", "2"), "steps"))
    assert states(final) == ["finished", "ended"]
    assert final["lanes"][1]["reason"] == "failed: the solver broke"


def test_a_new_race_takes_over(machine):
    old = racing.race(planned("ddim heun", "90"), "steps", "ann")
    next(old), next(old)
    assert last(racing.race(planned("ddim heun", "2"), "steps", "ann"))["share"] == 1
    assert last(old)["text"] == "Another race of yours took over."


# ---- draft, then finish --------------------------------------------------------------------------
def ask_to_finish(lanes, starred, unfinished=(), **changes) -> dict:
    told = [
        {"link": x.recipe.to_query(), "count": x.count, "starred": i in starred,
         "finished": i not in unfinished}
        for i, x in enumerate(lanes)
    ]  # fmt: skip
    return {"unit": "calls", "count": "9", "lanes": told} | changes


def test_only_the_starred_are_finished(machine, launches):
    draft = planned("ddim heun unipc", "3", unit="calls")
    last(racing.race(draft, "calls"))
    launches.clear()
    lanes = racing.finishing(ask_to_finish(draft, starred={1}))
    assert lanes[:3] == draft
    (full,) = lanes[3:]
    assert full == racing.Lane(dataclasses.replace(draft[1].recipe, steps=5), 9)
    final = last(racing.race(lanes, "calls"))
    assert [x["kept"] for x in final["lanes"]] == [True, True, True, False]
    assert launches == [2] * 9


def test_a_draft_that_was_stopped_is_not_drawn_again():
    draft = planned("ddim heun unipc", "3", unit="calls")
    lanes = racing.finishing(ask_to_finish(draft, starred={0, 1}, unfinished={1, 2}))
    assert [(x.recipe.sampler, x.count) for x in lanes] == [("ddim", 3), ("ddim", 9), ("heun", 9)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "No lane is starred"),
        ({"count": "10000"}, "1 to 100 network calls, not 10,000"),
        ({"count": None}, "“None” in the list is not a number"),
        ({"unit": "?"}, "no '?' to be equal in"),
        ({"lanes": None}, "did not arrive"),
        ({"lanes": [1, 2]}, "did not arrive"),
        ({"lanes": [{"link": "?", "count": 3, "starred": True}]}, "damaged"),
    ],
)
def test_nonsense_to_finish_is_one_sentence(changes, words):
    draft = planned("ddim heun", "3", unit="calls")
    with pytest.raises(RecipeError) as caught:
        racing.finishing(ask_to_finish(draft, starred=()) | changes)
    assert words in str(caught.value)
