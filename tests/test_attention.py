"""Recorded attention is the softmax that the network used, of the right row, at the right place."""

import pytest
import torch
from diffusers.models.attention_processor import Attention, AttnProcessor

from playground.attention import heatmaps
from playground.attention.record import (
    Recorder,
    UnreadableAttentionError,
    Watched,
    _by_column,
    record,
)
from playground.recipe import Recipe

WIDE = {"steps": 2, "width": 192, "height": 64}
GRIDS = {(8, 24), (4, 12), (2, 6)}  # of a 64×192 picture: 8 pixels a cell, halved twice
EVERY_TOKEN = torch.arange(77)


def processors(model) -> list[int]:
    return [id(m.processor) for m in model.unet.modules() if isinstance(m, Attention)]


def hooks(model) -> int:
    modules = list(model.unet.modules())
    return sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in modules)


def ask(model, prompts=("a cat wearing a top hat", "two red stars"), latents=None):
    """One network call for a wide picture; the rows are the prompts."""
    encoded = [model.encode(p) for p in prompts]
    if latents is None:
        generator = torch.Generator().manual_seed(2)
        latents = torch.randn(len(prompts), 4, 8, 24, generator=generator)
    return model.predict(latents, torch.full((len(prompts),), 501.0), encoded)


@pytest.fixture
def unchanged(tiny):
    """Whatever the test does, afterwards every processor is the identical object."""
    before, hooked = processors(tiny), hooks(tiny)
    yield
    assert processors(tiny) == before
    assert hooks(tiny) == hooked


def test_processors_come_back(tiny, unchanged):
    before = processors(tiny)
    with record(tiny.unet, [Watched(0, EVERY_TOKEN)]):
        assert processors(tiny) != before
        ask(tiny)


def test_processors_come_back_after_an_error(tiny, unchanged):
    with pytest.raises(RuntimeError), record(tiny.unet, [Watched(0, EVERY_TOKEN)]):
        ask(tiny, latents=torch.zeros(2, 3, 8, 24))


def test_processors_come_back_after_recording_inside_recording(tiny, unchanged):
    watched = [Watched(0, EVERY_TOKEN)]
    with record(tiny.unet, watched) as outer:
        with pytest.raises(UnreadableAttentionError), record(tiny.unet, watched):
            pass
        ask(tiny)
    assert outer.maps()[0].keys() == GRIDS  # the outer one was not disturbed


def test_processors_come_back_after_a_cancelled_run(tiny, engine, unchanged):
    with engine.submit([Recipe(steps=100)], record=True) as run:
        assert next(iter(run)).maps
    if thread := engine._thread:
        thread.join(10)


def test_nothing_is_touched_when_nothing_is_watched(tiny):
    before = processors(tiny)
    with record(tiny.unet, []) as recorder:
        assert processors(tiny) == before
    assert recorder.maps() == []


class Foreign(AttnProcessor):
    """Computes who knows what."""


def test_an_unknown_processor_is_refused_by_name_before_anything_changes(tiny, unchanged):
    name, layer = list(tiny.cross_attention.items())[-1]
    before, original = processors(tiny), layer.processor
    layer.set_processor(Foreign())
    try:
        with pytest.raises(UnreadableAttentionError, match=f"{name} uses Foreign"):
            with record(tiny.unet, [Watched(0, EVERY_TOKEN)]):
                pass
        assert [a == b for a, b in zip(processors(tiny), before, strict=True)].count(False) == 1
    finally:
        layer.set_processor(original)


def softmax_by_hand(model, call) -> dict[tuple[int, int], torch.Tensor]:
    """Per grid, softmax(q·kᵀ/√d) of every layer, written out, averaged: [rows, tokens, h, w]."""
    maps = {}

    def hook(layer, args, kwargs):
        queries = args[0] @ layer.to_q.weight.T
        keys = kwargs["encoder_hidden_states"] @ layer.to_k.weight.T
        heads = [
            torch.softmax(q @ k.transpose(1, 2) / q.shape[2] ** 0.5, -1)
            for q, k in zip(queries.chunk(layer.heads, 2), keys.chunk(layer.heads, 2), strict=True)
        ]
        mean = torch.stack(heads).mean(0)  # [rows, h·w, tokens]
        (grid,) = [g for g in GRIDS if g[0] * g[1] == mean.shape[1]]
        maps.setdefault(grid, []).append(mean.transpose(1, 2).unflatten(2, grid))

    handles = [
        layer.register_forward_pre_hook(hook, with_kwargs=True)
        for layer in model.cross_attention.values()
    ]
    try:
        call()
    finally:
        for handle in handles:
            handle.remove()
    return {grid: torch.stack(layers).mean(0) for grid, layers in maps.items()}


