"""Families that read words by cross-attention draw what their stock pipelines draw.

Small pipelines of real classes with random weights (`tiny_pipelines`), 128 × 96 pixels, four steps.
"""

import dataclasses
import functools
import inspect
import json
import shutil
from types import SimpleNamespace

import diffusers
import numpy as np
import pytest
import torch
from torch import nn

from playground.attention.calls import attention_calls
from playground.attention.layouts import layout_of
from playground.diffusion.guidance import COND, EMBEDDED, UNCOND
from playground.diffusion.levels import Level
from playground.diffusion.samplers import SAMPLERS
from playground.engine.engine import Engine
from playground.engine.events import Picture, Step
from playground.engine.local import LocalSession
from playground.engine.session import Edit
from playground.models import families
from playground.models.families import UnknownFamilyError, schedule
from playground.models.families.unet import UNetModel
from playground.models.latent import UnsupportedNetworkError
from playground.models.prompt import CONTENT, END, PADDING, START, Condition
from playground.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"width": 128, "height": 96, "steps": 4, "seed": 5}
WORDS = "A photo of a dog and a red apple, a dog"
AS_ASKED = {"use_resolution_binning": False, "clean_caption": False}  # not cleaned, not resized
MADE_FOR = {  # of each family its own sampler, w, and what its pipeline is told besides
    "sd15": ("pndm", 5.0, {}),
    "sd21": ("ddim", 5.0, {}),
    "lcm": ("lcm", 8.5, {}),
    "sdxl": ("euler", 5.0, {}),
    "sdxl_turbo": ("euler_a", 1.0, {}),
    "pixart": ("dpmpp_2m", 4.5, AS_ASKED),
    "sana": ("euler", 4.5, AS_ASKED),
}
ZERO_SNR = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
LEADING = {"timestep_spacing": "leading"}  # where diffusers' DDIM goes to the timestep that is next
READS = ("sd15", "sdxl", "pixart", "sana")  # one of each kind of text


@pytest.fixture(scope="module")
def stock(tiny_pipeline):
    """The stock pipeline of a family."""

    @functools.cache
    def loaded(family: str):
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            tiny_pipeline(family), local_files_only=True
        )
        pipeline.set_progress_bar_config(disable=True)
        for part in pipeline.components.values():
            if isinstance(part, nn.Module):
                part.eval().requires_grad_(False)
        return pipeline

    return loaded


def model_of(pipeline, name: str = "tiny"):
    family = families.get(type(pipeline).__name__)
    return family.load_class().from_pipeline(name, pipeline, torch.zeros(5, 3))


@pytest.fixture(scope="module")
def model(stock):
    return functools.cache(lambda family: model_of(stock(family)))


@pytest.fixture(scope="module")
def draw(model):
    """Our picture of a family and a recipe, drawn once."""

    @functools.cache
    def drawn(family: str, **recipe) -> Picture:
        sampler, w, _ = MADE_FOR[family]
        usual = {"prompt": WORDS, "sampler": sampler, "guidance": w, **SMALL}
        return Engine(model(family)).draw(Recipe(**usual | recipe))

    return drawn


@pytest.fixture
def stock_latents(stock):
    """The stock pipeline's latents [c, h, w] for the same seed."""

    def latents(family: str, scheduler=None, prompt: str = WORDS, **options) -> torch.Tensor:
        pipeline, (_, w, told) = stock(family), MADE_FOR[family]
        own, pipeline.scheduler = pipeline.scheduler, scheduler or pipeline.scheduler
        try:
            return pipeline(
                prompt, output_type="latent", generator=torch.Generator().manual_seed(5),
                **{"height": 96, "width": 128, "num_inference_steps": 4, "guidance_scale": w}
                | told | options,
            )[0][0]  # fmt: skip
        finally:
            pipeline.scheduler = own

    return latents


