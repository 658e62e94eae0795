"""What is heard of attention is what a layer computes with; what cannot be heard is refused."""

import threading

import pytest
import torch
import torch.nn.functional as F
from diffusers.models.attention_dispatch import AttentionBackendName
from diffusers.models.attention_processor import Attention, AttnProcessor2_0, FusedAttnProcessor2_0
from torch import nn

from playground.attention.calls import attention_calls
from playground.attention.layouts import CROSS_ATTENTION, Layout, UnreadableAttentionError
from playground.attention.record import Watched, record
from playground.diffusion.levels import Level
from playground.models.prompt import Condition

EVERY_TOKEN = torch.arange(77)
ROWS, HEADS, POSITIONS, TOKENS, D = 2, 4, 6, 5, 8
ALONE = Layout(reads=lambda *_: True, grid=lambda *_: (2, 3))  # any layer, on one grid


class Asking:
    """A processor that hands scaled_dot_product_attention this query, key and value so many times.

    The layer's projection to values is the identity.
    """

    def __init__(self, query, key, value, times: int = 1, **options):
        self.query, self.key, self.value = query, key, value
        self.options, self.times = options, times

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None):
        value = attn.to_v(self.value)
        for _ in range(self.times):
            hidden_states = F.scaled_dot_product_attention(
                self.query, self.key, value, **self.options
            )
        return hidden_states


def network(*arguments, **options) -> nn.Module:
    layer = Attention(query_dim=4, cross_attention_dim=4)
    layer.to_v = nn.Identity()
    layer.set_processor(Asking(*arguments, **options))
    return nn.Sequential(layer)


def tensors(key_heads: int = HEADS) -> list[torch.Tensor]:
    """Query, key and value."""
    torch.manual_seed(4)
    of_text = [torch.randn(ROWS, key_heads, TOKENS, D) for _ in range(2)]
    return [torch.randn(ROWS, HEADS, POSITIONS, D), *of_text]


def heard(of: nn.Module) -> tuple:
    calls = []

    def listen(call, output):
        calls.append(call)
        return output

    with attention_calls(of, ALONE, listen):
        output = of(torch.zeros(1, 1, 4))
    (call,) = calls
    return call, output


READ = torch.tensor([[True, True, False, True, True], [True, False, False, True, True]])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": 0.7},
        {"is_causal": True},
        {"attn_mask": READ[:, None, None]},
        {"attn_mask": READ[:, None, None].expand(ROWS, HEADS, POSITIONS, TOKENS)},
        {"attn_mask": READ[0].expand(POSITIONS, TOKENS)},  # the same for all rows
        {"attn_mask": torch.linspace(-3, 3, ROWS * TOKENS).reshape(ROWS, 1, 1, TOKENS)},
        {"attn_mask": torch.linspace(-3, 3, POSITIONS * TOKENS).reshape(POSITIONS, TOKENS)},
        {"enable_gqa": True},
    ],
)
def test_the_scores_are_those_that_weigh_the_values(options):
    call, output = heard(network(*tensors(2 if "enable_gqa" in options else HEADS), **options))
    for row in range(ROWS):
        weights = call.scores(row).softmax(-1)
        assert weights.shape == (HEADS, POSITIONS, TOKENS)
        torch.testing.assert_close(weights @ call.value[row], output[row])
        by_token = call.by_column(row, torch.eye(TOKENS))
        torch.testing.assert_close(by_token, weights, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("count", [1, D, D + 1, 3 * D])
def test_tokens_of_a_column_are_added_up_however_many_there_are(count):
    call, _ = heard(network(*tensors()))
    indicator = F.one_hot(torch.tensor([0, 0, count - 1, 0, count - 1]), count).float()
    expected = call.scores(1).softmax(-1) @ indicator
    torch.testing.assert_close(call.by_column(1, indicator), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (network(*tensors(), times=0), "0 uses Asking, .* did not call scaled_dot_product"),
        (network(*tensors(), times=2), "0 uses Asking, .* more than once"),
        (network(*tensors(), dropout_p=0.5), "0 uses Asking, .* at random"),
        (network(*[t[0] for t in tensors()]), "0 uses Asking, .* no grid that is known"),
        (network(*[t[:, :, 1:] for t in tensors()]), "0 uses Asking, .* 5 queries are no grid of"),
    ],
)
def test_a_layer_that_cannot_be_heard_is_named(other, says):
    watched = [Watched(0, torch.arange(TOKENS))]
    with pytest.raises(UnreadableAttentionError, match=says):
        with record(other, watched, layout=ALONE):
            other(torch.zeros(1, 1, 4))


