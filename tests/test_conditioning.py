"""The toy of three ways to tell a denoiser something: its task, its sampler, its kept table."""

import json

import pytest
import torch

from playground.page.family import measured
from playground.toys import conditioning
from playground.toys.conditioning import PLACES, VALUES, WAYS, WORDS
from playground.toys.dropout import levels

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def some() -> tuple:
    return conditioning.prompts(200, torch.Generator().manual_seed(3))


def test_a_prompt_says_which_places_have_which_value(some):
    words, clean = some
    assert words.shape == (200, WORDS, len(VALUES) + PLACES)
    for said, row in zip(words, clean, strict=True):
        values, places = (part.argmax(-1) for part in said.split((len(VALUES), PLACES), -1))
        told = {int(p): VALUES[v] for v, p in zip(values, places, strict=True)}
        assert len(told) == WORDS
        assert row.tolist() == [told.get(place, 0.0) for place in range(PLACES)]


def test_an_exact_denoiser_is_always_right_and_no_denoiser_is_not(some):
    words, clean = some

    def exact(x, t, _):
        signal, spread = levels(t)
        return (x - signal * clean) / spread

    generator = torch.Generator().manual_seed(0)
    assert conditioning.right(conditioning.sample(exact, words, generator), clean) == 1
    assert conditioning.right(torch.randn(clean.shape, generator=generator), clean) < 0.05


@pytest.mark.parametrize("way", WAYS)
def test_the_order_of_words_makes_no_difference_and_their_content_does(some, way):
    words, clean = some
    net = conditioning.learn(way, steps=3)
    said = net(clean, torch.full((200, 1), 0.5), words)
    torch.testing.assert_close(net(clean, torch.full((200, 1), 0.5), words.flip(1)), said)
    others = net(clean, torch.full((200, 1), 0.5), words.roll(1, 0))
    assert (others - said).abs().max() > 1e-3


def test_an_unknown_way_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"'concat'.*concatenation, norm, cross"):
        conditioning.Denoiser("concat")


def test_the_kept_table_is_of_these_networks():
    found = json.loads(measured.TOLD.read_text())
    sizes = {
        way: sum(weights.numel() for weights in conditioning.Denoiser(way).parameters())
        for way in WAYS
    }
    assert {row["way"]: row["parameters"] for row in found["rows"]} == sizes
    assert (found["steps"], found["count"]) == (conditioning.STEPS, conditioning.SAMPLES)
    shown = measured.telling(found)
    assert [row["name"] for row in shown["rows"]][-1] == "Cross-attention"
    assert shown["text"].startswith("Cross-attention is right most often: 9")
