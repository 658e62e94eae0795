"""Every head by itself, kept as one byte a number."""

import pytest
import torch

from playground.attention import heatmaps
from playground.attention.record import Watched, from_codes, record, to_codes
from playground.diffusion.guidance import COND, UNCOND
from playground.diffusion.levels import Level
from playground.engine.engine import Engine
from playground.engine.events import Picture, Step
from playground.models.prompt import Condition, word_columns
from playground.recipe import Recipe

WIDE = {"steps": 2, "width": 192, "height": 64}


def steps_of(engine, *recipes: Recipe) -> list[Step]:
    return [e for e in engine.submit(recipes, heads=True) if isinstance(e, Step)]


def test_codes_are_finest_where_probabilities_are_small():
    p = torch.linspace(0, 1, 10_001)
    assert ((from_codes(to_codes(p)) - p).abs() <= p.sqrt() / 255 + 1 / 510**2 + 1e-7).all()
    assert from_codes(to_codes(torch.tensor([0.0, 1.0]))).tolist() == [0.0, 1.0]


def test_columns_by_word_keep_repeats_apart_and_punctuation_away(tiny):
    prompt = tiny.encode("a red cat, a red star")
    columns = word_columns(prompt)
    words = len(prompt.words)
    assert words == 6
    expected = [0]
    for position in range(1, prompt.content + 1):
        (owner,) = [n for n, w in enumerate(prompt.words, 1) if position in w.tokens] or [words + 1]
        expected.append(owner)
    expected += [words + 2] + [words + 3] * (77 - len(expected) - 1)
    assert columns.tolist() == expected


@torch.inference_mode()
def test_heads_are_the_softmax_of_each_layer_and_head(tiny):
    prompt = tiny.encode("two red stars")
    columns = word_columns(prompt)
    expected = {}

    def hook(layer, args, kwargs):
        text = kwargs["encoder_hidden_states"]
        query, key = (
            x.unflatten(-1, (layer.heads, -1)).transpose(0, 1)
            for x in (layer.to_q(args[0])[0], layer.to_k(text)[0])
        )
        found = torch.softmax(query @ key.mT / query.shape[-1] ** 0.5, -1)
        by_word = torch.stack(
            [found[..., columns == c].sum(-1) for c in range(int(columns[-1]) + 1)]
        )
        expected.setdefault(found.shape[1], []).append(by_word.movedim(0, 1))

    handles = [
        layer.register_forward_pre_hook(hook, with_kwargs=True)
        for layer in tiny.cross_attention.values()
    ]
    try:
        with record(tiny.unet, [Watched(0, prompt.columns, columns)]) as recorder:
            tiny.predict(torch.randn(1, 4, 8, 24), [Level(0.5, 0.5, 501.0)], [Condition(prompt)])
    finally:
        for handle in handles:
            handle.remove()
    (heads,) = recorder.heads()
    assert heads.keys() == {(8, 24), (4, 12), (2, 6)}
    for (h, w), kept in heads.items():
        truth = torch.cat(expected[h * w]).unflatten(2, (h, w))
        assert kept.codes.dtype == torch.uint8
        assert len(kept.layers) * 2 == len(kept.codes)  # two heads a layer
        assert kept.layers[0].startswith("down_blocks")
        assert (from_codes(kept.codes) - truth).abs().max() < 1 / 255


def test_heads_average_to_the_token_maps(tiny, engine):
    recipe = Recipe(**WIDE, prompt="two red stars, a cat")
    events = [e for e in engine.submit([recipe], record=True, heads=True) if isinstance(e, Step)]
    words = tiny.encode(recipe.prompt).words
    for step in events:
        for grid, maps in step.maps.items():
            mean = from_codes(torch.from_numpy(step.heads[COND][grid].codes)).mean(0)
            wanted = heatmaps.of_words(torch.from_numpy(maps), words)
            assert (mean[1 : len(words) + 1] - wanted).abs().max() < 2e-3
            assert (mean.sum(0) - 1).abs().max() < 0.02


def test_both_branches_are_kept_each_with_its_own_words(engine):
    recipe = Recipe(**WIDE, prompt="two red stars", negative="a cat", guidance=4.0)
    for step in steps_of(engine, recipe):
        assert {b: maps[8, 24].codes.shape[1] for b, maps in step.heads.items()} == {
            COND: 7, UNCOND: 6,  # start, words, between words, end, padding
        }  # fmt: skip


@pytest.mark.parametrize(("w", "branches"), [(0.0, {UNCOND}), (1.0, {COND})])
def test_only_rows_that_guidance_needs_are_kept(engine, w, branches):
    assert all(
        step.heads.keys() == branches for step in steps_of(engine, Recipe(**WIDE, guidance=w))
    )


def test_several_pictures_in_a_batch_keep_their_own(engine):
    one, two = Recipe(**WIDE, seed=1), Recipe(**WIDE, seed=2, prompt="a cat")
    together = steps_of(engine, one, two)
    for number, recipe in enumerate((one, two)):
        alone = steps_of(engine, recipe)
        mine = [s for s in together if s.cell == number]
        for a, b in zip(alone, mine, strict=True):
            codes = [step.heads[COND][8, 24].codes.astype(int) for step in (a, b)]
            assert abs(codes[0] - codes[1]).max() <= 1


def test_keeping_heads_does_not_change_the_picture(engine):
    recipe = Recipe(**WIDE)
    *_, plain = engine.submit([recipe])
    *_, closer = engine.submit([recipe], heads=True)
    assert isinstance(closer, Picture)
    assert (plain.image == closer.image).all()


def test_what_is_not_asked_for_is_not_kept(engine):
    steps = [e for e in engine.submit([Recipe(**WIDE)], record=True) if isinstance(e, Step)]
    assert [step.heads for step in steps] == [None, None]


def test_the_shipped_model_at_a_size_that_is_not_square(shipped):
    recipe = Recipe(prompt="a red square and a red star", steps=2, width=192, height=128)
    events = list(Engine(shipped).submit([recipe], record=True, heads=True))
    assert events[-1].image.shape == (128, 192, 3)
    prompt = shipped.encode(recipe.prompt)
    for step in events[:2]:
        assert step.maps.keys() == {(16, 24), (8, 12), (4, 6)}
        for (h, w), found in step.maps.items():
            maps = torch.from_numpy(found)
            torch.testing.assert_close(maps.sum(0), torch.ones(h, w), atol=1e-4, rtol=0)
            first, second = heatmaps.of_words(maps, [w for w in prompt.words if w.text == "red"])
            assert not torch.allclose(first, second, atol=1e-4)  # repeated words, each its own
        heads = step.heads[COND]
        assert [len(heads[g].codes) for g in sorted(heads, reverse=True)] == [12, 12, 16]
    *_, plain = Engine(shipped).submit([recipe])
    assert abs(plain.image.astype(int) - events[-1].image.astype(int)).max() <= 1
