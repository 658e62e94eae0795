"""Free phrasings say what the plain caption says, and the held-back ones are never trained on."""

import dataclasses
import re

import numpy as np
import pytest

from playground.world import asked, phrasing
from playground.world.asked import read
from playground.world.compositions import questions
from playground.world.phrasing import rephrase
from playground.world.said import Said, Thing, parse
from playground.world.scene import Caption, Span
from playground.world.templates import HELD_OUT_TEMPLATES, Template
from playground.world.tokens import GRAMMAR_WORDS, new_tokenizer


@pytest.fixture(scope="module")
def pairs(streamed):
    """(scene, plain caption, the same said freely): of the stream and of compositions."""
    rng = np.random.default_rng(21)
    source = [*streamed[:1500], *(next(many) for many in [questions(rng)] for _ in range(600))]
    return [(scene, plain, rephrase(plain, rng)) for scene, plain in source]


def content(prompt: str) -> tuple:
    """What is asked for, whatever its order: relations seen from the first name."""
    what = read(prompt)
    items = sorted(what.items, key=dataclasses.astuple) if len(what.items) != 2 else what.items
    relation = what.relation
    if len(items) == 2 and items[0].noun > items[1].noun:
        items, relation = items[::-1], asked.OPPOSITE.get(relation)
    return sorted(i.noun for i in items), set(items), what.place, asked.RELATIONS.get(relation)


def test_a_free_phrasing_asks_for_the_same(pairs):
    for scene, plain, free in pairs:
        assert content(free.text) == content(plain.text), (plain.text, free.text)
        assert asked.faults(read(free.text), scene) == frozenset()


def test_spans_still_mark_what_names_what(pairs):
    def named(caption) -> dict:
        """Words by what they name: numbers as words, a background's two words as one."""
        found: dict[tuple, set[str]] = {}
        for span in caption.spans:
            said = caption.text[span.start : span.end].lower()
            words = {"2": "two", "3": "three"}.get(said, said).split()
            found.setdefault((span.kind, span.items), set()).update(words)
        return found

    for _, plain, free in pairs:
        assert named(free) == named(plain), (plain.text, free.text)


def test_one_seed_gives_one_phrasing_and_seeds_differ(pairs):
    _, plain, _ = pairs[0]
    said = {rephrase(plain, np.random.default_rng(seed)).text for seed in range(40)}
    again = {rephrase(plain, np.random.default_rng(seed)).text for seed in range(40)}
    assert said == again
    assert len(said) > 30


@pytest.mark.parametrize(
    "way",
    [r",", r"\.", r"\bis\b", r"\bwith\b", r"\bthere is\b", r"\bmasterpiece\b", r"\b4k\b", r"\b2\b",
     r"\b3\b", r"\bthe\b", r"^[A-Z]", r"^[A-Z ,.!]+$", r"background is", r"^(night sky|sunset)[,.]",
     r"on the left", r"^(above|below)"],
)  # fmt: skip
def test_every_way_of_typing_occurs(pairs, way):
    assert sum(bool(re.search(way, free.text)) for _, _, free in pairs) >= 3


def test_what_does_not_matter_are_words_without_a_meaning():
    """Unknown ones or those of the grammar: none that names a thing, a colour or a place."""
    tokenizer = new_tokenizer()
    phrases = (*phrasing.ADJECTIVES, *phrasing.NONSENSE, *phrasing.QUALITY, *phrasing.LEADS)
    for phrase in phrases:
        for token in tokenizer.tokenize(phrase):
            assert token == tokenizer.unk_token or token in GRAMMAR_WORDS, phrase
    assert all(tokenizer.tokenize(word) == ["<unk>"] for word in phrasing.NONSENSE)


def test_the_content_of_a_caption():
    text = "two red squares above a blue circle at sunset"
    names = {
        "two": ("count", (0, 1)), "red": ("color", (0, 1)), "squares": ("noun", (0, 1)),
        "blue": ("color", (2,)), "circle": ("noun", (2,)), "sunset": ("place", ()),
    }  # fmt: skip
    words = [m for m in re.finditer(r"\w+", text) if m[0] in names]
    spans = tuple(Span(m.start(), m.end(), *names[m[0]]) for m in words)
    squares = Thing((0, 1), "squares", "two", color="red")
    circle = Thing((2,), "circle", color="blue")
    assert parse(Caption(text, spans)) == Said((squares, circle), "above", "sunset")


# The held-back templates.


def pattern(template: Template) -> re.Pattern:
    """Any prompt that the template can make."""
    literal = re.split(r"\{\w+\}", template.text)
    return re.compile(r".+".join(map(re.escape, literal)), re.IGNORECASE)


def test_there_are_enough_templates_for_every_task():
    assert len(HELD_OUT_TEMPLATES) >= 12
    tasks = [t.task for t in HELD_OUT_TEMPLATES]
    assert {tasks.count(name) for name in ("single noun", "two nouns", "worn", "place")} == {4}


@pytest.mark.parametrize("template", HELD_OUT_TEMPLATES, ids=lambda t: t.text)
def test_training_never_says_it_that_way(template, pairs, streamed):
    way = pattern(template)
    assert not [free.text for _, _, free in pairs if way.search(free.text)]
    assert not [plain.text for _, plain in streamed if way.search(plain.text)]


@pytest.mark.parametrize("template", HELD_OUT_TEMPLATES, ids=lambda t: t.text)
def test_a_template_asks_for_what_the_caption_asks_for(template, streamed):
    layout = {"worn": "worn", "two nouns": "pair"}.get(template.task, "single")
    fitting = [(s, c) for s, c in streamed if s.task == layout and template.fits(c)]
    assert len(fitting) > 50
    for scene, caption in fitting[:300]:
        prompt = template.fill(caption)
        assert pattern(template).search(prompt)
        free, plain = read(prompt), read(caption.text)
        assert [w.noun for w in free.items] == [w.noun for w in plain.items], prompt
        assert free.place in (plain.place, None)
        assert asked.faults(free, scene) <= {"extra"}, prompt  # what one wears may be left out
        if template.task == "worn":
            assert free.items[0].worn == plain.items[0].worn
        if template.task == "place":
            assert free.place == plain.place


def test_a_template_refuses_a_caption_that_lacks_what_it_needs(streamed):
    template = next(t for t in HELD_OUT_TEMPLATES if "{worn}" in t.text)
    plain = next(c for s, c in streamed if s.task == "single")
    with pytest.raises(ValueError, match="lacks"):
        template.fill(plain)
