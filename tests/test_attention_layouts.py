"""Every family's words are where its layout says; joint attention forms no large matrix."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from diffusers import (
    FluxTransformer2DModel,
    PixArtTransformer2DModel,
    SanaTransformer2DModel,
    SD3Transformer2DModel,
    UNet2DConditionModel,
)
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from playground.attention.calls import attention_calls
from playground.attention.layouts import LAYOUTS, layout_of
from playground.attention.record import (
    Rewrite,
    UnreadableAttentionError,
    Watched,
    from_codes,
    record,
)

TOKENS = 21
COLUMNS = torch.arange(TOKENS).clamp(max=17)  # more of them than a head is wide
READ = torch.tensor([[True] * TOKENS, [True] * 9 + [False] * 12])  # of two rows
Size = tuple[int, int]


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(7))


def split(x: Tensor, layer: nn.Module) -> Tensor:
    """[rows, n, width] → [rows, heads, n, d]"""
    return x.unflatten(-1, (layer.heads, -1)).transpose(1, 2)


def softmax(query: Tensor, key: Tensor, mask: Tensor | float = 0.0) -> Tensor:
    return torch.softmax(query @ key.mT / query.shape[-1] ** 0.5 + mask, -1)


# By hand, from a layer and what it is called with: attention of spatial positions to the text,
# [rows, heads, positions, tokens].


def cross(layer, hidden_states, encoder_hidden_states, attention_mask=None, **_) -> Tensor:
    query, key = layer.to_q(hidden_states), layer.to_k(encoder_hidden_states)
    mask = 0.0 if attention_mask is None else attention_mask[:, None]  # [rows, 1, 1, tokens]
    return softmax(split(query, layer), split(key, layer), mask)


def image_first(layer, hidden_states, encoder_hidden_states, **_) -> Tensor:
    """SD3: the image's queries; keys of the image, then of the text."""
    query = layer.norm_q(split(layer.to_q(hidden_states), layer))
    of_image = layer.norm_k(split(layer.to_k(hidden_states), layer))
    of_text = layer.norm_added_k(split(layer.add_k_proj(encoder_hidden_states), layer))
    positions = hidden_states.shape[1]
    return softmax(query, torch.cat([of_image, of_text], 2))[..., positions:]


def rotated(x: Tensor, image_rotary_emb: tuple[Tensor, Tensor]) -> Tensor:
    """Pairs of numbers (a, b) turned by an angle: (a·cos − b·sin, a·sin + b·cos)."""
    cos, sin = image_rotary_emb
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    return x * cos + torch.stack([-b, a], -1).flatten(-2) * sin


def text_first(
    layer, hidden_states, encoder_hidden_states=None, image_rotary_emb=None, **_
) -> Tensor:
    """Flux: text, then image; in its single blocks they are one sequence already."""
    query = layer.norm_q(split(layer.to_q(hidden_states), layer))
    key = layer.norm_k(split(layer.to_k(hidden_states), layer))
    if encoder_hidden_states is not None:
        said = layer.add_q_proj(encoder_hidden_states), layer.add_k_proj(encoder_hidden_states)
        query = torch.cat([layer.norm_added_q(split(said[0], layer)), query], 2)
        key = torch.cat([layer.norm_added_k(split(said[1], layer)), key], 2)
    weights = softmax(rotated(query, image_rotary_emb), rotated(key, image_rotary_emb))
    return weights[:, :, TOKENS:, :TOKENS]


@dataclass(frozen=True, eq=False)
class Family:
    """A small network with random weights, and how it is asked for rows of text."""

    network: nn.Module
    width: int  # of the text
    ask: Callable[[nn.Module, Tensor], tuple]
    by_hand: Callable[..., Tensor]
    layers: dict[Size, list[str]]  # that read words, by grid

    def __call__(self, text: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.ask(self.network, text)[0]

    def text(self, rows: int = 2) -> Tensor:
        return noise(rows, TOKENS, self.width)


def unet() -> Family:
    network = UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), cross_attention_dim=24,
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), transformer_layers_per_block=(1, 2),
        attention_head_dim=(2, 4), use_linear_projection=True, addition_embed_type="text_time",
        addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 10,
    )  # fmt: skip

    def ask(network, text):
        rows = len(text)
        told = {"text_embeds": noise(rows, 10), "time_ids": torch.ones(rows, 6)}
        mask = READ[:rows].long()
        return network(
            noise(1, 4, 10, 14).expand(rows, -1, -1, -1), 501, text, added_cond_kwargs=told,
            encoder_attention_mask=mask, return_dict=False,
        )  # fmt: skip

    blocks = ("down_blocks.1.attentions.0", "mid_block.attentions.0")
    blocks += tuple(f"up_blocks.0.attentions.{i}" for i in (0, 1))
    names = [f"{block}.transformer_blocks.{i}.attn2" for block in blocks for i in (0, 1)]
    return Family(network, 24, ask, cross, {(5, 7): names})


