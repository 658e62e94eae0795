"""Words of a prompt and the tokens they are made of."""

import json

import pytest

from playground.models import specs
from playground.models.words import Word, align, split

SPECIAL = (0, 0)  # offsets of start, end and padding tokens


def texts(prompt: str) -> list[str]:
    return [prompt[a:b] for a, b in split(prompt)]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", []),
        (" \t\n ", []),
        (",.;:!?()[]\"", []),
        ("a cat", ["a", "cat"]),
        ("  a   cat\n", ["a", "cat"]),
        ("a cat, two (big) dogs!", ["a", "cat", "two", "big", "dogs"]),
        ("cat,dog", ["cat", "dog"]),
        ("the owl's x-ray", ["the", "owl's", "x-ray"]),
        ("naïve 猫 🦊🦊 é", ["naïve", "猫", "🦊🦊", "é"]),
        ("<b>bold</b>", ["<b>bold</b>"]),
        ("a\u00a0cat", ["a", "cat"]),
    ],
)  # fmt: skip
def test_split(prompt, words):
    assert texts(prompt) == words


def test_a_word_is_made_of_the_tokens_inside_it():
    prompt = "an astronaut rides"
    offsets = [SPECIAL, (0, 2), (3, 8), (8, 12), (13, 18), SPECIAL, SPECIAL]
    assert align(prompt, offsets) == [
        Word("an", 0, 2, (1,)),
        Word("astronaut", 3, 12, (2, 3)),
        Word("rides", 13, 18, (4,)),
    ]


def test_function_words_are_told_from_content_words():
    prompt = "A cat wearing the top hat on a blue background, left of two dogs"
    words = [Word(text, 0, 0, ()) for text in texts(prompt)]
    function = [word.text for word in words if not word.content]
    assert function == ["A", "the", "on", "a", "of"]


def test_tokens_may_carry_the_space_before_their_word():
    """As those of byte-level tokenizers do."""
    words = align("a cat", [SPECIAL, (0, 1), (1, 5), SPECIAL])
    assert [w.tokens for w in words] == [(1,), (2,)]


def test_punctuation_belongs_to_no_word():
    words = align("cat, dog", [SPECIAL, (0, 3), (3, 4), (5, 8), SPECIAL])
    assert [(w.text, w.tokens) for w in words] == [("cat", (1,)), ("dog", (3,))]


def test_a_token_with_punctuation_in_it_still_belongs_to_its_word():
    words = align("cat; dog", [SPECIAL, (0, 4), (5, 8), SPECIAL])
    assert [w.tokens for w in words] == [(1,), (2,)]


def test_repeated_words_stay_separate():
    words = align("a cat a cat", [SPECIAL, (0, 1), (2, 5), (6, 7), (8, 11), SPECIAL])
    assert [(w.text, w.start, w.tokens) for w in words] == [
        ("a", 0, (1,)), ("cat", 2, (2,)), ("a", 6, (3,)), ("cat", 8, (4,)),
    ]  # fmt: skip
    assert len(set(words)) == 4


def test_tokens_without_characters_belong_to_no_word():
    """Some tokenizers place the end token where the text ends, or an empty one inside it."""
    words = align("a cat", [SPECIAL, (0, 1), (2, 5), (3, 3), (5, 5)])
    assert [w.tokens for w in words] == [(1,), (2,)]


def test_words_that_were_cut_off_have_no_tokens():
    words = align("a cat here", [SPECIAL, (0, 1), (2, 5), SPECIAL])
    assert [(w.text, w.tokens) for w in words] == [("a", (1,)), ("cat", (2,)), ("here", ())]


def test_a_word_is_unknown_when_one_of_its_tokens_is():
    offsets = [SPECIAL, (0, 1), (2, 4), (4, 7), SPECIAL]
    assert [w.known for w in align("a zebra", offsets, frozenset({3}))] == [True, False]
    assert [w.known for w in align("a zebra", offsets, frozenset({2}))] == [True, False]
    assert [w.known for w in align("a zebra", offsets)] == [True, True]


@pytest.mark.parametrize("prompt", ["naïve 猫 🦊 cat", "CAFE\u0301 cat", "İstanbul cat", "ﬁne cat"])
def test_real_offsets_count_characters_whatever_the_tokenizer_normalises(prompt, tiny):
    words = tiny.encode(prompt).words
    assert [w.text for w in words] == prompt.split()
    assert words[-1].known
    assert [w.tokens for w in words] == [(i + 1,) for i in range(len(words))]


@pytest.mark.parametrize(
    ("prompt", "known", "unknown"),
    [
        ("a cat; a dog", "a cat a dog", ""),
        ("(cat:1.5)", "cat", ""),
        ("A CAT: wearing [a] \u201chat\u201d!!", "A CAT wearing a hat", ""),
        ("<b>a cat", "cat", "<b>a"),
    ],
)
def test_punctuation_hides_no_word_from_the_model(prompt, known, unknown, shipped, tiny):
    for model in (shipped, tiny):  # the file in assets, and what makes it
        found = model.encode(prompt).words
        assert " ".join(word.text for word in found if word.known) == known
        assert " ".join(word.text for word in found if not word.known) == unknown


WORLDLY = "a cat, 2 dogs"  # with what typographers, phones and other programs put around words
TYPED = [
    "a \u200bcat\u200b, 2 dogs", "a \u2066cat\u2069, 2 dogs", "\ufeffa cat\ufe0f, 2 dogs",
    "a\u00a0cat, 2\u3000dogs", "a ‘cat’, «2» dogs", "„a cat“, 2 dogs…", "a ′cat′，2 dogs。",
    "a \U000e0001cat\U000e007f, 2 dogs", "a c\u00adat, two dogs", "¿a cat, 2 dogs?",
    "A CAT، 2 DOGS", "a-cat, 2 dogs", "a‑cat, 2 dogs", "a – cat, 2 — dogs", "(a cat), [2] dogs•",
    "a\u034f cat,2 dogs",
]  # fmt: skip


@pytest.mark.parametrize("typed", TYPED, ids=ascii)
def test_what_nobody_sees_hides_no_word(typed, shipped, tiny):
    for model in (shipped, tiny):
        assert model.encode(typed).ids == model.encode(WORLDLY).ids
        assert all(word.known for word in model.encode(typed).words)


def test_the_shipped_tokenizers_are_those_that_the_world_makes(tiny):
    made = json.loads(tiny.tokenizer.backend_tokenizer.to_str())
    for spec in specs.MODELS.values():
        stored = json.loads((spec.folder / "tokenizer" / "tokenizer.json").read_text())
        for part in ("normalizer", "pre_tokenizer", "model"):
            assert stored[part] == made[part]
