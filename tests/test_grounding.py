"""Attention is taught with exact targets: which tokens name what, and where that is."""

import numpy as np
import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor

from playground import attention
from playground.training import grounding
from playground.world.scene import Caption, Item, Scene, Span

HATTED = Scene("blue background", (Item("cat", (64, 64), 64, worn="top hat"),), "worn")
CAPTION = Caption(
    "a cat wearing a top hat on a blue background",
    (Span(2, 5, "noun", (0,)), Span(16, 23, "worn", (0,)), Span(29, 44, "place")),
)


@pytest.fixture
def network(tiny):
    before = tiny.unet.attn_processors
    tiny.unet.set_attn_processor(AttnProcessor())
    yield tiny.unet
    tiny.unet.set_attn_processor(before)


def layers(network):
    return [m for m in network.modules() if getattr(m, "is_cross_attention", False)]


def test_every_cell_belongs_to_somebody():
    cover = grounding.coverage(HATTED)
    assert cover.shape == (grounding.OWNERS, 16, 16)
    assert np.abs(cover.astype(int).sum(0) - 255).max() <= 2  # rounding
    assert cover[0, 0, 0] == 255  # the corner is the place's
    assert cover[1, 8, 8] == 255  # the middle is the cat's
    assert cover[2].any()  # and somewhere there is a hat
    assert not cover[3:].any()


def test_a_span_has_its_tokens_and_its_pixels(tiny):
    cover = grounding.coverage(HATTED)[None]
    said, where = grounding.targets(tiny.tokenizer, [CAPTION], cover)
    # start a cat wearing a top hat on a blue background end
    assert said[0, :, 0].nonzero().flatten().tolist() == [2]
    assert said[0, :, 1].nonzero().flatten().tolist() == [5, 6]
    assert said[0, :, 2].nonzero().flatten().tolist() == [9, 10]
    assert not said[0, :, 3:].any()
    for number, owner in enumerate((1, 2, 0)):
        assert np.allclose(where[0, number], cover[0, owner] / 255)


def test_no_words_have_no_targets(tiny):
    said, _ = grounding.targets(tiny.tokenizer, [Caption("", ())], grounding.coverage(HATTED)[None])
    assert not said.any()


def test_the_loss_is_the_squared_share_that_went_elsewhere():
    said = torch.zeros(1, 77, grounding.MOST_SPANS)
    where = torch.zeros(1, grounding.MOST_SPANS, 16, 16)
    said[0, 3, 0] = 1
    where[0, 0, :4, :4] = 1
    inside = where[0, 0].flatten()
    # Token 3 gets 0.8 of the attention of 16 places inside and 0.1 of 64 places outside.
    outside = torch.zeros(256)
    outside[128:192] = 1
    heard = torch.zeros(1, 256, 77)
    heard[0, :, 3] = 0.8 * inside + 0.1 * outside
    share = 16 * 0.8 / (16 * 0.8 + 64 * 0.1)
    assert grounding.loss([heard], said, where).item() == pytest.approx((1 - share) ** 2)
    assert grounding.loss([heard * inside[None, :, None]], said, where).item() == pytest.approx(0)
    # A level that is not taught, such as 4×4, does not count.
    both = grounding.loss([heard, torch.rand(1, 16, 77)], said, where)
    assert both.item() == pytest.approx((1 - share) ** 2)


def test_what_is_heard_is_what_the_layer_computes_and_learns(network, tiny):
    embeds = tiny.encode("a red square").embeds.clone()
    network.requires_grad_(True)
    try:
        with grounding.listening(network) as heard:
            network(torch.randn(1, 4, 16, 16), 500, embeds)
        assert len(heard) == len(layers(network))
        assert torch.allclose(heard[0].sum(2), torch.ones(1, 256), atol=1e-5)
        heard[0].square().sum().backward()
        assert layers(network)[0].to_q.weight.grad.abs().sum() > 0
    finally:
        network.zero_grad()
        network.requires_grad_(False)


def test_heard_is_the_mean_that_recording_shows(network, tiny):
    embeds, x = tiny.encode("a red square").embeds, torch.randn(1, 4, 16, 16)
    columns = torch.arange(77)
    watched = [attention.Watched(0, columns)]
    with torch.no_grad():
        with attention.record(network, watched) as recorder:
            network(x, 500, embeds)
        with grounding.listening(network) as heard:
            network(x, 500, embeds)
    fine = torch.stack([h for h in heard if h.shape[1] == 256]).mean(0)[0]  # [256, 77]
    assert torch.allclose(fine.T.unflatten(1, (16, 16)), recorder.maps()[0][16, 16], atol=1e-6)


def test_nothing_stays_after_an_error_or_nested_use(network):
    def listened(layer):
        return vars(layer).get("get_attention_scores")

    with grounding.listening(network):
        outer = [listened(layer) for layer in layers(network)]
        with pytest.raises(RuntimeError, match="shape"), grounding.listening(network):
            network(torch.randn(1, 4, 16, 16), 500, torch.randn(1, 77, 3))
        assert all(outer)
        assert [listened(layer) for layer in layers(network)] == outer
    assert not any(listened(layer) for layer in layers(network))