def masked(network, text, height: int, width: int):
    rows = len(text)
    return network(
        noise(1, 4, height, width).expand(rows, -1, -1, -1), text, torch.full((rows,), 501),
        encoder_attention_mask=READ[:rows].long(), return_dict=False,
    )  # fmt: skip


def pixart() -> Family:
    network = PixArtTransformer2DModel(
        sample_size=8, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=4,
        cross_attention_dim=32, caption_channels=24, in_channels=4, out_channels=8,
        use_additional_conditions=False,
    )  # fmt: skip
    names = [f"transformer_blocks.{i}.attn2" for i in range(2)]
    return Family(network, 24, lambda n, t: masked(n, t, 8, 12), cross, {(4, 6): names})


def sana() -> Family:
    network = SanaTransformer2DModel(
        in_channels=4, out_channels=4, num_attention_heads=4, attention_head_dim=8, num_layers=2,
        num_cross_attention_heads=4, cross_attention_head_dim=8, cross_attention_dim=32,
        caption_channels=24, mlp_ratio=2.5, sample_size=4, patch_size=1,
    )  # fmt: skip
    names = [f"transformer_blocks.{i}.attn2" for i in range(2)]
    return Family(network, 24, lambda n, t: masked(n, t, 4, 6), cross, {(4, 6): names})


