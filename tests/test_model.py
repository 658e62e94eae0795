"""One face for every model: prompts, predictions without repeated work, pictures."""

import copy

import numpy as np
import pytest
import torch
from conftest import tiny_model

from playground.diffusion.guidance import EMBEDDED
from playground.diffusion.levels import Level
from playground.models import latent
from playground.models.families.unet import FURTHER_INPUTS, UNetModel, replaced, shared_work
from playground.models.latent import UnsupportedNetworkError
from playground.models.prompt import Condition, embeds_of

PROMPTS = ("a cat wearing a top hat", "", "two red stars and a zebra", "a cat wearing a top hat")


def rows(model: UNetModel, timesteps=(981, 1, 501, 981)):
    generator = torch.Generator().manual_seed(4)
    latents = torch.randn(4, 4, 8, 12, generator=generator)
    at = [Level(0.5, 0.5, float(t)) for t in timesteps]
    return latents, at, [Condition(model.encode(text)) for text in PROMPTS]


def timesteps_of(at: list[Level]) -> torch.Tensor:
    return torch.tensor([level.t for level in at])


def replaced_modules(model: UNetModel) -> list[str]:
    """Modules whose instance carries a `forward` of its own."""
    return [name for name, m in model.unet.named_modules() if "forward" in m.__dict__]


@pytest.mark.parametrize(
    "timesteps",
    [(981.0, 1.0, 501.0, 981.0), (7.0, 7.0, 7.0, 7.0), (4.0, 3.0, 2.0, 1.0), (961.5, 0, 0, 3.25)],
)
@torch.inference_mode()
def test_sharing_work_predicts_the_same_numbers(timesteps, tiny):
    latents, at, told = rows(tiny, timesteps)
    plain = tiny.unet(latents, timesteps_of(at), embeds_of(told)).sample
    shared = tiny.predict(latents, at, told)
    torch.testing.assert_close(shared, plain, atol=1e-5, rtol=0)
    assert (plain[0] - plain[1]).abs().max() > 0.01  # else nothing was compared


def test_equal_timesteps_are_embedded_once(tiny):
    latents, at, told = rows(tiny)  # three different ones in four rows
    sizes = []
    hook = tiny.unet.time_embedding.linear_1.register_forward_pre_hook(
        lambda _, args: sizes.append(len(args[0]))
    )
    try:
        tiny.predict(latents, at, told)
    finally:
        hook.remove()
    assert sizes == [3]


def test_text_is_projected_when_it_is_encoded_and_not_again(tiny):
    latents, at, told = rows(tiny)
    layer = next(iter(tiny.cross_attention.values())).to_k
    before = layer.weight.clone()
    try:
        layer.weight.fill_(torch.nan)
        assert torch.isfinite(tiny.predict(latents, at, told)).all()
    finally:
        layer.weight.copy_(before)


def test_modules_are_as_before_after_a_prediction_and_after_an_error(tiny):
    latents, at, told = rows(tiny)
    tiny.predict(latents, at, told)
    assert replaced_modules(tiny) == []
    with pytest.raises(RuntimeError):
        tiny.predict(latents[:, :3], at, told)  # a channel is missing
    assert replaced_modules(tiny) == []


def test_replacing_twice_restores_what_was_there():
    layer = torch.nn.Linear(2, 2)
    first, second = (lambda x: x + 1), (lambda x: x + 2)
    with replaced(layer, first):
        with replaced(layer, second):
            assert layer(0) == 2
        assert layer.__dict__["forward"] is first
    assert "forward" not in layer.__dict__


@torch.inference_mode()
def test_new_words_can_be_encoded_while_the_network_is_at_work(tiny):
    """Another visitor's thread encodes while the engine's thread predicts."""
    _, at, told = rows(tiny)
    text = "a ghost and an umbrella"
    with shared_work(tiny, timesteps_of(at), told):
        prompt = tiny.encode(text)
    tiny._prompts.pop(text)
    for name, attention in tiny.cross_attention.items():
        for part in ("to_k", "to_v"):
            expected = getattr(attention, part)(prompt.embeds)
            torch.testing.assert_close(prompt.projections[f"{name}.{part}"], expected)


def test_the_embeds_are_the_text_encoders(tiny):
    prompt = tiny.encode("a cat")
    with torch.inference_mode():
        expected = tiny.text_encoder(torch.tensor([prompt.ids])).last_hidden_state
    assert torch.equal(prompt.embeds, expected)
    assert len(prompt.ids) == 77


@pytest.mark.parametrize("count", [0, 1, 3, 74, 75, 76, 200])
def test_columns_are_start_content_end_and_padding(count, tiny):
    prompt = tiny.encode(" ".join(["cat"] * count))
    kept = min(count, 75)  # of 77 places, start and end take two
    assert prompt.content == kept
    assert prompt.columns[: kept + 2].tolist() == list(range(kept + 2))
    assert set(prompt.columns[kept + 2 :].tolist()) <= {kept + 2}
    assert [w.tokens for w in prompt.words] == [(i + 1,) for i in range(kept)]
    assert prompt.cut == ("cat",) * (count - kept)


def test_unknown_words_are_marked(tiny):
    words = tiny.encode("a zebra wearing a Top hat, qwerty!").words
    assert [(w.text, w.known) for w in words] == [
        ("a", True), ("zebra", False), ("wearing", True), ("a", True), ("Top", True),
        ("hat", True), ("qwerty", False),
    ]  # fmt: skip


def test_prompts_are_encoded_once_and_old_ones_forgotten_by_their_bytes(tiny, monkeypatch):
    used_again = tiny.encode("a cat")
    monkeypatch.setattr(latent, "KEPT_BYTES", 8 * used_again.nbytes)
    first = tiny.encode("a cat 0")
    for i in range(1, 12):
        tiny.encode(f"a cat {i}")
        assert tiny.encode("a cat") is used_again  # it stays, however old
        assert tiny.kept_bytes <= 8 * used_again.nbytes
    assert len(tiny._prompts) == 8
    assert tiny.encode("a cat 0") is not first


