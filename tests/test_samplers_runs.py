"""Stopped runs beside finished ones, DDPM's thousand steps, and the forward process."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from playground.diffusion import forward, reference
from playground.engine.events import Picture, Task
from playground.models import pictures
from playground.models.pictures import PictureError
from playground.page import serving
from playground.page.samplers import counting, lecture, noising
from playground.page.shared.view import data_url
from playground.recipe import Recipe, RecipeError
from playground.training.unet import new_schedule
from playground.world.render import draw
from playground.world.scene import Scene

RECIPE = Recipe(prompt="a cat", steps=6, seed=3, width=64, height=64)


def test_numbers_of_steps_are_few_and_reach_the_last():
    assert counting.numbers(3) == [1, 2, 3]
    found = counting.numbers(100)
    assert len(found) == counting.COLUMNS
    assert found[0] == 1
    assert found[-1] == 100
    assert all(counting.numbers(n)[-1] == n for n in range(2, 101))
    assert counting.numbers(30, fewest=2)[0] == 2
    assert counting.numbers(3, fewest=2) == [2, 3]


@pytest.mark.parametrize("sampler", ["ddim", "heun", "pndm"])
def test_columns_are_states_of_the_long_run_and_ends_of_the_short_ones(sampler, session):
    recipe = replace(RECIPE, sampler=sampler)
    *progress, last = counting.compare(recipe)
    assert all(0 <= shown["share"] < 1 for shown in progress)
    assert [c["steps"] for c in last["columns"]] == [1, 2, 3, 4, 5, 6]
    *steps, picture = session.submit([recipe])
    first, third, end = (last["columns"][i] for i in (0, 2, 5))
    after = {"ddim": 3, "heun": 6, "pndm": 4}[sampler]  # network calls that three steps took
    state = session.decode(steps[after].latents[None])[0]
    assert third["stopped"] == data_url(state)
    clean = session.decode(steps[after - 1].clean["guided"][None])[0]
    assert third["clean"] == data_url(clean)
    assert end["stopped"] == end["full"] == data_url(picture.image)
    alone = session.engine.draw(replace(recipe, steps=1))
    assert first["full"] == data_url(alone.image)
    assert first["full"] != first["stopped"]


def test_one_step_is_compared_with_nothing(session):
    with pytest.raises(RecipeError, match="2 steps or more"):
        next(counting.compare(replace(RECIPE, steps=1)))


def end_of(session, task: Task) -> Picture:
    *_, picture = session.submit([task])
    return picture


def test_a_task_may_take_other_steps_than_its_recipe(session):
    recipe = replace(RECIPE, guidance=3.0)
    told = end_of(session, Task(replace(recipe, steps=2), steps=6))
    alone = end_of(session, Task(recipe))
    assert told.calls == alone.calls == 6
    np.testing.assert_array_equal(told.latents, alone.latents)


def test_ddpm_draws_fresh_noise_from_the_seed(session):
    def end(seed):
        recipe = replace(RECIPE, sampler="ddpm", seed=seed)
        return end_of(session, Task(recipe, steps=3)).latents

    np.testing.assert_array_equal(end(1), end(1))
    assert (end(1) != end(2)).any()


def test_ddpm_may_take_all_of_its_thousand_steps(session):
    """Every training timestep once, from the last to the first."""
    task = Task(replace(RECIPE, sampler="ddpm", guidance=1.0), steps=1000)
    with session.submit([task]) as run:
        first = next(iter(run))
    assert (first.count, first.level.t) == (1000, 999)


def test_the_lecture_times_both_and_can_be_closed(session, monkeypatch):
    monkeypatch.setattr(lecture, "RUNS", (("ddim", 2), ("ddpm", 8)))
    monkeypatch.setattr(lecture, "FRAME", 0.0)
    first, *between, last = lecture.race(RECIPE)
    assert first["share"] == 0
    shares = [shown["share"] for shown in between]
    assert shares == pytest.approx(np.arange(1, 11) / 10)
    assert [(x["label"], x["done"]) for x in last["lanes"]] == [
        ("DDIM, 2 steps", 2),
        ("DDPM, 8 steps", 8),
    ]
    assert "4 times the network calls" in last["text"]
    assert all(x["image"] and x["seconds"] >= 0 for x in last["lanes"])
    seen = []
    hook = session.model.unet.register_forward_hook(lambda *_: seen.append(1))
    try:
        running = lecture.race(RECIPE)
        for _ in range(3):
            next(running)
        running.close()
        session.engine.stop()  # waits for the call that is under way
    finally:
        hook.remove()
    assert len(seen) < 10  # nothing goes on behind


def test_a_later_lecture_takes_over(session, monkeypatch):
    monkeypatch.setattr(lecture, "RUNS", (("ddim", 90), ("ddpm", 2)))
    old = lecture.race(RECIPE, "ann")
    next(old), next(old)
    monkeypatch.setattr(lecture, "RUNS", (("ddim", 1), ("ddpm", 2)))
    *_, last = lecture.race(RECIPE, "ann")
    assert len(last["lanes"]) == 2
    *_, told = old
    assert told["text"] == "Another run of yours took over."


def test_a_lecture_that_fails_says_why(session, monkeypatch):
    monkeypatch.setattr(lecture, "RUNS", (("ddim", 2), ("ddpm", 2)))
    monkeypatch.setattr(session.engine.network, "ask", lambda *_: 1 / 0)
    *_, last = lecture.race(RECIPE)
    assert last["error"]
    assert last["text"].startswith("DDIM, 2 steps failed: Something went wrong")


def test_noise_is_added_as_diffusers_does(tiny):
    levels = forward.training_levels(tiny.scheduler_config)
    clean, noise = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    for t in (0, 250, 999):
        expected = new_schedule().add_noise(clean, noise, torch.tensor([t]))
        assert levels[t].t == t
        torch.testing.assert_close(levels[t].mix(clean, noise), expected)
    sigmas = reference.training_sigmas(tiny.scheduler_config)
    np.testing.assert_allclose([level.sigma for level in levels], sigmas)


def test_a_picture_is_encoded_as_in_training_and_comes_back(shipped):
    """Its middle square, whatever its mode and shape; a place that the world has comes back."""
    plain = Image.new("RGB", (128, 128), (40, 90, 200))
    wide = Image.new("RGBA", (400, 200), (0, 0, 0, 255))
    wide.paste(plain.resize((200, 200)), (100, 0))
    latents = [shipped.latents_of(pictures.middle_square(p, 128)) for p in (plain, wide)]
    assert latents[0].shape == (1, 4, 16, 16)
    torch.testing.assert_close(*latents, atol=0.05, rtol=0)  # resizing blends the edges
    scene = draw(Scene("blue background")).copy()
    back = shipped.decode(shipped.latents_of(scene))[0].astype(int)
    assert np.abs(back - scene).mean() < 2


def image_of(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def test_the_recipes_picture_is_noised(session):
    *progress, last = noising.of_recipe(RECIPE)
    assert {shown["kind"] for shown in progress} == {"message"}
    shares = [shown["share"] for shown in progress]
    assert shares == sorted(shares)
    assert shares[-4:] == pytest.approx(0.5 + np.arange(4) / 8)  # 28 pictures, seven at a time
    assert shares[0] == 0
    assert (last["c"], last["h"], last["w"]) == (4, 8, 8)
    assert [d["t"] for d in last["decoded"]] == list(range(0, 1000, 37))
    picture = session.engine.draw(RECIPE)
    np.testing.assert_array_equal(
        np.frombuffer(base64.b64decode(last["latents"]), np.float32).reshape(4, 8, 8),
        picture.latents,
    )
    assert image_of(last["decoded"][0]["image"]).shape == (64, 64, 3)


def test_noising_can_be_closed_while_it_draws_and_while_it_decodes(session, monkeypatch):
    monkeypatch.setattr(serving, "FRAME", 0.0)
    running = noising.of_recipe(RECIPE)
    next(running)
    assert next(running)["text"].startswith("Drawing")
    running.close()
    assert not session.engine._turns.runs
    decoded, network = [], session.engine.network
    decode = network.decode
    monkeypatch.setattr(network, "decode", lambda x: decoded.append(len(x)) or decode(x))
    running = noising.of_recipe(RECIPE)
    while not next(running)["text"].startswith("Decoding"):
        pass
    next(running)
    running.close()
    assert decoded == [1, 7]  # the picture itself and seven of it, nothing goes on behind


def test_uploads_are_seen_as_a_viewer_shows_them():
    half = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    half.putpixel((1, 0), (0, 0, 255, 0))
    assert np.asarray(pictures.opaque(half)).tolist() == [[[255, 0, 0], [255, 255, 255]]]
    deep = Image.fromarray(np.array([[0, 32768, 65535]], np.uint16))
    assert np.asarray(pictures.opaque(deep)).tolist() == [[[v] * 3 for v in (0, 127, 255)]]
    with pytest.raises(ValueError, match="mode 'F'"):
        pictures.opaque(Image.new("F", (2, 2)))


@pytest.mark.parametrize("sent", [None, [], {}, 5], ids=repr)
def test_no_file_is_a_sentence(sent, session):
    with pytest.raises(RecipeError, match="No file arrived"):
        next(noising.of_file(sent, Recipe()))


def test_uploads_that_are_no_pictures_are_refused_in_words(session, tmp_path, monkeypatch):
    file = tmp_path / "x.png"
    file.write_text("<script>alert(1)</script>")
    with pytest.raises(PictureError, match="not a readable"):
        list(noising.of_file(str(file), Recipe()))
    Image.new("RGB", (20, 20)).save(file)
    *_, last = noising.of_file(str(file), Recipe())
    assert last["kind"] == "finished"
    monkeypatch.setattr(pictures, "LARGEST", 399)
    with pytest.raises(PictureError, match="too many pixels"):
        list(noising.of_file(str(file), Recipe()))
