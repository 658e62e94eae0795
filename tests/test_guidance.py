"""Guidance: exact identities of the formula, and what they cost in the engine."""

import numpy as np
import pytest
import torch

from playground.diffusion import guidance
from playground.diffusion.guidance import COND, UNCOND
from playground.engine.events import Step
from playground.recipe import Recipe
from playground.training.unet import new_schedule

SMALL = {"steps": 3, "width": 64, "height": 64}


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(3, 4, 8, 8, generator=generator) * s + s for s in (1.0, 2.0))


@pytest.mark.parametrize(
    ("scale", "expected"), [(0.0, 2.0), (0.5, 3.0), (1.0, 4.0), (7.5, 17.0), (-1.0, 0.0)]
)
def test_the_formula(scale, expected):
    """ε_u = 2, ε_c = 4: below 1 in between, above 1 past the conditional one."""
    uncond, cond = torch.full((1, 1, 1, 1), 2.0), torch.full((1, 1, 1, 1), 4.0)
    assert guidance.guide(uncond, cond, scale).item() == expected


def test_our_scale_is_ho_and_salimans_plus_one(pair):
    """Eq. 6 of arXiv 2207.12598: (1 + w)·ε_c − w·ε_u."""
    uncond, cond = pair
    theirs = (1 + 6.5) * cond - 6.5 * uncond
    torch.testing.assert_close(guidance.guide(uncond, cond, 7.5), theirs, atol=1e-4, rtol=1e-5)


def test_full_rescale_gives_each_row_the_spread_of_the_conditional_one(pair):
    uncond, cond = pair
    guided = guidance.guide(uncond, cond, 7.5)
    axes = (1, 2, 3)
    full = guidance.rescale(guided, cond, 1.0)
    torch.testing.assert_close(full.std(axes), cond.std(axes))
    assert not torch.allclose(guided.std(axes), cond.std(axes), rtol=0.1)
    torch.testing.assert_close(guidance.rescale(guided, cond, 0.0), guided)
    half = guidance.rescale(guided, cond, 0.5)
    torch.testing.assert_close(half, (full + guided) / 2)
    alone = guidance.rescale(guided[1:], cond[1:], 0.5)
    torch.testing.assert_close(half[1:], alone)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [(0.0, (UNCOND,)), (1.0, (COND,)), (0.5, (UNCOND, COND)), (7.5, (UNCOND, COND))],
)
def test_only_the_needed_branches_are_asked_for(scale, expected):
    assert guidance.branches(scale) == expected


def test_one_branch_is_its_own_combination(pair):
    uncond, cond = pair
    for guider in guidance.GUIDERS.values():
        assert guidance.combine({UNCOND: uncond}, 0.0, guider) is uncond
        assert guidance.combine({COND: cond}, 1.0, guider) is cond
    both = {UNCOND: uncond, COND: cond}
    assert torch.equal(guidance.combine(both, 3.0), guidance.guide(uncond, cond, 3.0))


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({"guidance": 0.0}, 3),
        ({"guidance": 1.0}, 3),
        ({"guidance": 0.5}, 6),
        ({"guidance": 5.0}, 6),
        ({"guidance": 5.0, "guidance_start": 0.5}, 5),  # middles of three steps: 1/6, 1/2, 5/6
        ({"guidance": 5.0, "guidance_start": 1.0}, 3),
    ],
)
def test_rows_that_guidance_does_not_need_are_not_computed(changes, rows, tiny, engine):
    sizes = []
    hook = tiny.unet.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    try:
        picture = engine.draw(Recipe(**SMALL | changes))
    finally:
        hook.remove()
    assert picture.rows == sum(sizes) == rows


def same_picture(a, b) -> bool:
    return int(np.abs(a.image.astype(int) - b.image.astype(int)).max()) <= 1


def test_at_zero_the_words_do_not_matter_and_at_one_they_do(engine):
    def drawn(scale, **words):
        return engine.draw(Recipe(**SMALL | {"guidance": scale, "steps": 8} | words))

    assert same_picture(drawn(0.0, prompt="a cat"), drawn(0.0, prompt="two red stars"))
    assert not same_picture(drawn(1.0, prompt="a cat"), drawn(1.0, prompt="two red stars"))
    assert same_picture(drawn(0.0, prompt="x", negative="a cat"), drawn(1.0, prompt="a cat"))


def test_at_one_the_negative_words_do_not_matter(engine):
    def drawn(scale, negative):
        recipe = SMALL | {"prompt": "a cat", "guidance": scale, "steps": 8, "negative": negative}
        return engine.draw(Recipe(**recipe))

    assert same_picture(drawn(1.0, ""), drawn(1.0, "two red stars"))
    assert not same_picture(drawn(7.5, ""), drawn(7.5, "two red stars"))


@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0, 30.0])
def test_guiding_away_from_the_same_words_changes_nothing(scale, engine):
    same = {"prompt": "a cat", "negative": "a cat"} | SMALL
    expected = engine.draw(Recipe(**same, guidance=1.0))
    assert same_picture(engine.draw(Recipe(**same, guidance=scale)), expected)


@pytest.mark.parametrize(("share", "same"), [(1.0, True), (0.0, False)])
def test_rescale_reaches_the_solver(share, same, engine):
    """At φ = 1 the guided ε of every call has the spread of the conditional one."""
    recipe = Recipe(**SMALL, guidance=9.0, rescale=share)
    kept = new_schedule().alphas_cumprod.numpy()
    steps = [e for e in engine.submit([recipe]) if isinstance(e, Step)]
    ratios = []
    for step in steps:
        signal = kept[int(step.level.t)] ** 0.5
        spread = {name: (step.latents - signal * x0).std() for name, x0 in step.clean.items()}
        ratios.append(float(spread["guided"] / spread[COND]))  # of √(1 − ᾱ)·ε
    assert (ratios == pytest.approx([1] * len(steps), rel=1e-4)) == same


def test_previews_of_the_branches_obey_the_formula(engine):
    """x̂0 is linear in ε, so guidance acts on previews as it does on predictions."""
    steps = [e for e in engine.submit([Recipe(**SMALL, guidance=4.0)]) if isinstance(e, Step)]
    for step in steps:
        clean = step.clean
        assert clean.keys() == {UNCOND, COND, "guided"}
        expected = guidance.guide(clean[UNCOND], clean[COND], 4.0)
        np.testing.assert_allclose(clean["guided"], expected, atol=1e-3, rtol=1e-3)
