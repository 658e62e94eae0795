"""One face for every model: prompts, predictions without repeated work, pictures."""

import copy

import numpy as np
import pytest
import torch

from playground.models.latent import (
    FURTHER_INPUTS,
    KEPT_PROMPTS,
    LatentModel,
    replaced,
    shared_work,
)

PROMPTS = ("a cat wearing a top hat", "", "two red stars and a zebra", "a cat wearing a top hat")


def rows(model: LatentModel, timesteps=(981, 1, 501, 981)):
    generator = torch.Generator().manual_seed(4)
    latents = torch.randn(4, 4, 8, 12, generator=generator)
    return (
        latents,
        torch.tensor(timesteps, dtype=torch.float32),
        [model.encode(text) for text in PROMPTS],
    )


def replaced_modules(model: LatentModel) -> list[str]:
    """Modules whose instance carries a `forward` of its own."""
    return [name for name, m in model.unet.named_modules() if "forward" in m.__dict__]


@pytest.mark.parametrize(
    "timesteps",
    [(981.0, 1.0, 501.0, 981.0), (7.0, 7.0, 7.0, 7.0), (4.0, 3.0, 2.0, 1.0), (961.5, 0, 0, 3.25)],
)
@torch.inference_mode()
def test_sharing_work_predicts_the_same_numbers(timesteps, tiny):
    latents, times, prompts = rows(tiny, timesteps)
    plain = tiny.unet(latents, times, torch.cat([p.embeds for p in prompts])).sample
    shared = tiny.predict(latents, times, prompts)
    torch.testing.assert_close(shared, plain, atol=1e-5, rtol=0)
    assert (plain[0] - plain[1]).abs().max() > 0.01  # else nothing was compared


def test_equal_timesteps_are_embedded_once(tiny):
    latents, times, prompts = rows(tiny)  # three different ones in four rows
    sizes = []
    hook = tiny.unet.time_embedding.linear_1.register_forward_pre_hook(
        lambda _, args: sizes.append(len(args[0]))
    )
    try:
        tiny.predict(latents, times, prompts)
    finally:
        hook.remove()
    assert sizes == [3]


def test_text_is_projected_when_it_is_encoded_and_not_again(tiny):
    latents, times, prompts = rows(tiny)
    layer = next(iter(tiny.cross_attention.values())).to_k
    before = layer.weight.clone()
    try:
        layer.weight.fill_(torch.nan)
        assert torch.isfinite(tiny.predict(latents, times, prompts)).all()
    finally:
        layer.weight.copy_(before)


def test_modules_are_as_before_after_a_prediction_and_after_an_error(tiny):
    latents, times, prompts = rows(tiny)
    tiny.predict(latents, times, prompts)
    assert replaced_modules(tiny) == []
    with pytest.raises(RuntimeError):
        tiny.predict(latents[:, :3], times, prompts)  # a channel is missing
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
    _, times, prompts = rows(tiny)
    text = "a ghost and an umbrella"
    with shared_work(tiny, times, prompts):
        prompt = tiny.encode(text)
    tiny._prompts.pop(text)
    for name, attention in tiny.cross_attention.items():
        for part in ("to_k", "to_v"):
            expected = getattr(attention, part)(prompt.embeds)
            torch.testing.assert_close(prompt.projections[f"{name}.{part}"], expected)


def test_the_embeds_are_the_text_towers(tiny):
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


def test_prompts_are_encoded_once_and_old_ones_forgotten(tiny):
    used_again = tiny.encode("a cat")
    first = tiny.encode("a cat 0")
    for i in range(1, KEPT_PROMPTS + 10):
        tiny.encode(f"a cat {i}")
        assert tiny.encode("a cat") is used_again  # it stays, however old
    assert len(tiny._prompts) == KEPT_PROMPTS
    assert tiny.encode("a cat 0") is not first


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
    model = LatentModel("x", tiny.vae, tiny.text_encoder, tiny.tokenizer, tiny.unet, {}, tiny_map)
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
    unet = copy.copy(tiny.unet)
    unet.register_to_config(**{setting: "something"})
    parts = tiny.vae, tiny.text_encoder, tiny.tokenizer
    with pytest.raises(ValueError, match=f"other cannot be drawn: its U-Net has {setting}"):
        LatentModel("other", *parts, unet, tiny.scheduler_config, tiny.preview_map)
