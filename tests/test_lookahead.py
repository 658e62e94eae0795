"""The look-ahead: what the browser will draw for any w is what the engine's formula gives."""

import base64
import copy

import numpy as np
import pytest
import torch

from playground.diffusion.guidance import COND, UNCOND, guide
from playground.engine.engine import Engine
from playground.engine.local import LocalSession
from playground.engine.record import RunRecord, records
from playground.engine.session import Session
from playground.page.guidance import data
from playground.page.guidance.views import lookahead
from playground.recipe import Recipe

SMALL = {"steps": 3, "width": 64, "height": 96, "prompt": "a cat"}


@pytest.fixture(scope="module")
def coloured(tiny):
    """The tiny model with a preview that is not black."""
    model = copy.copy(tiny)
    model.preview_map = torch.linspace(-0.4, 0.5, 15).view(5, 3)
    return model


def drawn(session: Session, **changes) -> RunRecord:
    *_, run = records(session, session.submit([Recipe(**SMALL | changes)], record=True))
    return run


def ran(model, **changes) -> tuple[RunRecord, dict]:
    """A recorded run, and what the look-ahead shows of it."""
    session = LocalSession(Engine(model))
    run = drawn(session, **changes)
    return run, data.of_run(run, session)["lookahead"]


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(12, 8, 3)


def pixels(raster: dict) -> np.ndarray:
    shape = (raster["h"], raster["w"], 3)
    return np.frombuffer(base64.b64decode(raster["rgb"]), np.uint8).reshape(shape)


@pytest.mark.parametrize("w", [0.0, 0.3, 1.0, 7.5, 30.0])
def test_the_line_through_two_previews_is_the_preview_of_guidance(w, coloured):
    run, look = ran(coloured, guidance=4.0)
    assert (look["h"], look["w"], len(look["steps"])) == (12, 8, 3)
    for step, shown in zip(run.steps, look["steps"], strict=True):
        uncond, cond = floats(shown["uncond"]), floats(shown["cond"])
        expected = run.colours(guide(step.clean[UNCOND], step.clean[COND], w))
        reach = np.abs(expected).max()
        np.testing.assert_allclose(uncond + w * (cond - uncond), expected, atol=1e-5 * reach)
        assert reach > 1  # it says more than a screen can show


def test_it_passes_through_what_the_run_itself_drew(coloured):
    _, look = ran(coloured, guidance=4.0)
    for shown in look["steps"]:
        uncond, cond = floats(shown["uncond"]), floats(shown["cond"])
        ahead = (np.clip(uncond + 4 * (cond - uncond), -1, 1) + 1) * 127.5
        assert np.abs(ahead - pixels(shown["guided"])).max() <= 1


def test_the_preview_a_visitor_sees_is_the_same_cut_to_a_screen(coloured):
    run, _ = ran(coloured, guidance=4.0)
    for step in run.steps:
        colours = run.colours(step.clean["guided"]).clip(-1, 1)
        assert np.abs((colours + 1) * 127.5 - step.preview).max() <= 0.5 + 1e-3  # rounded


def moment(uncond_noise, cond_noise) -> lookahead.Moment:
    colours = np.zeros((1, 2, 3), np.uint8)
    both = lookahead.Branches(colours, colours, (uncond_noise, cond_noise), (colours, colours))
    return lookahead.Moment(3.0, colours, both)


def test_lengths_angles_and_places_of_a_known_pair():
    """ε_u and ε_c are [channels, 1, 2]: equal at the left place, (3, 0) and (3, 4) at the right."""
    uncond, cond = np.zeros((2, 1, 2)), np.zeros((2, 1, 2))
    uncond[:, 0, 1], cond[:, 0, 1] = (3, 0), (3, 4)
    (shown,) = lookahead.finished([moment(uncond, cond)], 3.0, [], "", "", [])["steps"]
    assert shown["length"] == 4
    assert shown["share"] == pytest.approx(4 / 3, rel=1e-3)
    assert shown["angle"] == pytest.approx(53.13)  # of the triangle 3, 4, 5
    assert shown["peak"] == 4
    assert list(base64.b64decode(shown["map"])) == [0, 255]


def test_nothing_is_made_stronger_where_both_are_given_the_same_words(coloured):
    _, shown = ran(coloured, prompt="", guidance=5.0)
    for step in shown["steps"]:
        assert step["length"] == 0
        assert step["noises"]["gain"] == 1


@pytest.mark.parametrize("degrees", [0.0, 1e-5, 30.0, 90.0, 180.0])
def test_angles_also_where_a_cosine_would_round(degrees):
    turned = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    assert lookahead.angle(np.array([2.0, 0.0]), turned) == pytest.approx(degrees, abs=1e-9)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_the_noise_of_a_branch_makes_its_input_again(prediction, coloured):
    """x_t = √ᾱ·x̂0 + √(1 − ᾱ)·ε̂, whatever the network predicts."""
    model = copy.copy(coloured)
    model.scheduler_config = model.scheduler_config | {"prediction_type": prediction}
    run, _ = ran(model, sampler="ddim")
    kept = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
    for step in run.steps:
        signal = kept[int(step.level.t)] ** 0.5
        noise = (1 - signal**2) ** 0.5
        for branch in (UNCOND, COND, "guided"):
            mixed = signal * step.clean[branch] + noise * step.noise(branch)
            np.testing.assert_allclose(mixed, step.latents, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("changes", "both"),
    [
        ({"guidance": 1.0}, [False] * 3),
        ({"guidance": 0.0}, [False] * 3),
        ({"guidance": 5.0, "guidance_stop": 0.5}, [True, True, False]),
    ],
)
def test_a_branch_that_was_not_computed_is_not_made_up(changes, both, coloured):
    _, look = ran(coloured, **changes)
    assert [shown["both"] for shown in look["steps"]] == both
    for shown in look["steps"]:
        assert ("uncond" in shown, "angle" in shown) == (shown["both"],) * 2
        assert pixels(shown["guided"]).std() > 0
    assert "3 network calls" in look["text"]
    assert ("would need 6 rows" in look["text"]) == (not any(both))


def test_what_a_branch_less_saves_is_what_calls_took_here(coloured):
    session = LocalSession(Engine(coloured))
    run = drawn(session, guidance=5.0)
    session.engine._measured = {"PyTorch": {1: [0.009], 2: [0.012]}}
    said = data.of_run(run, session)["lookahead"]["text"]
    assert "3 network calls with 6 rows" in said
    assert "3 rows less, or 0.01 s: a call of one row took 9 ms here lately, of two 12 ms." in said
    session.engine._measured = {"PyTorch": {2: [0.012]}}  # of one row nothing is known
    assert data.of_run(run, session)["lookahead"]["text"].endswith("3 rows less.")


def test_words_come_along_and_notes_say_what_is_not_shown(coloured):
    run, look = ran(coloured, guider="apg", rescale=0.5, negative="a dog")
    assert [word["text"] for word in look["words"]] == ["a", "cat"]
    (word, _) = look["words"]
    maps = np.frombuffer(base64.b64decode(word["maps"]), np.uint8)
    assert maps.size == 3 * word["h"] * word["w"]
    shares = run.shares()[word["h"], word["w"]][:, 0]
    assert np.abs(maps / 255 - shares.ravel()).max() <= 0.5 / 255 + 1e-6
    assert any("APG" in note and "plain" in note for note in look["notes"])
    assert any("negative words here: “a dog”" in note for note in look["notes"])
    assert look["without"] == "with the negative words"
    assert ran(coloured)[1]["notes"] == []
    assert ran(coloured)[1]["without"] == "without words"