@torch.inference_mode()
def test_maps_are_the_mean_over_layers_and_heads_of_the_softmax(tiny, unchanged):
    with record(tiny.unet, [Watched(1, EVERY_TOKEN), Watched(0, EVERY_TOKEN)]) as recorder:
        expected = softmax_by_hand(tiny, lambda: ask(tiny))
    for row, maps in zip((1, 0), recorder.maps(), strict=True):
        assert maps.keys() == expected.keys() == GRIDS
        for grid, found in maps.items():
            torch.testing.assert_close(found, expected[grid][row], atol=1e-6, rtol=1e-4)


def test_columns_are_summed_and_every_place_keeps_its_whole_mass(tiny):
    prompt = tiny.encode("two red stars")
    with record(tiny.unet, [Watched(1, EVERY_TOKEN), Watched(1, prompt.columns)]) as recorder:
        ask(tiny)
    plain, merged = recorder.maps()
    for grid in GRIDS:
        torch.testing.assert_close(merged[grid].sum(0), torch.ones(grid), atol=1e-5, rtol=0)
        assert len(merged[grid]) == 6  # start, three words, end, padding
        torch.testing.assert_close(merged[grid][:5], plain[grid][:5])
        torch.testing.assert_close(merged[grid][5], plain[grid][5:].sum(0))


def test_a_hand_made_peak_lands_on_its_place():
    """Row 1, column 4 of a 2×6 grid is place 10 of the flat sequence."""
    probabilities = torch.full((12, 5), 0.1)
    probabilities[10] = torch.tensor([0.0, 0.7, 0.1, 0.1, 0.1])
    maps = _by_column(probabilities, torch.tensor([0, 1, 2, 3, 3]), (2, 6))
    assert maps.shape == (4, 2, 6)
    assert maps[1, 1, 4] == pytest.approx(0.7)
    assert (maps[1] > 0.5).sum() == 1
    assert maps[3, 1, 4] == pytest.approx(0.2)


@torch.inference_mode()
def test_a_peak_planted_in_a_real_layer_lands_on_its_place():
    layer = Attention(query_dim=2, cross_attention_dim=2, heads=1, dim_head=2)
    layer.to_q.weight.copy_(torch.eye(2))
    layer.to_k.weight.copy_(torch.eye(2))
    hidden = torch.zeros(2, 15, 2)
    hidden[1, 1 * 5 + 3] = torch.tensor([0.0, 9.0])  # row 1, column 3 of 3×5
    text = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]).expand(2, -1, -1)
    recorder = Recorder([Watched(1, torch.arange(3))], grid=(3, 5))
    recorder.add(layer, layer.to_q(hidden), layer.to_k(text))
    (maps,) = recorder.maps()
    assert heatmaps.stretch(maps[3, 5])[1].nonzero().tolist() == [[1, 3]]
    assert maps[3, 5][1, 1, 3] > 0.99
    torch.testing.assert_close(maps[3, 5][:, 0, 0], torch.full((3,), 1 / 3))


@pytest.mark.parametrize("tall", [False, True])
def test_a_spot_in_the_latent_shows_at_its_place_of_the_map(tall, tiny):
    """The first block's layers see a few places around each; far from the spot all look alike."""
    latents = torch.zeros(1, 4, 8, 24)
    latents[..., 3:5, 18:20] = 1
    if tall:
        latents = latents.transpose(2, 3)
    with record(tiny.unet.down_blocks[0], [Watched(0, EVERY_TOKEN)]) as recorder:
        ask(tiny, ["a cat"], latents)
    (maps,) = recorder.maps()
    map_ = maps[24, 8].transpose(1, 2) if tall else maps[8, 24]
    far, near = map_[..., 5:12], map_[..., 16:22]
    assert far.std(2).max() < 1e-6
    assert near.std(2).max() > 1e-4