def sd3(height: int = 8, width: int = 12) -> Family:
    network = SD3Transformer2DModel(
        sample_size=16, patch_size=2, in_channels=4, out_channels=4, num_layers=3,
        attention_head_dim=8, num_attention_heads=4, joint_attention_dim=24,
        caption_projection_dim=32, pooled_projection_dim=10, pos_embed_max_size=32,
        dual_attention_layers=(0,), qk_norm="rms_norm",
    )  # fmt: skip

    def ask(network, text):
        rows = len(text)
        return network(
            noise(1, 4, height, width).expand(rows, -1, -1, -1), text, torch.ones(rows, 10),
            torch.full((rows,), 501.0), return_dict=False,
        )  # fmt: skip

    names = [f"transformer_blocks.{i}.attn" for i in range(3)]
    return Family(network, 24, ask, image_first, {(height // 2, width // 2): names})


def flux() -> Family:
    network = FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=24, pooled_projection_dim=10,
        axes_dims_rope=(4, 6, 6),
    )  # fmt: skip

    def ask(network, text):
        rows, positions = len(text), torch.cartesian_prod(*map(torch.arange, (1, 4, 6)))
        return network(
            noise(1, 24, 16).expand(rows, -1, -1), text, torch.ones(rows, 10),
            torch.full((rows,), 0.5), img_ids=positions.float(), txt_ids=torch.zeros(TOKENS, 3),
            return_dict=False,
        )  # fmt: skip

    names = [f"transformer_blocks.{i}.attn" for i in range(2)]
    names += [f"single_transformer_blocks.{i}.attn" for i in range(2)]
    return Family(network, 24, ask, text_first, {(4, 6): names})


FAMILIES = (unet, pixart, sana, sd3, flux)
JOINT = (sd3, flux)


@pytest.fixture(scope="module")
def families() -> dict[Callable, Family]:
    found = {}
    for make in FAMILIES:
        torch.manual_seed(3)
        found[make] = make()
        for parameter in found[make].network.parameters():
            if parameter.ndim > 1 or not parameter.isfinite().all():
                nn.init.normal_(parameter, std=0.15)  # else all look alike, or at nothing
        found[make].network.eval()
    return found


def expected(family: Family) -> list[dict[Size, Tensor]]:
    """By row and grid, every layer and head by hand [layers·heads, positions, tokens]."""
    layers: dict[str, Tensor] = {}

    def hook(name: str):
        def compute(layer, args, kwargs):
            inputs = dict(zip(("hidden_states", "encoder_hidden_states"), args, strict=False))
            layers[name] = family.by_hand(layer, **inputs | kwargs)

        return compute

    names = [name for of_grid in family.layers.values() for name in of_grid]
    handles = [
        family.network.get_submodule(name).register_forward_pre_hook(hook(name), with_kwargs=True)
        for name in names
    ]
    family(family.text())
    for handle in handles:
        handle.remove()
    return [
        {grid: torch.cat([layers[n][row] for n in names]) for grid, names in family.layers.items()}
        for row in (0, 1)
    ]


def by_column(weights: Tensor, grid: Size) -> Tensor:
    """[…, positions, tokens] → […, columns, h, w]"""
    columns = [weights[..., c == COLUMNS].sum(-1) for c in range(int(COLUMNS.max()) + 1)]
    return torch.stack(columns, -2).unflatten(-1, grid)


@pytest.mark.parametrize("make", FAMILIES)
def test_maps_and_heads_are_the_softmax_written_out(make, families):
    family = families[make]
    plain = family(family.text())
    with record(family.network, [Watched(row, COLUMNS, COLUMNS) for row in (1, 0)]) as recorder:
        recorded = family(family.text())
    assert torch.equal(plain, recorded)
    truth = expected(family)
    for row, maps, heads in zip((1, 0), recorder.maps(), recorder.heads(), strict=True):
        assert recorder.layers == family.layers
        assert maps.keys() == heads.keys() == family.layers.keys()
        for grid, weights in truth[row].items():
            by_head = by_column(weights, grid)
            torch.testing.assert_close(maps[grid], by_head.mean(0), atol=1e-6, rtol=1e-4)
            assert (from_codes(heads[grid].codes) - by_head).abs().max() < 1 / 255
            assert by_head.std(1).mean() > 1e-3  # else nothing was compared


@pytest.mark.parametrize("make", FAMILIES)
def test_text_gets_all_of_cross_attention_and_a_share_of_joint_attention(make, families):
    family = families[make]
    with record(family.network, [Watched(0, COLUMNS)]) as recorder:
        family(family.text())
    for map_ in recorder.maps()[0].values():
        share = map_.sum(0)
        if make in JOINT:
            assert 0.05 < share.min() < share.max() < 0.95
        else:
            torch.testing.assert_close(share, torch.ones_like(share), atol=1e-5, rtol=0)


@pytest.mark.parametrize("make", FAMILIES)
def test_a_changed_word_changes_its_own_column(make, families):
    """In the first layer the odds of all other tokens stay as they were, image or text."""
    family, changed = families[make], families[make].text(1)
    changed[0, 4] += 3.0
    first = []

    def listen(call, output):
        if call.name == next(iter(family.layers.values()))[0]:
            first.append(call.by_column(0, torch.eye(TOKENS)).log())
        return output

    with attention_calls(family.network, layout_of(family.network), listen):
        family(family.text(1))
        family(changed)
    moved = first[1] - first[0]  # [heads, positions, tokens]
    others = torch.arange(TOKENS) != 4
    spread = moved[..., others].amax(-1) - moved[..., others].amin(-1)
    assert spread.max() < 1e-3
    assert (moved[..., 4] - moved[..., 0]).abs().mean() > 0.05


class Largest(TorchDispatchMode):
    """How many numbers the largest result of an operation has."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **kwargs or {})
        for one in result if isinstance(result, tuple) else (result,):
            if isinstance(one, Tensor):
                self.numbers = max(self.numbers, one.numel())
        return result


def test_joint_attention_never_forms_the_matrix_of_all_queries_and_keys():
    torch.manual_seed(3)
    family = sd3(64, 64)  # 1024 positions
    with record(family.network, [Watched(0, COLUMNS, COLUMNS)]), Largest() as largest:
        family(family.text(1))
    assert largest.numbers < 1024 * (1024 + TOKENS)  # of one head


@pytest.mark.parametrize("make", JOINT)
def test_joint_attention_is_not_rewritten(make, families):
    family = families[make]
    with pytest.raises(UnreadableAttentionError, match="cannot be rewritten"):
        with record(family.network, [], Rewrite((0, 1), lambda found: {})):
            family(family.text())


def test_rows_of_one_question_may_be_computed_in_several_calls(families):
    """Rows with texts of another length cannot share a call with the others."""
    family = families[sd3]
    short, long = family.text(2)[:, :9], family.text(3)
    watched = [Watched(2, COLUMNS[:9]), Watched(0, COLUMNS), Watched(3, COLUMNS, COLUMNS)]
    with record(family.network, watched, calls=[(1, 2), (0, 3, 4)]) as recorder:
        family(short)
        family(long)
    assert recorder.layers == family.layers
    alone = []
    for row, columns, text in ((1, COLUMNS[:9], short), (0, COLUMNS, long), (1, COLUMNS, long)):
        with record(family.network, [Watched(row, columns, COLUMNS[: len(columns)])]) as single:
            family(text)
        alone.append(single)
    for maps, single in zip(recorder.maps(), alone, strict=True):
        for grid, map_ in maps.items():
            torch.testing.assert_close(map_, single.maps()[0][grid], atol=1e-6, rtol=1e-5)
    assert recorder.heads()[:2] == [None, None]
    for grid, heads in recorder.heads()[2].items():
        assert torch.equal(heads.codes, alone[2].heads()[0][grid].codes)
    with pytest.raises(ValueError, match="No network call has row 3"):
        with record(family.network, watched, calls=[(1, 2), (0, 4)]):
            pass


def test_every_layout_is_tested():
    here = {type(make().network).__name__ for make in FAMILIES}
    in_families = {  # by their pipelines, in test_joint_families
        "Lumina2Transformer2DModel", "ZImageTransformer2DModel", "QwenImageTransformer2DModel",
    }  # fmt: skip
    assert here | in_families == set(LAYOUTS)
