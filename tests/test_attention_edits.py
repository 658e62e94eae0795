"""Edits as the page asks for them: from words to two pictures and what the difference says."""

import numpy as np
import pytest
from viewer import give, mount

from playground.models.words import Word
from playground.page.attention import data, runs
from playground.page.attention.views import edits
from playground.recipe import Recipe

SOURCE = Recipe(prompt="a red star and a cat", steps=2, width=96, height=64)
ASK = {"link": SOURCE.to_query(), "share": 0.5}
SWAP = {"kind": "swap", "word": "cat", "which": 0, "by": "dog"}


@pytest.mark.parametrize(
    ("ask", "words", "touched"),
    [
        (SWAP, "a red star and a dog", (5, 5)),
        (SWAP | {"word": "a", "which": 1, "by": "two"}, "a red star and two cat", (4, 4)),
        ({"kind": "refine", "prompt": "a red star and a small cat"}, None, (None, 5)),
        ({"kind": "reweight", "weights": {"1": 2, "2": 1}}, "a red star and a cat", (1, 1)),
    ],
)
def test_every_kind_of_edit(session, ask, words, touched):
    *frames, last = runs.edit(ASK | ask)
    assert frames[-1]["kind"] == "sampling"
    assert last["kind"] == "edited"
    before, after, *alone = last["sides"]
    assert len(alone) == (ask["kind"] != "reweight")  # the same words without any attention read
    assert " ".join(w["text"] for w in before["words"]) == SOURCE.prompt
    assert " ".join(w["text"] for w in after["words"]) == (words or ask["prompt"])
    assert [side["touched"] for side in (before, after)] == [
        [] if at is None else [at] for at in touched
    ]
    assert (before["h"], before["w"]) == (8, 12)
    assert Recipe.from_query(after["link"]).prompt == (words or ask["prompt"])


def test_words_can_be_added_to_none(session):
    nothing = Recipe(prompt="", steps=2, width=64, height=64)
    *_, last = runs.edit(
        {"kind": "refine", "share": 0.5, "link": nothing.to_query(), "prompt": "a cat"}
    )
    assert [len(side["words"]) for side in last["sides"]] == [0, 2, 2]
    assert "map of “a cat”" in last["verdict"]


def test_what_is_no_word_can_be_added(session):
    *_, last = runs.edit(ASK | {"kind": "refine", "prompt": SOURCE.prompt + ","})
    assert last["verdict"].startswith("What was added is no word, so it has no map. Mean change ")


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (SWAP | {"word": "owl"}, "not in the prompt"),
        (SWAP | {"by": "big dog"}, "keeps the number"),
        (SWAP | {"by": "x" * 301}, "characters"),
        (SWAP | {"by": None}, "Say which word takes its place"),
        (SWAP | {"by": ["dog"]}, "Say which word takes its place"),
        (SWAP | {"word": None}, "not in the prompt"),
        (SWAP | {"word": "a", "which": "first"}, "2 times: say which one"),
        ({"kind": "refine", "prompt": "something else"}, "keeps all the words"),
        ({"kind": "refine"}, "keeps all the words"),
        ({"kind": "reweight", "weights": {"1": "big"}}, "must be a number"),
        ({"kind": "reweight", "weights": {"1": None}}, "must be a number"),
        ({"kind": "reweight", "weights": {"first": 2}}, "by its number"),
        ({"kind": "reweight", "weights": {"77": 2}}, "no word number 77"),
        ({"kind": "reweight", "weights": {"1": 1}}, "at least one word"),
        ({"kind": "reweight", "weights": [2, 1]}, "at least one word"),
        ({"kind": "reweight"}, "at least one word"),
        (SWAP | {"share": 2}, "from 0 to 1"),
        (SWAP | {"share": 10**400}, "from 0 to 1"),
        (SWAP | {"share": float("nan")}, "from 0 to 1"),
        (SWAP | {"share": None}, "from 0 to 1"),
        (SWAP | {"share": [1]}, "from 0 to 1"),
        ({"kind": "wish"}, "there are: swap, refine, reweight"),
        ({"kind": None}, "there are: swap, refine, reweight"),
        ({"kind": ["swap"]}, "there are: swap, refine, reweight"),
        (SWAP | {"link": None}, "damaged"),
        (SWAP | {"link": 5}, "damaged"),
        (SWAP | {"link": Recipe(guidance=0.0).to_query()}, "w = 0"),
    ],
)
def test_a_bad_edit_is_a_sentence(session, ask, says):
    with pytest.raises(ValueError, match=says) as caught:
        list(runs.edit(ASK | ask))
    assert str(caught.value).endswith(".")


def test_nothing_asked_for_is_a_sentence(session):
    with pytest.raises(ValueError, match="damaged"):
        list(runs.edit({}))


def test_the_verdict_compares_what_changed_with_the_words_map():
    """The left half changes: the map of "red" lies there, that of "star" does not."""
    words = [Word(text, 0, 0, ()) for text in ("a", "red", "star")]
    before = np.zeros((8, 16, 3), np.uint8)
    after = before.copy()
    after[:, :8] = 120
    shares = np.full((3, 2, 4), 0.1, np.float32)
    shares[1, :, :2] = 0.8
    shares[2, :, 2:] = 0.8
    said = data.verdict(before, after, shares, words, [1])
    assert "“red” overlap with IoU 1.00 (other words’ maps: 0.00 to 0.00)" in said
    assert "Mean change 60.0 of 255" in said
    assert "“star” overlap with IoU 0.00" in data.verdict(before, after, shares, words, [2])
    assert "did nothing" in data.verdict(before, before, shares, words, [1])
    assert "other words" not in data.verdict(before, after, shares, words, [0, 1, 2])


def test_what_differs_is_stretched_to_full_brightness():
    before = np.zeros((1, 2, 3), np.uint8)
    after = np.array([[[0, 0, 0], [30, 0, 0]]], np.uint8)
    assert data._difference(before, after).tolist() == [[[0] * 3, [255] * 3]]
    assert data._difference(after, after).max() == 0


@pytest.fixture
def judged(page, session):
    """The form in a bare page, with an edit that was drawn."""
    *_, last = runs.edit(ASK | SWAP)
    mount(page, edits.VIEW, edits.ready(SOURCE.prompt, [Word("cat", 0, 3, (1,))], "link"))
    give(page, last)
    page.wait_for_function("document.querySelector('.verdict').textContent !== ''")
    return page


def test_a_failed_edit_takes_the_old_verdict_away(judged):
    give(judged, edits.message("A swap keeps the number of tokens.", error=True))
    assert judged.text_content(".verdict") == ""
    assert judged.is_enabled(".go button")


def test_an_edit_that_begins_takes_the_old_verdict_away(judged):
    judged.evaluate("window.trigger = () => {}")
    judged.click(".go button")
    assert judged.text_content(".verdict") == ""
    assert judged.text_content(".status") == "Getting ready …"