def same(found, expected, atol: float = 1e-4) -> None:
    """Equal within 1e-4 of latents of unit spread: some random networks make them far larger."""
    found, expected = torch.as_tensor(found), torch.as_tensor(expected)
    assert torch.isfinite(expected).all()
    spread = max(1.0, float(expected.std()))
    torch.testing.assert_close(found / spread, expected / spread, atol=atol, rtol=0)


# ---- pictures ------------------------------------------------------------------------------------
@pytest.mark.parametrize("family", MADE_FOR)
def test_it_draws_what_its_pipeline_draws(family, draw, stock, stock_latents):
    """Also its decoder's pixels; other words are another picture."""
    picture, expected = draw(family), stock_latents(family)
    same(picture.latents, expected)
    pipeline = stock(family)
    with torch.no_grad():
        decoded = pipeline.vae.decode(expected[None] / pipeline.vae.config.scaling_factor)[0]
    pixels = ((decoded[0].movedim(0, -1).clamp(-1, 1) + 1) * 127.5).numpy()
    assert np.abs(picture.image - pixels).max() <= 1
    other = draw(family, prompt="a castle on the moon")
    assert np.abs(other.latents - picture.latents).max() > 0.01 * picture.latents.std()


CASES = [
    ("sd15", "heun", {}), ("sd15", "dpmpp_2m_karras", {}), ("sd15", "dpmpp_2s", {}),
    ("sd21", "ddim", ZERO_SNR), ("sd21", "euler", ZERO_SNR), ("sd21", "dpmpp_2m_sde", {}),
    ("sdxl", "unipc", {}), ("sdxl", "deis", {}), ("sdxl", "lcm", {}),
    ("pixart", "ddim", LEADING), ("pixart", "ddpm", {}), ("sana", "dpmpp_2m", {}),
]  # fmt: skip


def stock_scheduler(sampler: str, config: dict):
    """As one makes it from a pipeline's own."""
    record = SAMPLERS[sampler]
    if "FlowMatch" in config["_class_name"]:
        return getattr(diffusers, record.scheduler)(
            use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=config["shift"]
        )
    kind = getattr(diffusers, record.scheduler)
    unclipped = {"clip_sample": False} & inspect.signature(kind.__init__).parameters.keys()
    return kind.from_config(config, **record.config, **dict.fromkeys(unclipped, False))


@pytest.mark.parametrize(("family", "sampler", "changed"), CASES)
def test_every_sampler_is_that_of_the_pipeline(family, sampler, changed, stock, stock_latents):
    pipeline = stock(family)
    config = {**pipeline.scheduler.config, **changed}
    model = model_of(pipeline)
    model.scheduler_config |= changed
    recipe = Recipe(WORDS, sampler=sampler, guidance=MADE_FOR[family][1], **SMALL)
    expected = stock_latents(family, stock_scheduler(sampler, config))
    same(Engine(model).draw(recipe).latents, expected)


def test_every_sampler_is_compared():
    own = {sampler for sampler, _, _ in MADE_FOR.values()}
    assert own | {sampler for _, sampler, _ in CASES} == set(SAMPLERS)


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_a_unet_draws_sides_that_it_cannot_halve(family, draw, stock_latents):
    found = draw(family, width=136, height=88).latents
    assert found.shape == (4, 11, 17)
    same(found, stock_latents(family, width=136, height=88))


def test_guidance_is_rescaled_as_by_the_pipeline(draw, stock_latents):
    same(draw("sd21", rescale=0.7).latents, stock_latents("sd21", guidance_rescale=0.7))


@pytest.mark.parametrize("family", ["sd15", "sdxl", "pixart", "sana"])
def test_one_branch_costs_one_row_and_is_that_of_the_pipeline(family, draw, stock_latents):
    cond, uncond = draw(family, guidance=1.0), draw(family, guidance=0.0, negative="two dogs")
    calls = SAMPLERS[MADE_FOR[family][0]].network_calls(4)
    assert cond.rows == uncond.rows == calls
    same(cond.latents, stock_latents(family, guidance_scale=1.0))
    if family != "sana":  # its pipeline cannot draw without an instruction and with no guidance
        same(uncond.latents, stock_latents(family, guidance_scale=1.0, prompt="two dogs"))


