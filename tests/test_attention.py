"""Recorded attention is the softmax that the network used, of the right row and position."""

import pytest
import torch
from conftest import tiny_model
from diffusers.models.attention_processor import Attention, AttnProcessor

from playground.attention import heatmaps
from playground.attention.layouts import CROSS_ATTENTION, Layout
from playground.attention.record import Recorder, UnreadableAttentionError, Watched, record
from playground.diffusion.levels import Level
from playground.models.prompt import Condition
from playground.recipe import Recipe

WIDE = {"steps": 2, "width": 192, "height": 64}
GRIDS = {(8, 24), (4, 12), (2, 6)}  # of a 64×192 picture: 8 pixels a cell, halved twice
EVERY_TOKEN = torch.arange(77)


def parts(model) -> list:
    """What a network call uses of a model: processors, forwards and hooks."""
    modules = list(model.unet.modules())
    processors = [id(m.processor) for m in modules if isinstance(m, Attention)]
    forwards = [m.__dict__.get("forward") for m in modules]
    return [processors, forwards, hooks(model)]


def hooks(model) -> list[int]:
    kinds = ("_forward_pre_hooks", "_forward_hooks", "_forward_hooks_always_called")
    return [len(getattr(m, kind)) for m in model.unet.modules() for kind in kinds]


def ask(model, prompts=("a cat wearing a top hat", "two red stars"), latents=None):
    """One network call for a wide picture; the rows are the prompts."""
    told = [Condition(model.encode(p)) for p in prompts]
    if latents is None:
        generator = torch.Generator().manual_seed(2)
        latents = torch.randn(len(prompts), 4, 8, 24, generator=generator)
    return model.predict(latents, [Level(0.5, 0.5, 501.0)] * len(prompts), told)


@pytest.fixture
def unchanged(tiny):
    """Whatever the test does, afterwards the model is what it was."""
    before = parts(tiny)
    yield
    assert parts(tiny) == before
    assert torch.overrides._get_current_function_mode_stack() == []


def test_hooks_are_all_that_is_added(tiny, unchanged):
    before = parts(tiny)
    with record(tiny.unet, [Watched(0, EVERY_TOKEN)]):
        assert parts(tiny)[:2] == before[:2]
        assert sum(hooks(tiny)) > sum(before[2])
        ask(tiny)


def test_the_output_is_the_same_bit_by_bit(shipped):
    texts = ("a red square", "", "two stars in the snow")
    latents = torch.randn(3, 4, 16, 24, generator=torch.Generator().manual_seed(1))
    plain = ask(shipped, texts, latents)
    watched = [Watched(0, EVERY_TOKEN), Watched(2, EVERY_TOKEN, EVERY_TOKEN)]
    with record(shipped.unet, watched):
        recorded = ask(shipped, texts, latents)
    assert torch.equal(plain, recorded)
    assert plain.std() > 0.1  # else nothing was compared


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_inside_a_layer_leaves_nothing_and_the_next_call_is_recorded(
    error, tiny, unchanged
):
    *_, layer = tiny.cross_attention.values()

    def fail(*_):
        raise error

    failing = layer.to_out[0].register_forward_pre_hook(fail)
    try:
        with record(tiny.unet, [Watched(0, EVERY_TOKEN)]) as recorder:
            with pytest.raises(error):
                ask(tiny)
            if error is RuntimeError:  # after an interrupt PyTorch calls no hooks
                assert torch.overrides._get_current_function_mode_stack() == []
            failing.remove()
            before = sum(map(len, recorder.layers.values()))
            ask(tiny)
            assert sum(map(len, recorder.layers.values())) == before + len(tiny.cross_attention)
            failing = layer.to_out[0].register_forward_pre_hook(fail)
            with pytest.raises(error):
                ask(tiny)
    finally:
        failing.remove()


def test_nothing_remains_after_an_error_before_the_layers(tiny, unchanged):
    with pytest.raises(RuntimeError), record(tiny.unet, [Watched(0, EVERY_TOKEN)]):
        ask(tiny, latents=torch.zeros(2, 3, 8, 24))


def test_recording_inside_recording_is_refused(tiny, unchanged):
    watched = [Watched(0, EVERY_TOKEN)]
    with record(tiny.unet, watched) as outer:
        with pytest.raises(UnreadableAttentionError, match="already"), record(tiny.unet, watched):
            pass
        ask(tiny)
    assert outer.maps()[0].keys() == GRIDS  # the outer one was not disturbed


def test_nothing_remains_after_a_cancelled_run(tiny, engine, unchanged):
    with engine.submit([Recipe(steps=100)], record=True) as run:
        assert next(iter(run)).maps
    if thread := engine._thread:
        thread.join(10)