def test_a_network_without_words_is_refused():
    alone = nn.Sequential(Attention(query_dim=4), nn.Linear(4, 4))
    with pytest.raises(UnreadableAttentionError, match="Sequential has no layer"):
        with record(alone, [Watched(0, EVERY_TOKEN)], layout=CROSS_ATTENTION):
            pass


def test_a_network_of_an_unknown_kind_is_refused_and_the_known_ones_listed():
    says = "where Linear has its words; it is of: UNet2DConditionModel, .*Flux"
    with pytest.raises(UnreadableAttentionError, match=says):
        with record(nn.Linear(4, 4), [Watched(0, EVERY_TOKEN)]):
            pass


def flash(layer: Attention) -> None:
    layer.set_processor(AttnProcessor2_0())
    layer.processor._attention_backend = AttentionBackendName.FLASH


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda layer: layer.set_attention_slice(1), "uses SlicedAttnProcessor"),
        (flash, "backend is flash, not"),
    ],
)
def test_kinds_that_are_known_not_to_be_heard_are_refused_at_once(change, says, tiny):
    name, layer = list(tiny.cross_attention.items())[2]
    before = layer.processor
    change(layer)
    try:
        with pytest.raises(UnreadableAttentionError, match=f"{name} .*{says}"):
            with record(tiny.unet, [Watched(0, EVERY_TOKEN)]):
                pass
    finally:
        layer.set_processor(before)


def ask(model, rows: int = 1) -> torch.Tensor:
    latents = torch.randn(rows, 4, 8, 24, generator=torch.Generator().manual_seed(2))
    told = [Condition(model.encode("two red stars"))] * rows
    return model.predict(latents, [Level(0.5, 0.5, 501.0)] * rows, told)


def test_calls_from_another_thread_are_not_recorded(tiny):
    answers = []
    with record(tiny.unet, [Watched(0, EVERY_TOKEN)]) as recorder:
        other = threading.Thread(target=lambda: answers.append(ask(tiny)))
        other.start()
        other.join()
        assert recorder.sums == {}
        mine = ask(tiny)
    assert sum(map(len, recorder.layers.values())) == len(tiny.cross_attention)
    assert torch.equal(answers[0], mine)


def test_only_values_are_followed_and_only_to_their_attention(tiny):
    """It costs microseconds at every operation that they pass."""

    def kind(_, args):
        found.append(type(args[0]))

    found = []
    *_, layer = tiny.cross_attention.values()
    hooks = [part.register_forward_pre_hook(kind) for part in (layer.to_out[0], tiny.unet.conv_out)]
    try:
        with record(tiny.unet, [Watched(0, EVERY_TOKEN)]):
            outputs = ask(tiny)
    finally:
        for hook in hooks:
            hook.remove()
    assert [*found, type(outputs)] == [torch.Tensor] * 3


def test_calls_of_a_scope_add_up(tiny):
    with record(tiny.unet, [Watched(0, EVERY_TOKEN)]) as once:
        ask(tiny)
    with record(tiny.unet, [Watched(0, EVERY_TOKEN)]) as twice:
        ask(tiny)
        ask(tiny)
    for grid, map_ in once.maps()[0].items():
        torch.testing.assert_close(twice.maps()[0][grid], map_)
        assert len(twice.layers[grid]) == 2 * len(once.layers[grid])


def test_other_processors_that_end_in_the_same_call_are_heard(tiny):
    """Queries, keys and values from one matrix; no processor of ours knows of it."""

    def record_all():
        prompt = tiny.encode("two red stars")
        latents = torch.randn(1, 4, 8, 24, generator=torch.Generator().manual_seed(2))
        with torch.inference_mode(), record(tiny.unet, [Watched(0, EVERY_TOKEN)]) as recorder:
            tiny.unet(latents, 501.0, prompt.embeds)
        return recorder.maps()[0]

    apart = record_all()
    before = {name: layer.processor for name, layer in tiny.cross_attention.items()}
    for layer in tiny.cross_attention.values():
        layer.fuse_projections()
        layer.set_processor(FusedAttnProcessor2_0())
    try:
        fused = record_all()
    finally:
        for name, layer in tiny.cross_attention.items():
            layer.set_processor(before[name])
            layer.fused_projections = False
            del layer.to_kv
    for grid, map_ in apart.items():
        torch.testing.assert_close(fused[grid], map_, atol=1e-6, rtol=1e-5)