@pytest.mark.parametrize("family", MADE_FOR)
def test_a_batch_of_other_words_levels_and_guidance_equals_single_pictures(family, model, draw):
    asked = [
        {"prompt": WORDS}, {"prompt": "two dogs", "steps": 3, "guidance": 1.0},
        {"prompt": "a castle", "negative": "snow", "steps": 2, "seed": 6},
    ]  # fmt: skip
    alone = [draw(family, **one) for one in asked]
    recipes = [picture.recipe for picture in alone]
    together = {e.cell: e for e in Engine(model(family)).submit(recipes) if isinstance(e, Picture)}
    for i, picture in enumerate(alone):
        same(together[i].latents, picture.latents)
        assert together[i].rows == picture.rows


# ---- what is told besides words ------------------------------------------------------------------
def test_an_lcm_is_told_w_and_needs_one_row(model, draw):
    assert model("lcm").guidance_kind is EMBEDDED
    few, many = (draw("lcm", guidance=w) for w in (2.0, 8.5))
    assert few.rows == few.calls == 4
    assert np.abs(few.latents - many.latents).max() > 1e-3


def test_no_negative_words_are_zeros_in_sdxl(draw, stock_latents):
    found = draw("sdxl").latents
    same(found, stock_latents("sdxl", negative_prompt=None))
    assert (torch.tensor(found) - stock_latents("sdxl", negative_prompt="")).abs().max() > 0.1
    same(draw("sdxl", negative="snow").latents, stock_latents("sdxl", negative_prompt="snow"))


def test_sdxl_without_that_setting_encodes_the_empty_prompt(stock):
    pipeline = stock("sdxl")
    plain = SimpleNamespace(
        **{k: v for k, v in pipeline.components.items() if isinstance(k, str)},
        config=SimpleNamespace(force_zeros_for_empty_prompt=False),
        encode_prompt=pipeline.encode_prompt,
    )
    found = families.get("StableDiffusionXLPipeline").load_class().from_pipeline("x", plain, [[0]])
    assert found.encode("", UNCOND) is found.encode("", COND)
    zeros = model_of(pipeline)
    assert not zeros.encode("", UNCOND).embeds.any()
    assert zeros.encode("", COND).embeds.any()
    assert zeros.encode("", UNCOND).roles == zeros.encode("", COND).roles


def test_sdxl_is_told_the_size_of_its_row(model):
    one = model("sdxl")
    latents, at = torch.zeros(1, 4, 12, 16), [Level(0.5, 0.5, 500.0)]
    prompt = one.encode(WORDS)
    small, wide, unsaid = (
        one.predict(latents, at, [Condition(prompt, size=size)])
        for size in ((96, 128), (1024, 2048), None)
    )
    assert torch.equal(small, unsaid)  # the size of the latents
    assert not torch.allclose(small, wide, atol=1e-5)


def test_text_keys_and_values_are_kept_only_where_small(stock, monkeypatch, stock_latents):
    kept = model_of(stock("sd15"))
    assert kept.encode(WORDS).projections
    monkeypatch.setattr("playground.models.families.unet.KEPT_PROJECTIONS", 1000)
    large = model_of(stock("sd15"))
    assert not large.encode(WORDS).projections
    assert large.encode(WORDS).nbytes < 20_000
    recipe = Recipe(WORDS, sampler="pndm", **SMALL)
    pictures = [Engine(one).draw(recipe).latents for one in (kept, large)]
    np.testing.assert_allclose(*pictures, atol=1e-4)
    told = [Condition(kept.encode(WORDS)), Condition(large.encode(WORDS))]  # in one call
    at = [Level(0.5, 0.5, 500.0)] * 2
    rows = kept.predict(torch.zeros(2, 4, 12, 16), at, told)
    torch.testing.assert_close(rows[0], rows[1], atol=1e-5, rtol=0)


