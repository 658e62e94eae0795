"""SD3, Flux, Lumina2, Z-Image and Qwen-Image: the numbers of their own pipelines, row by row."""

import copy

import diffusers
import numpy as np
import pytest
import torch
from joint import FAMILIES, TEXTS, drawn, recipe, row_inputs, stock

from playground.diffusion import guidance, samplers
from playground.diffusion.guidance import COND, UNCOND
from playground.engine import cells
from playground.engine.engine import Engine
from playground.engine.events import Task
from playground.engine.local import LocalSession
from playground.engine.session import Edit
from playground.measuring import pairs
from playground.models.families.stock import packed, unpacked
from playground.models.latent import UnsupportedNetworkError
from playground.recipe import RecipeError


@pytest.mark.parametrize("name", FAMILIES)
def test_latents_and_pictures_are_those_of_the_stock_pipeline(name, joint_model):
    model, wanted = joint_model(name), recipe(joint_model(name))
    (picture,) = drawn(model, wanted)
    found, pixels = stock(model, wanted), stock(model, wanted, "np")
    assert found.std() > 0.3
    np.testing.assert_allclose(picture.latents, found, atol=1e-4, rtol=0)
    assert np.abs(picture.image / 255 - pixels).max() < 1.01 / 255
    assert pixels.std() > 0.01


GENERAL = ("dpmpp_2m", "dpmpp_2s", "unipc")  # solvers of any kind of model


