"""SD3, Flux, Lumina2, Z-Image and Qwen-Image: the numbers of their own pipelines, row by row."""

import copy
import functools
from collections.abc import Callable
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from torch import Tensor, nn

from playground.diffusion import guidance, samplers
from playground.diffusion.guidance import COND, UNCOND
from playground.engine import cells
from playground.engine.engine import Engine
from playground.engine.events import Failure, Picture, Step, Task
from playground.engine.local import LocalSession
from playground.engine.session import Edit
from playground.models import families
from playground.models.families.stock import StockModel, packed, unpacked
from playground.models.latent import UnsupportedNetworkError
from playground.models.prompt import Condition
from playground.recipe import Recipe, RecipeError

SIZE = {"width": 128, "height": 96}
PACKED = ("flux", "flux_schnell", "qwen_image")
# By tiny pipeline: how its stock call is told w and negative words.
CALLS: dict[str, Callable[[float], dict[str, Any]]] = {
    "sd3": lambda w: {"guidance_scale": w, "negative_prompt": "blurry"},
    "flux": lambda w: {"guidance_scale": w},
    "flux_schnell": lambda w: {"guidance_scale": 0.0, "max_sequence_length": 256},
    "lumina2": lambda w: {"guidance_scale": w, "negative_prompt": "blurry"},
    "z_image": lambda w: {"guidance_scale": w - 1, "negative_prompt": "blurry"},
    "qwen_image": lambda w: {"true_cfg_scale": w, "negative_prompt": "blurry"},
}
TEXTS = ("a photo of a cat", "", "two dogs left of a small house in the snow, at night", "a cat")


@pytest.fixture(scope="module")
def loaded(tiny_pipeline) -> Callable[[str], StockModel]:
    @functools.cache
    def load(name: str) -> StockModel:
        pipeline = DiffusionPipeline.from_pretrained(tiny_pipeline(name), local_files_only=True)
        pipeline.set_progress_bar_config(disable=True)
        for part in pipeline.components.values():
            if isinstance(part, nn.Module):
                part.eval().requires_grad_(False)
        made = families.get(type(pipeline).__name__).load_class()
        return made.from_pipeline(name, pipeline, torch.zeros(17, 3))

    return load


def recipe(model: StockModel, **fields) -> Recipe:
    w = 1.0 if model.guidance_kind is guidance.DISTILLED else 4.0
    usual = {"prompt": TEXTS[0], "negative": "blurry", "sampler": "euler", "steps": 4, "seed": 5}
    return Recipe(**SIZE | usual | {"guidance": w} | fields)


def drawn(model: StockModel, *recipes: Recipe, **options) -> list[Picture]:
    engine = Engine(model)
    found = [e for e in engine.submit(recipes, **options) if not isinstance(e, Step)]
    assert not [e.reason for e in found if isinstance(e, Failure)]
    engine.stop()
    return sorted(found, key=lambda picture: picture.cell)


def stock(model: StockModel, wanted: Recipe, output_type: str = "latent"):
    """What the pipeline draws from the same noise: latents unpacked, or pixels in 0 … 1."""
    noise = model.noise(torch.Generator().manual_seed(wanted.seed), wanted.height, wanted.width)
    said = model.pipeline(
        wanted.prompt, height=wanted.height, width=wanted.width, num_inference_steps=wanted.steps,
        latents=packed(noise) if model.name in PACKED else noise, output_type=output_type,
        **CALLS[model.name](wanted.guidance),
    )[0]  # fmt: skip
    if output_type == "latent" and model.name in PACKED:
        return unpacked(said, *noise.shape[2:])[0]
    return said[0]


def row_inputs(model: StockModel) -> tuple[Tensor, list, list[Condition]]:
    """A row for each of TEXTS, each with latents, a level and a w of its own."""
    latents = torch.randn(len(TEXTS), 16, 12, 16, generator=torch.Generator().manual_seed(3))
    timing = model.timing(4, 96, 128)
    at = samplers.levels("euler", model.scheduler_config, 4, timing)
    told = [Condition(model.encode(t), 1.0 + i) for i, t in enumerate(TEXTS)]
    return latents, list(at), told