def test_nothing_is_touched_when_nothing_is_watched(tiny):
    before = parts(tiny)
    with record(tiny.unet, []) as recorder:
        assert parts(tiny) == before
    assert recorder.maps() == []


class Foreign(AttnProcessor):
    """Computes who knows what."""


def test_an_unknown_processor_is_refused_by_name_before_anything_changes(tiny, unchanged):
    name, layer = list(tiny.cross_attention.items())[-1]
    original = layer.processor
    layer.set_processor(Foreign())
    try:
        with pytest.raises(UnreadableAttentionError, match=f"{name} uses Foreign"):
            with record(tiny.unet, [Watched(0, EVERY_TOKEN)]):
                pass
        assert sum(hooks(tiny)) == 0
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


def test_maps_of_a_network_in_half_precision_are_float32():
    half = tiny_model()
    half.unet.bfloat16()
    plain = ask(half)
    with record(half.unet, [Watched(1, EVERY_TOKEN)]) as recorder:
        assert torch.equal(ask(half), plain)
    for grid, found in recorder.maps()[0].items():
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.sum(0), torch.ones(grid), atol=1e-5, rtol=0)


def test_columns_are_summed_and_every_position_keeps_its_whole_mass(tiny):
    prompt = tiny.encode("two red stars")
    with record(tiny.unet, [Watched(1, EVERY_TOKEN), Watched(1, prompt.columns)]) as recorder:
        ask(tiny)
    plain, merged = recorder.maps()
    for grid in GRIDS:
        torch.testing.assert_close(merged[grid].sum(0), torch.ones(grid), atol=1e-5, rtol=0)
        assert len(merged[grid]) == 6  # start, three words, end, padding
        torch.testing.assert_close(merged[grid][:5], plain[grid][:5])
        torch.testing.assert_close(merged[grid][5], plain[grid][5:].sum(0))


def test_a_hand_made_peak_lands_on_its_position():
    """Row 1, column 4 of a 2×6 grid is position 10 of the flat sequence."""
    probabilities = torch.full((12, 5), 0.1)
    probabilities[10] = torch.tensor([0.0, 0.7, 0.1, 0.1, 0.1])
    recorder = Recorder([Watched(3, torch.tensor([0, 1, 2, 3, 3]))])
    recorder.take_mean((2, 6), {3: probabilities}, ["a layer"])
    (maps,) = recorder.maps()
    assert maps[2, 6].shape == (4, 2, 6)
    assert maps[2, 6][1, 1, 4] == pytest.approx(0.7)
    assert (maps[2, 6][1] > 0.5).sum() == 1
    assert maps[2, 6][3, 1, 4] == pytest.approx(0.2)


@torch.inference_mode()
def test_a_peak_planted_in_a_real_layer_lands_on_its_position():
    layer = Attention(query_dim=2, cross_attention_dim=2, heads=1, dim_head=2)
    layer.to_q.weight.copy_(torch.eye(2))
    layer.to_k.weight.copy_(torch.eye(2))
    hidden = torch.zeros(2, 15, 2)
    hidden[1, 1 * 5 + 3] = torch.tensor([0.0, 9.0])  # row 1, column 3 of 3×5
    text = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]).expand(2, -1, -1)
    alone = Layout(reads=lambda *_: True, grid=lambda *_: (3, 5))
    with record(layer, [Watched(1, torch.arange(3))], layout=alone) as recorder:
        layer(hidden, encoder_hidden_states=text)
    (maps,) = recorder.maps()
    assert heatmaps.stretch(maps[3, 5])[1].nonzero().tolist() == [[1, 3]]
    assert maps[3, 5][1, 1, 3] > 0.99
    torch.testing.assert_close(maps[3, 5][:, 0, 0], torch.full((3,), 1 / 3))


@pytest.mark.parametrize("tall", [False, True])
def test_a_spot_in_the_latent_shows_at_its_position_of_the_map(tall, tiny):
    """The first block's layers see a little around a position; far from the spot all are alike."""
    latents = torch.zeros(1, 4, 8, 24)
    latents[..., 3:5, 18:20] = 1
    if tall:
        latents = latents.transpose(2, 3)
    block, watched = tiny.unet.down_blocks[0], [Watched(0, EVERY_TOKEN)]
    with record(block, watched, layout=CROSS_ATTENTION) as recorder:
        ask(tiny, ["a cat"], latents)
    (maps,) = recorder.maps()
    map_ = maps[24, 8].transpose(1, 2) if tall else maps[8, 24]
    far, near = map_[..., 5:12], map_[..., 16:22]
    assert far.std(2).max() < 1e-6
    assert near.std(2).max() > 1e-4