def test_a_prompt_weighs_what_its_tensors_weigh(tiny):
    prompt = tiny.encode("a cat")
    assert prompt.nbytes == prompt.embeds.nbytes + sum(
        t.nbytes for t in prompt.projections.values()
    )
    assert prompt.projections  # else the second part was not counted


def test_a_prompt_longer_than_all_that_is_kept_is_encoded_all_the_same(tiny, monkeypatch):
    monkeypatch.setattr(latent, "KEPT_BYTES", 1)
    assert tiny.encode("a dog").words[1].text == "dog"
    assert len(tiny._prompts) == 1


def test_decoding_rounds_to_the_nearest_of_256(tiny):
    latents = torch.randn(2, 4, 4, 6, generator=torch.Generator().manual_seed(0))
    images = tiny.decode(latents)
    with torch.inference_mode():
        pixels = tiny.vae.decode(latents).sample.movedim(1, -1).double().numpy()
    assert images.shape == (2, 32, 48, 3)
    expected = np.clip(np.round((pixels + 1) / 2 * 255), 0, 255)
    assert np.abs(images - expected).max() <= 1


def test_the_preview_is_a_linear_map(tiny):
    tiny_map = torch.zeros(5, 3)
    tiny_map[0, 0], tiny_map[4, 2] = 1.0, -1.0  # red is the first channel, blue is always off
    model = UNetModel("x", tiny.vae, tiny.text_encoder, tiny.tokenizer, tiny.unet, {}, tiny_map)
    latents = torch.zeros(1, 4, 2, 3)
    latents[0, 0, 1] = torch.tensor([-1.0, 1.0, 5.0])
    expected = np.array([[128] * 3, [0, 255, 255]])
    image = model.preview(latents)
    assert image.shape == (1, 2, 3, 3)
    assert (image[0, ..., 0] == expected).all()
    assert (image[..., 1] == 128).all()
    assert (image[..., 2] == 0).all()


@pytest.mark.parametrize("setting", FURTHER_INPUTS)
def test_a_network_that_asks_for_more_is_refused(setting, tiny):
    with pytest.raises(UnsupportedNetworkError, match=f"its U-Net has {setting} = 'something'"):
        with_setting(tiny, **{setting: "something"})


@pytest.mark.parametrize(
    ("setting", "value"),
    [("in_channels", 9), ("out_channels", 8), ("cross_attention_dim", 2048)],
    ids=["inpainting", "learned variance", "another text encoder"],
)
def test_a_network_of_other_sizes_is_refused(setting, value, tiny):
    expected = getattr(tiny.unet.config, setting)
    with pytest.raises(UnsupportedNetworkError, match=f"{setting} = {value}, not {expected}"):
        with_setting(tiny, **{setting: value})


def with_setting(tiny: UNetModel, **settings) -> UNetModel:
    unet = copy.copy(tiny.unet)
    unet.register_to_config(**settings)
    parts = tiny.vae, tiny.text_encoder, tiny.tokenizer
    return UNetModel("other", *parts, unet, tiny.scheduler_config, tiny.preview_map)


@torch.inference_mode()
def test_a_network_that_takes_w_as_an_input_is_given_it():
    """Each row its own, and the numbers are those of the network called as it is."""
    model = tiny_model(time_cond_proj_dim=32)
    assert model.guidance_kind is EMBEDDED
    latents, at, _ = rows(model, (981, 1, 981, 981))
    told = [Condition(model.encode("a cat"), guidance=w) for w in (1.0, 3.0, 3.0, 8.0)]
    # Luo et al. 2023: a sinusoid of 1000·(w − 1), sines before cosines.
    rates = torch.exp(-torch.arange(16) * (np.log(10000) / 15))
    turns = 1000 * torch.tensor([0.0, 2.0, 2.0, 7.0])[:, None] * rates
    embedded = torch.cat([turns.sin(), turns.cos()], 1).float()
    plain = model.unet(latents, timesteps_of(at), embeds_of(told), timestep_cond=embedded).sample
    torch.testing.assert_close(model.predict(latents, at, told), plain, atol=2e-5, rtol=0)
    other = [Condition(model.encode("a cat"), guidance=2.0)] * 4
    assert (model.predict(latents, at, other) - plain).abs().max() > 1e-3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@torch.inference_mode()
def test_tensors_are_cast_at_the_networks_door(dtype):
    model = tiny_model()
    exact = model.predict(*rows(model))
    model.unet.to(dtype)
    model._prompts.clear()
    cast = model.predict(*rows(model))
    assert cast.dtype == torch.float32
    torch.testing.assert_close(cast, exact, atol=0.05, rtol=0.05)
    assert replaced_modules(model) == []


def test_the_decoder_undoes_scale_and_shift(tiny):
    """latents = (encoded − shift)·scale, so decoding divides and adds (diffusers' pipelines)."""
    vae = copy.copy(tiny.vae)
    vae.register_to_config(scaling_factor=1.5, shift_factor=0.25)
    parts = tiny.text_encoder, tiny.tokenizer, tiny.unet
    model = UNetModel("x", vae, *parts, tiny.scheduler_config, tiny.preview_map)
    raw = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = tiny.pixels(raw)
        torch.testing.assert_close(model.pixels((raw - 0.25) * 1.5), expected, atol=1e-4, rtol=0)
        picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
        inside = tiny.latents_of(picture)  # of a scale of 1 and no shift
        torch.testing.assert_close(model.latents_of(picture), (inside - 0.25) * 1.5)