@pytest.mark.parametrize(
    ("name", "sampler"),
    [
        *(("sd3", sampler) for sampler in ("heun", *GENERAL)),  # euler is its own
        *(("flux", sampler) for sampler in GENERAL),
        ("lumina2", "unipc"),
        ("qwen_image", "unipc"),
    ],
)  # the pipelines refuse the others
def test_every_flow_sampler_draws_what_the_stock_pipeline_draws_with_it(
    name, sampler, joint_model, monkeypatch
):
    model = joint_model(name)
    wanted = recipe(model, sampler=sampler, steps=5)
    other = pairs.scheduler(sampler, model.pipeline.scheduler.config)
    (picture,) = drawn(model, wanted)
    monkeypatch.setattr(model.pipeline, "scheduler", other)
    np.testing.assert_allclose(picture.latents, stock(model, wanted), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_sampler_ends_and_begins_where_the_familys_own_does(name, joint_model):
    model = joint_model(name)
    timing = model.timing(6, 96, 128)
    own = samplers.levels("euler", model.scheduler_config, 6, timing)
    for sampler in ("heun", *GENERAL):
        found = samplers.levels(sampler, model.scheduler_config, 6, timing)
        distinct = list(dict.fromkeys(level.noise for level in found))
        expected = [level.noise for level in own]
        if sampler == "heun" or name != "sd3":  # SD3's pipeline leaves σ to the scheduler
            assert distinct == pytest.approx(expected, abs=2e-3)
        assert distinct[0] == pytest.approx(1, abs=2e-3)


def test_a_schedule_that_ends_early_takes_two_steps(joint_model):
    model = joint_model("qwen_image")
    with pytest.raises(ValueError, match="at least 2 steps"):
        cells.Cell(0, Task(recipe(model, steps=1)), model)


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_of_one_call_are_those_of_each_alone(name, joint_model):
    model = joint_model(name)
    latents, at, told = row_inputs(model)
    together = model.predict(latents, at, told)
    assert (together.dtype, together.shape) == (torch.float32, latents.shape)
    for i in range(len(TEXTS)):
        alone = model.predict(latents[i : i + 1], at[i : i + 1], told[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-4, rtol=0)
    swapped = model.predict(latents, at, told[::-1])
    assert (swapped - together).abs().amax((1, 2, 3)).min() > 1e-3  # words matter in each


@pytest.mark.parametrize("name", ["flux", "qwen_image"])
def test_cells_of_other_words_steps_and_w_change_no_latents(name, joint_model):
    model = joint_model(name)
    recipes = [
        recipe(model), recipe(model, prompt=TEXTS[2], steps=6, guidance=2.5, sampler="dpmpp_2m"),
        recipe(model, prompt="", steps=3, guidance=1.0, sampler="heun"),
    ]  # fmt: skip
    for one, together in zip(recipes, drawn(model, *recipes), strict=True):
        (alone,) = drawn(model, one)
        np.testing.assert_allclose(together.latents, alone.latents, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_network_in_half_precision_is_told_and_answers_in_single(name, joint_model, monkeypatch):
    model = joint_model(name)
    latents, at, told = row_inputs(model)
    full = model.predict(latents, at, told)
    monkeypatch.setattr(model, "network", copy.deepcopy(model.network).bfloat16())
    half = model.predict(latents, at, told)
    assert half.dtype == torch.float32
    assert 0 < (half - full).abs().mean() < 0.1 * full.abs().mean()


# ---- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_a_words_tokens_are_found_in_every_stream(name, joint_model):
    model, pipeline = joint_model(name), joint_model(name).pipeline
    prompt = model.encode("a photo, of a cat")
    assert [word.text for word in prompt.words] == ["a", "photo", "of", "a", "cat"]
    decoders = {
        "CLIP": pipeline.tokenizer, "Gemma": pipeline.tokenizer, "Qwen3": pipeline.tokenizer,
        "Qwen2.5-VL": pipeline.tokenizer,
        "T5": getattr(pipeline, "tokenizer_3", getattr(pipeline, "tokenizer_2", None)),
    }  # fmt: skip
    for word in prompt.words:
        first, found = 0, []
        for stream in prompt.streams:
            mine = [i - first for i in word.tokens if 0 <= i - first < len(stream.ids)]
            assert all(stream.roles[i] == "content" for i in mine)
            found.append(decoders[stream.name].decode([stream.ids[i] for i in mine]).strip())
            first += len(stream.ids)
        assert found == [word.text] * len(prompt.streams)
    if name == "z_image":  # its network pads, so the embeds have no padding yet
        assert len(prompt.ids) == 32 * -(-prompt.embeds.shape[1] // 32)
    else:
        assert len(prompt.ids) == prompt.embeds.shape[1]


def test_words_beyond_clip_are_read_by_t5_alone(joint_model):
    prompt = joint_model("sd3").encode("cat " * 100)
    clip, t5 = (len(stream.ids) for stream in prompt.streams)
    assert (clip, t5) == (77, 256)
    assert [min(word.tokens) < clip for word in prompt.words] == [True] * 75 + [False] * 25
    assert all(max(word.tokens) >= clip for word in prompt.words)
    assert prompt.cut == ()
    longer = joint_model("sd3").encode("cat " * 300)
    assert longer.cut
    assert len(longer.words) + len(longer.cut) == 300


def test_a_negative_of_lumina_has_no_instruction(joint_model):
    model = joint_model("lumina2")
    with_words, negative = model.encode("a cat"), model.encode("a cat", UNCOND)
    assert with_words.roles.count("start") > 10
    assert negative.roles.count("start") == 1  # <bos>
    assert [w.text for w in with_words.words] == [w.text for w in negative.words] == ["a", "cat"]
    assert joint_model("qwen_image").encode("a cat") is joint_model("qwen_image").encode(
        "a cat", UNCOND
    )


# ---- guidance ----------------------------------------------------------------------------------


def test_kinds_of_guidance_are_told_from_the_configuration(joint_model):
    kinds = {name: joint_model(name).guidance_kind for name in FAMILIES}
    assert kinds == {
        "sd3": guidance.CLASSIFIER_FREE, "flux": guidance.EMBEDDED,
        "flux_schnell": guidance.DISTILLED, "lumina2": guidance.BY_ROWS,
        "z_image": guidance.Z_IMAGE, "qwen_image": guidance.BY_PATCHES,
    }  # fmt: skip


def test_w_is_an_input_of_flux_dev_in_one_row_and_follows_its_interval(joint_model):
    model = joint_model("flux")
    two, four = drawn(model, recipe(model, guidance=2.0), recipe(model))
    assert two.rows == two.calls == 4
    assert np.abs(two.latents - four.latents).max() > 1e-2
    cell = cells.Cell(0, Task(recipe(model, guidance_start=0.5)), model)
    assert cell.condition(COND).guidance == 1.0
    cell.call = 3
    assert cell.condition(COND).guidance == 4.0


def test_schnell_has_one_w(joint_model):
    with pytest.raises(RecipeError, match="distilled for w = 1 and cannot draw with w = 4"):
        drawn(joint_model("flux_schnell"), recipe(joint_model("flux_schnell"), guidance=4.0))
    small = {"width": 64, "height": 64, "sampler": "euler", "steps": 2, "guidance": 1.0}
    session = LocalSession(Engine(joint_model("flux_schnell"), max_rows=4), small)
    session.practise()
    assert session.call_seconds()


def test_norms_after_guidance_are_those_of_the_conditional_prediction():
    guided, cond = torch.randn(2, 1, 16, 6, 8, generator=torch.Generator().manual_seed(1))
    rows, patches = guidance.norm_of_rows(guided, cond), guidance.norm_of_patches(guided, cond)
    torch.testing.assert_close(rows.norm(dim=-1), cond.norm(dim=-1))
    torch.testing.assert_close(packed(patches).norm(dim=-1), packed(cond).norm(dim=-1))
    torch.testing.assert_close(guidance.norm_of_patches(3 * cond, cond), cond)
    assert torch.equal(unpacked(packed(cond), 6, 8), cond)


def test_networks_that_want_more_are_refused(joint_model, monkeypatch):
    for name, setting, value in (
        ("z_image", "siglip_feat_dim", 8), ("qwen_image", "zero_cond_t", True),
        ("flux", "in_channels", 128),
    ):  # fmt: skip
        model = joint_model(name)
        network = model.pipeline.transformer
        config = diffusers.configuration_utils.FrozenDict({**network.config, setting: value})
        with monkeypatch.context() as patched:
            patched.setattr(network, "_internal_dict", config)
            with pytest.raises(UnsupportedNetworkError, match=f"{setting} = {value}"):
                type(model).from_pipeline(name, model.pipeline, torch.zeros(17, 3))


def test_what_needs_cross_attention_says_why_not(joint_model, monkeypatch):
    model = joint_model("sd3")
    session, wanted = LocalSession(Engine(model)), recipe(model)
    with pytest.raises(ValueError, match="words and image attend to each other"):
        session.work_out("a cat", np.zeros((16, 12, 16), np.float32), 500.0, 0.5, 0.5)
    with pytest.raises(ValueError, match="edit needs cross-attention"):
        session.plan(wanted, Edit("swap", 0.5, word="cat", by="dog"))
    monkeypatch.setattr(cells, "LARGEST_HEADS", 1000)
    *_, last = session.submit([wanted], heads=True)
    assert "GB" in last.reason
