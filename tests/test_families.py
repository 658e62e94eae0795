"""Families that read words by cross-attention draw what their stock pipelines draw.

Small pipelines of real classes with random weights, 128 × 96 pixels, four steps.
"""

import copy
import json
import shutil

import diffusers
import numpy as np
import pytest
import torch
from cross import FAMILIES, WORDS, loaded, model_of, same

from playground.diffusion.guidance import COND, EMBEDDED, UNCOND
from playground.diffusion.levels import Level
from playground.diffusion.samplers import SAMPLERS
from playground.engine.engine import Engine
from playground.engine.events import Picture
from playground.measuring import pairs
from playground.models import families
from playground.models.families import UnknownFamilyError, schedule, unet
from playground.models.latent import UnsupportedNetworkError
from playground.models.prompt import Condition

pytestmark = pytest.mark.usefixtures("one_thread")
ZERO_SNR = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
LEADING = {"timestep_spacing": "leading"}  # where diffusers' DDIM goes to the timestep that is next


# ---- pictures ------------------------------------------------------------------------------------
@pytest.mark.parametrize("family", FAMILIES)
def test_it_draws_what_its_pipeline_draws(family, both):
    """Also its decoder's pixels; other words are another picture."""
    one = both(family)
    picture, expected, vae = one.draw(), one.stock(), one.pipeline.vae
    same(picture.latents, expected)
    with torch.no_grad():
        decoded = vae.decode(torch.tensor(expected)[None] / vae.config.scaling_factor)[0][0]
    pixels = ((decoded.movedim(0, -1).clamp(-1, 1) + 1) * 127.5).numpy()
    assert np.abs(picture.image - pixels).max() <= 1
    other = one.draw(prompt="a castle on the moon")
    assert np.abs(other.latents - picture.latents).max() > 0.01 * picture.latents.std()


CASES = [
    ("sd15", "heun", {}), ("sd15", "dpmpp_2m_karras", {}), ("sd15", "dpmpp_2s", {}),
    ("sd21", "ddim", ZERO_SNR), ("sd21", "euler", ZERO_SNR), ("sd21", "dpmpp_2m_sde", {}),
    ("sdxl", "unipc", {}), ("sdxl", "deis", {}), ("sdxl", "lcm", {}),
    ("pixart", "ddim", LEADING), ("pixart", "ddpm", {}), ("sana", "dpmpp_2m", {}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "sampler", "changed"), CASES)
def test_every_sampler_is_that_of_the_pipeline(family, sampler, changed, both):
    one = both(family)
    config, model = {**one.pipeline.scheduler.config, **changed}, copy.copy(one.model)
    model.scheduler_config = model.scheduler_config | changed
    found = Engine(model).draw(one.recipe(sampler=sampler)).latents
    # Euler's first σ is 4,096 then: float32 rounds it by 2e-4, on every processor in its own way.
    within = 1e-3 if (sampler, changed) == ("euler", ZERO_SNR) else 1e-4
    same(found, one.stock(pairs.scheduler(sampler, config)), within)


def test_every_sampler_is_compared():
    own = {pairs.MADE_FOR[family][0] for family in FAMILIES}
    assert own | {sampler for _, sampler, _ in CASES} == set(SAMPLERS)


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_a_unet_draws_sides_that_it_cannot_halve(family, both):
    found = both(family).draw(width=136, height=88).latents
    assert found.shape == (4, 11, 17)
    same(found, both(family).stock(width=136, height=88))


def test_guidance_is_rescaled_as_by_the_pipeline(both):
    same(both("sd21").draw(rescale=0.7).latents, both("sd21").stock(guidance_rescale=0.7))


@pytest.mark.parametrize("family", ["sd15", "sdxl", "pixart", "sana"])
def test_one_branch_costs_one_row_and_is_that_of_the_pipeline(family, both):
    one = both(family)
    cond, uncond = one.draw(guidance=1.0), one.draw(guidance=0.0, negative="two dogs")
    assert cond.rows == uncond.rows == SAMPLERS[one.sampler].network_calls(4)
    same(cond.latents, one.stock(guidance_scale=1.0))
    bare = {"complex_human_instruction": None} if family == "sana" else {}
    same(uncond.latents, one.stock(guidance_scale=1.0, prompt="two dogs", **bare))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_of_other_words_levels_and_guidance_equals_single_pictures(family, both):
    asked = [
        {"prompt": WORDS}, {"prompt": "two dogs", "steps": 3, "guidance": 1.0},
        {"prompt": "a castle", "negative": "snow", "steps": 2, "seed": 6},
    ]  # fmt: skip
    alone = [both(family).draw(**changed) for changed in asked]
    events = Engine(both(family).model).submit([picture.recipe for picture in alone])
    together = {event.cell: event for event in events if isinstance(event, Picture)}
    for i, picture in enumerate(alone):
        same(together[i].latents, picture.latents)
        assert together[i].rows == picture.rows


@pytest.mark.parametrize("family", FAMILIES)
def test_a_network_in_half_precision_is_told_and_answers_in_single(family, both):
    model = copy.copy(both(family).model)
    latents = torch.randn(2, 4, 12, 16, generator=torch.Generator().manual_seed(0))
    at = [Level(0.5, 0.5, t) for t in (500.0, 20.5)]
    full, half = (
        changed.predict(latents, at, [Condition(changed._encode(t), 5.0) for t in (WORDS, "")])
        for changed in (model, halved(model))
    )
    assert half.dtype == torch.float32
    assert 0 < (half - full).abs().mean() < 0.1 * full.abs().mean()


