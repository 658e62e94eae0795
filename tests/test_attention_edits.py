"""Edits as the page asks for them: from words to two pictures and what the difference says."""

import pytest
import torch

from playground.models.latent import LatentModel
from playground.page.attention import data, runs
from playground.recipe import Recipe

SOURCE = Recipe(prompt="a red star and a cat", steps=2, width=96, height=64)
ASK = {"link": SOURCE.to_query(), "share": 0.5}


@pytest.mark.parametrize(
    ("ask", "words", "touched"),
    [
        ({"kind": "swap", "word": "cat", "which": 0, "by": "dog"}, "a red star and a dog", (5, 5)),
        ({"kind": "swap", "word": "a", "which": 1, "by": "two"}, "a red star and two cat", (4, 4)),
        ({"kind": "refine", "prompt": "a red star and a small cat"}, None, (None, 5)),
        ({"kind": "reweight", "weights": {"1": 2, "2": 1}}, "a red star and a cat", (1, 1)),
    ],
)
def test_every_kind_of_edit(look, ask, words, touched):
    *frames, last = runs.edit(ASK | ask)
    assert frames[-1]["kind"] == "sampling"
    assert last["kind"] == "edited"
    before, after = last["sides"]
    assert " ".join(w["text"] for w in before["words"]) == SOURCE.prompt
    assert " ".join(w["text"] for w in after["words"]) == (words or ask["prompt"])
    assert [side["touched"] for side in last["sides"]] == [
        [] if at is None else [at] for at in touched
    ]
    assert (before["h"], before["w"]) == (8, 12)
    assert Recipe.from_query(after["link"]).prompt == (words or ask["prompt"])


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        ({"kind": "swap", "word": "owl", "which": 0, "by": "dog"}, "not in the prompt"),
        ({"kind": "swap", "word": "cat", "which": 0, "by": "big dog"}, "keeps the number"),
        ({"kind": "swap", "word": "cat", "which": 0, "by": "x" * 301}, "characters"),
        ({"kind": "refine", "prompt": "something else"}, "keeps all the words"),
        ({"kind": "reweight", "weights": {"1": "big"}}, "must be a number"),
        ({"kind": "reweight", "weights": {"1": 1}}, "at least one word"),
        ({"kind": "swap", "word": "cat", "which": 0, "by": "dog", "share": 2}, "from 0 to 1"),
        ({"kind": "wish"}, "there are: swap, refine, reweight"),
        ({"kind": "swap", "link": None}, "damaged"),
        ({"kind": "swap", "link": Recipe(guidance=0.0).to_query()}, "w = 0"),
    ],
)
def test_a_bad_edit_is_a_sentence(look, ask, says):
    with pytest.raises(ValueError, match=says):
        list(runs.edit(ASK | ask))


def test_the_verdict_compares_what_changed_with_the_words_map(tiny: LatentModel):
    """The left half changes: the map of "red" lies there, that of "star" does not."""
    prompt = tiny.encode("a red star")
    before = torch.zeros(8, 16, 3, dtype=torch.uint8)
    after = before.clone()
    after[:, :8] = 120
    shares = torch.full((3, 2, 4), 0.1)
    shares[1, :, :2] = 0.8
    shares[2, :, 2:] = 0.8
    said = data.verdict(before, after, shares, prompt, [1])
    assert "“red” overlap with IoU 1.00 (other words’ maps: 0.00 to 0.00)" in said
    assert "Mean change 60.0 of 255" in said
    assert "“star” overlap with IoU 0.00" in data.verdict(before, after, shares, prompt, [2])
    assert "did nothing" in data.verdict(before, before, shares, prompt, [1])