@pytest.mark.parametrize("name", CALLS)
def test_latents_and_pictures_are_those_of_the_stock_pipeline(name, loaded):
    model, wanted = loaded(name), recipe(loaded(name))
    (picture,) = drawn(model, wanted)
    found, pixels = stock(model, wanted), stock(model, wanted, "np")
    assert found.std() > 0.3
    np.testing.assert_allclose(picture.latents, found, atol=1e-4, rtol=0)
    assert np.abs(picture.image / 255 - pixels).max() < 1.01 / 255
    assert pixels.std() > 0.01


GENERAL = {
    "dpmpp_2m": "DPMSolverMultistepScheduler", "dpmpp_2s": "DPMSolverSinglestepScheduler",
    "unipc": "UniPCMultistepScheduler",
}  # fmt: skip


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
    name, sampler, loaded, monkeypatch
):
    model = loaded(name)
    wanted, config = recipe(model, sampler=sampler, steps=5), model.pipeline.scheduler.config
    if sampler == "heun":
        other = diffusers.FlowMatchHeunDiscreteScheduler.from_config(config)
    else:
        other = getattr(diffusers, GENERAL[sampler]).from_config(
            config, use_flow_sigmas=True, prediction_type="flow_prediction",
            flow_shift=config.shift,
        )  # fmt: skip
    (picture,) = drawn(model, wanted)
    monkeypatch.setattr(model.pipeline, "scheduler", other)
    np.testing.assert_allclose(picture.latents, stock(model, wanted), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", CALLS)
def test_every_sampler_ends_and_begins_where_the_familys_own_does(name, loaded):
    model = loaded(name)
    timing = model.timing(6, 96, 128)
    own = samplers.levels("euler", model.scheduler_config, 6, timing)
    for sampler in ("heun", *GENERAL):
        found = samplers.levels(sampler, model.scheduler_config, 6, timing)
        distinct = list(dict.fromkeys(level.noise for level in found))
        expected = [level.noise for level in own]
        if sampler == "heun" or name != "sd3":  # SD3's pipeline leaves σ to the scheduler
            assert distinct == pytest.approx(expected, abs=2e-3)
        assert distinct[0] == pytest.approx(1, abs=2e-3)


def test_a_schedule_that_ends_early_takes_two_steps(loaded):
    model = loaded("qwen_image")
    with pytest.raises(ValueError, match="at least 2 steps"):
        cells.Cell(0, Task(recipe(model, steps=1)), model)


@pytest.mark.parametrize("name", CALLS)
def test_rows_of_one_call_are_those_of_each_alone(name, loaded):
    model = loaded(name)
    latents, at, told = row_inputs(model)
    together = model.predict(latents, at, told)
    assert (together.dtype, together.shape) == (torch.float32, latents.shape)
    for i in range(len(TEXTS)):
        alone = model.predict(latents[i : i + 1], at[i : i + 1], told[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-4, rtol=0)
    swapped = model.predict(latents, at, told[::-1])
    assert (swapped - together).abs().amax((1, 2, 3)).min() > 1e-3  # words matter in each


@pytest.mark.parametrize("name", ["flux", "qwen_image"])
def test_cells_of_other_words_steps_and_w_change_no_latents(name, loaded):
    model = loaded(name)
    recipes = [
        recipe(model), recipe(model, prompt=TEXTS[2], steps=6, guidance=2.5, sampler="dpmpp_2m"),
        recipe(model, prompt="", steps=3, guidance=1.0, sampler="heun"),
    ]  # fmt: skip
    for one, together in zip(recipes, drawn(model, *recipes), strict=True):
        (alone,) = drawn(model, one)
        np.testing.assert_allclose(together.latents, alone.latents, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", CALLS)
def test_a_network_in_half_precision_is_told_and_answers_in_single(name, loaded, monkeypatch):
    model = loaded(name)
    latents, at, told = row_inputs(model)
    full = model.predict(latents, at, told)
    monkeypatch.setattr(model, "network", copy.deepcopy(model.network).bfloat16())
    half = model.predict(latents, at, told)
    assert half.dtype == torch.float32
    assert 0 < (half - full).abs().mean() < 0.1 * full.abs().mean()


# ---- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLS)
def test_a_words_tokens_are_found_in_every_stream(name, loaded):
    model, pipeline = loaded(name), loaded(name).pipeline
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


def test_words_beyond_clip_are_read_by_t5_alone(loaded):
    prompt = loaded("sd3").encode("cat " * 100)
    clip, t5 = (len(stream.ids) for stream in prompt.streams)
    assert (clip, t5) == (77, 256)
    assert [min(word.tokens) < clip for word in prompt.words] == [True] * 75 + [False] * 25
    assert all(max(word.tokens) >= clip for word in prompt.words)
    assert prompt.cut == ()
    longer = loaded("sd3").encode("cat " * 300)
    assert longer.cut
    assert len(longer.words) + len(longer.cut) == 300


def test_a_negative_of_lumina_has_no_instruction(loaded):
    model = loaded("lumina2")
    with_words, negative = model.encode("a cat"), model.encode("a cat", UNCOND)
    assert with_words.roles.count("start") > 10
    assert negative.roles.count("start") == 1  # <bos>
    assert [w.text for w in with_words.words] == [w.text for w in negative.words] == ["a", "cat"]
    assert loaded("qwen_image").encode("a cat") is loaded("qwen_image").encode("a cat", UNCOND)


# ---- guidance ----------------------------------------------------------------------------------


def test_kinds_of_guidance_are_told_from_the_configuration(loaded):
    kinds = {name: loaded(name).guidance_kind for name in CALLS}
    assert kinds == {
        "sd3": guidance.CLASSIFIER_FREE, "flux": guidance.EMBEDDED,
        "flux_schnell": guidance.DISTILLED, "lumina2": guidance.BY_ROWS,
        "z_image": guidance.Z_IMAGE, "qwen_image": guidance.BY_PATCHES,
    }  # fmt: skip


def test_w_is_an_input_of_flux_dev_in_one_row_and_follows_its_interval(loaded):
    model = loaded("flux")
    two, four = drawn(model, recipe(model, guidance=2.0), recipe(model))
    assert two.rows == two.calls == 4
    assert np.abs(two.latents - four.latents).max() > 1e-2
    cell = cells.Cell(0, Task(recipe(model, guidance_start=0.5)), model)
    assert cell.condition(COND).guidance == 1.0
    cell.call = 3
    assert cell.condition(COND).guidance == 4.0


def test_schnell_has_one_w(loaded):
    with pytest.raises(RecipeError, match="distilled for w = 1 and cannot draw with w = 4"):
        drawn(loaded("flux_schnell"), recipe(loaded("flux_schnell"), guidance=4.0))


def test_norms_after_guidance_are_those_of_the_conditional_prediction():
    guided, cond = torch.randn(2, 1, 16, 6, 8, generator=torch.Generator().manual_seed(1))
    rows, patches = guidance.norm_of_rows(guided, cond), guidance.norm_of_patches(guided, cond)
    torch.testing.assert_close(rows.norm(dim=-1), cond.norm(dim=-1))
    torch.testing.assert_close(packed(patches).norm(dim=-1), packed(cond).norm(dim=-1))
    torch.testing.assert_close(guidance.norm_of_patches(3 * cond, cond), cond)
    assert torch.equal(unpacked(packed(cond), 6, 8), cond)


def test_networks_that_want_more_are_refused(loaded, monkeypatch):
    for name, setting, value in (
        ("z_image", "siglip_feat_dim", 8), ("qwen_image", "zero_cond_t", True),
        ("flux", "in_channels", 128),
    ):  # fmt: skip
        model = loaded(name)
        network = model.pipeline.transformer
        config = diffusers.configuration_utils.FrozenDict({**network.config, setting: value})
        with monkeypatch.context() as patched:
            patched.setattr(network, "_internal_dict", config)
            with pytest.raises(UnsupportedNetworkError, match=f"{setting} = {value}"):
                type(model).from_pipeline(name, model.pipeline, torch.zeros(17, 3))


def test_what_needs_cross_attention_says_why_not(loaded, monkeypatch):
    model = loaded("sd3")
    session, wanted = LocalSession(Engine(model)), recipe(model)
    with pytest.raises(ValueError, match="words and image attend to each other"):
        session.work_out("a cat", np.zeros((16, 12, 16), np.float32), 500.0, 0.5, 0.5)
    with pytest.raises(ValueError, match="edit needs cross-attention"):
        session.plan(wanted, Edit("swap", 0.5, word="cat", by="dog"))
    monkeypatch.setattr(cells, "LARGEST_HEADS", 1000)
    *_, last = session.submit([wanted], heads=True)
    assert "GB" in last.reason