def halved(model):
    other = copy.copy(model)
    other.network = copy.deepcopy(model.network).bfloat16()
    if hasattr(model, "unet"):
        other.unet = other.network
        other.cross_attention = unet.cross_attention_of(other.unet)
    return other


# ---- what is told besides words ------------------------------------------------------------------
def test_an_lcm_is_told_w_and_needs_one_row(both):
    assert both("lcm").model.guidance_kind is EMBEDDED
    few, many = (both("lcm").draw(guidance=w) for w in (2.0, 8.5))
    assert few.rows == few.calls == 4
    assert np.abs(few.latents - many.latents).max() > 1e-3


def test_no_negative_words_are_zeros_in_sdxl(both):
    one = both("sdxl")
    same(one.draw().latents, one.stock(negative_prompt=None))
    assert np.abs(one.draw().latents - one.stock(negative_prompt="")).max() > 0.1
    same(one.draw(negative="snow").latents, one.stock(negative_prompt="snow"))


def test_no_negative_words_are_the_empty_prompt_where_sdxl_was_trained_so(both):
    one = both("sdxl")
    zeros, said = (one.model.encode("", branch) for branch in (UNCOND, COND))
    assert not zeros.embeds.any()
    assert not zeros.pooled.any()
    assert said.embeds.any()
    assert zeros.roles == said.roles
    one.pipeline.register_to_config(force_zeros_for_empty_prompt=False)
    try:
        model = model_of(one.pipeline)
        assert model.encode("", UNCOND) is model.encode("", COND)
    finally:
        one.pipeline.register_to_config(force_zeros_for_empty_prompt=True)


def test_sdxl_is_told_the_size_of_its_row(both):
    model = both("sdxl").model
    latents, at = torch.zeros(1, 4, 12, 16), [Level(0.5, 0.5, 500.0)]
    small, wide, unsaid = (
        model.predict(latents, at, [Condition(model.encode(WORDS), size=size)])
        for size in ((96, 128), (1024, 2048), None)
    )
    assert torch.equal(small, unsaid)  # the size of the latents
    assert not torch.allclose(small, wide, atol=1e-5)


def test_text_keys_and_values_are_kept_only_where_small(both, monkeypatch):
    kept, large = (model_of(both("sd15").pipeline) for _ in range(2))
    told = [Condition(kept.encode(WORDS))]
    monkeypatch.setattr(unet, "KEPT_PROJECTIONS", 1000)
    told.append(Condition(large.encode(WORDS)))
    assert [bool(condition.prompt.projections) for condition in told] == [True, False]
    latents, at = torch.zeros(2, 4, 12, 16), [Level(0.5, 0.5, 500.0)] * 2
    together = kept.predict(latents, at, told)
    alone = [kept.predict(latents[:1], at[:1], [one]) for one in told]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=0)
    torch.testing.assert_close(*alone, atol=1e-5, rtol=0)


# ---- what is refused -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "pipeline",
    ["StableDiffusionInpaintPipeline", "StableDiffusionXLImg2ImgPipeline",
     "StableDiffusionControlNetPipeline", "StableDiffusionInstructPix2PixPipeline", "DiTPipeline"],
)  # fmt: skip
def test_pipelines_with_other_inputs_are_refused_by_name(pipeline):
    with pytest.raises(UnknownFamilyError, match=f"A {pipeline} cannot be .*SanaPipeline"):
        families.get(pipeline)


@pytest.mark.parametrize(
    ("family", "setting", "value"),
    [
        ("sd15", "in_channels", 9),  # inpainting: a mask and the masked picture
        ("sd15", "num_class_embeds", 1000),
        ("sd15", "addition_embed_type", "text_time"),
        ("sd15", "encoder_hid_dim_type", "ip_image_proj"),
        ("sdxl", "addition_embed_type", "text_image"),
        ("sdxl", "cross_attention_dim", 32),
        ("pixart", "use_additional_conditions", True),
        ("sana", "guidance_embeds", True),
    ],
)
def test_networks_with_other_inputs_are_refused_in_a_sentence(family, setting, value, both):
    network = both(family).network
    before = network.config.get(setting)
    network.register_to_config(**{setting: value})
    try:
        with pytest.raises(UnsupportedNetworkError, match=rf"mine cannot .*{setting} = .*\.$"):
            model_of(both(family).pipeline, "mine")
    finally:
        network.register_to_config(**{setting: before})


def test_schedules_of_other_models_are_refused():
    scheduler = diffusers.EDMDPMSolverMultistepScheduler()
    with pytest.raises(UnsupportedNetworkError, match="EDMDPMSolverMultistepScheduler belongs to"):
        schedule.config_of("mine", scheduler)


def test_folders_of_old_tokenizers_are_read(tiny_pipeline, tmp_path, both):
    """vocab.json and merges.txt, no tokenizer.json."""
    folder = tmp_path / "old"
    shutil.copytree(tiny_pipeline("sd15"), folder)
    file = folder / "tokenizer" / "tokenizer.json"
    learned = json.loads(file.read_text())["model"]
    file.unlink()
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps(learned["vocab"]))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in learned["merges"])]
    (folder / "tokenizer" / "merges.txt").write_text("\n".join(lines))
    found = Engine(model_of(loaded(folder))).draw(both("sd15").recipe())
    same(found.latents, both("sd15").draw().latents)