# ---- words ---------------------------------------------------------------------------------------
def keys_of(model, prompt) -> dict[str, torch.Tensor]:
    """By layer, the keys [heads, tokens, d] that image positions attend to."""
    found = {}

    def listen(call, output):
        assert not call.joint
        found[call.name] = call.key[0]
        return output

    with attention_calls(model.network, layout_of(model.network), listen), torch.no_grad():
        model.predict(torch.zeros(1, 4, 12, 16), [Level(0.5, 0.5, 500.0)], [Condition(prompt)])
    return found


@pytest.mark.parametrize("family", READS)
def test_a_words_embeds_are_the_keys_of_its_own_columns(family, model):
    """Text encoders mix words, so the embeds are changed, not the words."""
    one = model(family)
    prompt = dataclasses.replace(one.encode(WORDS), projections={})
    before = keys_of(one, prompt)
    for word in prompt.words[4:7]:
        embeds = prompt.embeds.clone()
        embeds[0, list(word.tokens)] += 1.0 + torch.arange(embeds.shape[2]) % 3
        after = keys_of(one, dataclasses.replace(prompt, embeds=embeds))
        for name, keys in before.items():
            changed = (keys != after[name]).any(2).any(0).nonzero()[:, 0].tolist()
            assert changed == list(word.tokens)
        assert prompt.columns[list(word.tokens)].tolist() == list(word.columns)


@pytest.mark.parametrize("family", READS)
def test_probabilities_of_all_columns_sum_to_one_and_recording_changes_nothing(family, model, draw):
    picture = draw(family)
    *steps, recorded = Engine(model(family)).submit([picture.recipe], record=True, heads=True)
    assert np.array_equal(recorded.latents, picture.latents)
    roles = model(family).encode(WORDS).roles
    for step in steps:
        for (h, w), found in step.maps.items():
            assert found.shape == (len(roles), h, w)
            np.testing.assert_allclose(found.sum(0), 1, atol=1e-4)
            if family in ("pixart", "sana"):  # padding is masked
                assert found[roles.index(PADDING)].max() < 1e-6
            assert (h, w) in GRIDS


GRIDS = [(12, 16), (6, 8), (3, 4), (2, 2)]  # of 96 × 128, halved with rounding up
LONG = " ".join(["cat"] * 400)


@pytest.mark.parametrize(
    ("family", "start", "end", "most"),
    [("sd15", 1, 1, 75), ("sdxl", 1, 1, 75), ("pixart", 0, 1, None), ("sana", None, 0, None)],
)
def test_words_are_the_prompts_own(family, start, end, most, model):
    one = model(family)
    prompt = one.encode("  The DOG, a cat and  the dog; İstanbul 猫")
    assert [w.text for w in prompt.words] == [
        "The", "DOG", "a", "cat", "and", "the", "dog", "İstanbul", "猫",
    ]  # fmt: skip
    assert all(prompt.text[w.start : w.end] == w.text and w.tokens for w in prompt.words)
    tokens = [token for word in prompt.words for token in word.tokens]
    assert len(set(tokens)) == len(tokens)  # repeated words have tokens of their own
    (stream,) = prompt.streams
    assert all(stream.roles[token] == CONTENT for token in tokens)
    assert start in (None, stream.roles.count(START))  # Sana's: also the end of its instruction
    assert stream.roles.count(END) == end
    assert prompt.embeds.shape[1] == len(prompt.ids)
    long = one.encode(LONG)
    assert [w.text for w in long.words] + list(long.cut) == ["cat"] * 400
    assert len(long.cut) >= 90
    assert most in (None, len(long.words))
    assert max(token for word in long.words for token in word.tokens) < len(long.ids)


def test_no_word_is_unknown_to_clip(model):
    """Its unknown token is its end token; T5 has an unknown token."""
    assert all(word.known for word in model("sd15").encode("zyxw ç 猫").words)
    assert not all(word.known for word in model("pixart").encode("a 猫").words)


