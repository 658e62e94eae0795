"""Attention recorded during the engine's runs: of the words, for each cell its own."""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionImg2ImgPipeline
from PIL import Image

from playground.attention import heatmaps
from playground.attention.record import Watched, record
from playground.engine.events import Picture, Step
from playground.recipe import Recipe

WIDE = {"steps": 2, "width": 192, "height": 64}


def first_maps(engine, *recipes: Recipe) -> list:
    """The maps of each cell's first step."""
    steps = [e for e in engine.submit(recipes, record=True) if isinstance(e, Step)]
    return [s.maps for i in range(len(recipes)) for s in steps if (s.cell, s.index) == (i, 0)]


def assert_same(maps, others) -> None:
    assert maps.keys() == others.keys()
    for grid in maps:
        np.testing.assert_allclose(maps[grid], others[grid], atol=1e-4)


def test_recording_does_not_change_the_picture(engine):
    recipe = Recipe(**WIDE, sampler="heun")
    *_, plain = engine.submit([recipe])
    *_, recorded = engine.submit([recipe], record=True)
    assert (plain.image == recorded.image).all()
    np.testing.assert_allclose(plain.latents, recorded.latents, atol=1e-6)


def test_every_step_has_maps_of_the_prompts_words(tiny, engine):
    events = list(engine.submit([Recipe(**WIDE, prompt="two red stars")], record=True))
    steps = [e for e in events if isinstance(e, Step)]
    assert len(steps) == 2
    for step in steps:
        assert step.maps.keys() == {(8, 24), (4, 12), (2, 6)}
        for (h, w), maps in step.maps.items():
            assert maps.shape == (6, h, w)  # start, three words, end, padding
            assert maps.dtype == np.float32
            np.testing.assert_allclose(maps.sum(0), np.ones((h, w)), atol=1e-5)
    assert not np.array_equal(steps[0].maps[8, 24], steps[1].maps[8, 24])


def test_maps_are_of_the_conditional_row_whatever_the_guidance(engine):
    """With guidance off there is no second half; with it on, unconditional comes first."""
    words = {"prompt": "two red stars", "negative": "a cat wearing a top hat"} | WIDE
    one, half, strong, swapped = first_maps(
        engine,
        Recipe(**words, guidance=1.0),
        Recipe(**words, guidance=0.5),
        Recipe(**words, guidance=9.0),
        Recipe(**WIDE, prompt=words["negative"], negative=words["prompt"], guidance=9.0),
    )
    assert_same(half, one)
    assert_same(strong, one)
    assert len(swapped[8, 24]) != len(one[8, 24])


def test_without_a_conditional_row_there_are_no_maps(engine):
    assert first_maps(engine, Recipe(**WIDE, guidance=0.0)) == [None]


def test_without_recording_there_are_no_maps_also_next_to_recorded_cells(engine):
    recorded = engine.submit([Recipe(**WIDE | {"steps": 4})], record=True)
    plain = engine.submit([Recipe(**WIDE)])
    assert all(e.maps is None for e in plain if isinstance(e, Step))
    assert all(e.maps is not None for e in recorded if isinstance(e, Step))


def test_cells_of_one_batch_each_get_their_own_maps(engine):
    recipes = [
        Recipe(**WIDE, prompt="a cat wearing a top hat"),
        Recipe(**WIDE, prompt="", guidance=0.0),
        Recipe(**WIDE, prompt="a dog", guidance=1.0, seed=3),
        Recipe(**WIDE, prompt="three blue circles on the grass", seed=4, sampler="ddim"),
    ]
    together = first_maps(engine, *recipes)
    for maps, recipe in zip(together, recipes, strict=True):
        (alone,) = first_maps(engine, recipe)
        if recipe.guidance:
            assert_same(maps, alone)
        else:
            assert maps is alone is None
    assert together[0][8, 24].shape != together[2][8, 24].shape


def test_repeated_words_have_maps_of_their_own(tiny, engine):
    recipe = Recipe(**WIDE, prompt="a cat and a cat", guidance=1.0)
    (maps,) = first_maps(engine, recipe)
    words = tiny.encode(recipe.prompt).words
    assert [w.text for w in words] == ["a", "cat", "and", "a", "cat"]
    map_ = torch.from_numpy(maps[8, 24])
    of_words = heatmaps.of_words(map_, words)
    torch.testing.assert_close(of_words, map_[1:6])
    assert not torch.allclose(of_words[1], of_words[4], rtol=1e-3, atol=0)


@pytest.mark.parametrize("prompt", ["", "cat " * 75, "cat " * 200, "zebra!?", "🦊 ,,, é"])
def test_any_prompt_can_be_recorded(prompt, tiny, engine):
    *steps, picture = engine.submit([Recipe(**WIDE, prompt=prompt[:300])], record=True)
    encoded = tiny.encode(prompt[:300])
    assert isinstance(picture, Picture)
    for step in steps:
        words = heatmaps.of_words(torch.from_numpy(step.maps[8, 24]), encoded.words)
        assert len(words) == len(encoded.words)
        assert len(step.maps[8, 24]) == int(encoded.columns.max()) + 1


def test_a_run_that_begins_half_way_is_recorded(shipped):
    """img2img adds noise to a picture and does only the last steps, here in stock diffusers."""
    pipe = StableDiffusionImg2ImgPipeline(
        shipped.vae, shipped.text_encoder, shipped.tokenizer, shipped.unet,
        DDIMScheduler.from_config(shipped.scheduler_config), None, None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    prompt = shipped.encode("a red star")

    def draw():
        return pipe(
            prompt.text, Image.new("RGB", (192, 128), (90, 120, 220)), strength=0.5,
            num_inference_steps=4, guidance_scale=5.0, output_type="np",
            generator=torch.Generator().manual_seed(0),
        ).images  # fmt: skip

    plain = draw()
    with record(shipped.unet, [Watched(1, prompt.columns)]) as recorder:  # row 0 has no words
        recorded = draw()
    assert (plain == recorded).all()
    (maps,) = recorder.maps()
    layers = len(shipped.cross_attention)
    assert sum(map(len, recorder.layers.values())) == 2 * layers  # two of the four steps
    assert maps.keys() == {(16, 24), (8, 12), (4, 6)}
    for (h, w), map_ in maps.items():
        torch.testing.assert_close(map_.sum(0), torch.ones(h, w), atol=1e-4, rtol=0)
