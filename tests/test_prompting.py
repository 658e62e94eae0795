"""The words at hand: what a model knows, what it does not, and a prompt drawn at random."""

import json

import pytest

from playground.page.words import build, known, surprise
from playground.world import heldout
from playground.world.asked import Asked, read

WORLD = known.of("emoji-world")


def test_every_word_of_the_list_is_one_that_the_model_knows(tiny):
    for group in WORLD["groups"]:
        for entry in group["entries"]:
            for text in filter(None, (entry["text"], entry["said"], entry["many"])):
                assert tiny.tokenizer.unk_token_id not in tiny.tokenizer(text)["input_ids"]
                assert set(text.split()) <= set(WORLD["known"])


def test_the_list_says_each_thing_of_the_world_once():
    texts = [entry["text"] for group in WORLD["groups"] for entry in group["entries"]]
    assert len(texts) == len(set(texts))
    assert {"cat", "umbrella", "top hat", "astronaut", "star", "at sunset", "left of"} <= set(texts)
    sprites = [
        e["sprite"] for g in WORLD["groups"] for e in g["entries"] if e["sprite"] is not None
    ]
    assert sorted(sprites) == list(range(len(sprites)))
    assert len(json.dumps(WORLD)) < 80_000  # every page brings it


@pytest.mark.parametrize("model", ["emoji-world", "emoji-world-flow", "emoji-world-lcm"])
def test_models_say_how_their_prompts_may_be_written(model):
    weighed = model != "emoji-world-flow"  # in which words and image attend to each other
    assert ("multiplies the attention" in known.of(model)["help"]) == weighed


def test_of_a_checkpoint_there_is_no_list_but_its_tokens(session, tiny_pipeline, monkeypatch):
    folder = str(tiny_pipeline("sd15"))
    assert known.of(folder)["known"] is None
    assert known.of(folder)["groups"] == []
    shown = build.described(folder, "", "a cat " * 40)  # the small model's session stands for it
    assert (shown["used"], shown["most"]) == (77, 77)
    assert shown["names"][:3] == ["<start>", "a", "cat"]
    assert shown["cut"] == ["a", "cat"] * 2 + ["a"] or len(shown["cut"]) == 5
    assert build.described(folder, "", "(cat:9)")["text"].startswith("Weights of words lie")
    monkeypatch.setattr("playground.page.serving.opened", lambda *_: None)
    assert build.described(folder, "", "a cat")["text"] == build.CLOSED


@pytest.mark.parametrize("sent", [None, 7, [], {}, "x" * 10], ids=repr)
def test_what_a_page_may_send_is_answered(session, sent):
    assert build.described("emoji-world", sent, sent)["kind"] in ("tokens", "unread")
    assert build.described(sent, "", "a cat")["kind"] in ("tokens", "unread")


def test_a_surprise_is_the_same_for_its_seed_and_says_something(tiny):
    found = [surprise.prompt(seed) for seed in range(40)]
    assert found == [surprise.prompt(seed) for seed in range(40)]
    assert len(set(found)) > 35
    for text in found:
        assert tiny.tokenizer.unk_token_id not in tiny.tokenizer(text)["input_ids"]
        assert read(text) != Asked()
        assert not heldout.is_held_out(surprise._said(text))


def test_on_request_it_says_a_combination_that_no_training_drew():
    for seed in range(25):
        text = surprise.prompt(seed, held_out=True)
        named = [pair for pair in heldout.HELD_OUT if all(word in text for word in pair)]
        assert named, text