@pytest.mark.parametrize("family", READS)
def test_what_looks_like_a_special_token_is_drawn(family, model):
    texts = ("<|endoftext|>", "a <|startoftext|> cat", "<pad></s><bos>", "\t\n", "")
    recipes = [Recipe(text, sampler="euler", **SMALL | {"steps": 1}) for text in texts]
    events = Engine(model(family)).submit(recipes, record=True)
    assert sum(isinstance(e, Picture) for e in events) == len(texts)


# ---- edits ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("family", ["sd15", "sdxl", "pixart"])
def test_a_swapped_word_takes_the_attention_of_the_word_before(family, model, draw):
    """Prompt-to-Prompt with the source's attention in all steps: Hertz et al. 2022, section 3.2."""
    source = draw(family).recipe
    session = LocalSession(Engine(model(family)))
    edit = Edit("swap", 1.0, word="dog", which=0, by="a")
    events = list(session.submit([source], edit=edit, record=True))
    steps = [[e for e in events if isinstance(e, Step) and e.cell == i] for i in (0, 1)]
    for first, second in zip(*steps, strict=True):
        for size, found in first.maps.items():
            np.testing.assert_allclose(second.maps[size], found, atol=1e-6)
    first, second = sorted((e for e in events if isinstance(e, Picture)), key=lambda e: e.cell)
    same(first.latents, draw(family).latents)  # the source is drawn as without an edit
    plain = draw(family, prompt=second.recipe.prompt)
    assert second.recipe.prompt == WORDS.replace("dog", "a", 1)
    for other in (first, plain):
        assert np.abs(second.latents - other.latents).max() > 1e-3 * other.latents.std()


@pytest.mark.parametrize("family", ["sd15", "sdxl", "pixart"])
def test_added_and_weighted_words(family, model, draw):
    session = LocalSession(Engine(model(family)))
    source, plain = draw(family).recipe, draw(family).latents
    for edit in (
        Edit("refine", 0.5, prompt=WORDS + " in the snow"),
        Edit("reweight", 1.0, weights={4: 3.0}),
    ):
        first, second = sorted(
            (e for e in session.submit([source], edit=edit) if isinstance(e, Picture)),
            key=lambda e: e.cell,
        )
        same(first.latents, plain)
        assert np.abs(second.latents - plain).max() > 1e-3 * plain.std()


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
def test_networks_with_other_inputs_are_refused_in_a_sentence(family, setting, value, stock):
    pipeline = stock(family)
    network = pipeline.unet if family.startswith("sd") else pipeline.transformer
    before = network.config.get(setting)
    network.register_to_config(**{setting: value})
    try:
        with pytest.raises(UnsupportedNetworkError, match=rf"mine cannot .*{setting} = .*\.$"):
            model_of(pipeline, "mine")
    finally:
        network.register_to_config(**{setting: before})


def test_schedules_of_other_models_are_refused():
    scheduler = diffusers.EDMDPMSolverMultistepScheduler()
    with pytest.raises(UnsupportedNetworkError, match="EDMDPMSolverMultistepScheduler belongs to"):
        schedule.config_of("mine", scheduler)


def test_folders_of_old_tokenizers_are_read(tiny_pipeline, tmp_path, draw):
    """vocab.json and merges.txt, no tokenizer.json."""
    folder = tmp_path / "old"
    shutil.copytree(tiny_pipeline("sd15"), folder)
    file = folder / "tokenizer" / "tokenizer.json"
    learned = json.loads(file.read_text())["model"]
    file.unlink()
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps(learned["vocab"]))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in learned["merges"])]
    (folder / "tokenizer" / "merges.txt").write_text("\n".join(lines))
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    found = model_of(pipeline)
    assert isinstance(found, UNetModel)
    recipe = draw("sd15").recipe
    same(Engine(found).draw(recipe).latents, draw("sd15").latents)
