"""Words of a prompt and the tokens they are made of, matched by character spans."""

import re
from dataclasses import dataclass

# A word is a run without spaces; punctuation around it belongs to no word, apostrophes inside do.
_QUOTES = "'’‘‚‛`´"
_AROUND = r"""\s,，、،.;:!?"“”„‟«»‹›…。！？；：()（）\[\]{}"""
WORD = re.compile(rf"(?![{_QUOTES}])[^{_AROUND}]+(?<![{_QUOTES}])")

# English function words, except those that say how many: articles, prepositions, conjunctions, …
_FUNCTION = (
    "a an the this that these those my your his her its our their some any "
    "of in on at to from by with without for into onto over under above below beside between "
    "behind near through across around inside outside against among during "
    "and or but nor so as than if while "
    "is are was were be been being has have had do does did will would can could "
    "it he she they we i you me him them us who whom whose which what there"
)
FUNCTION_WORDS = frozenset(_FUNCTION.split())


@dataclass(frozen=True)
class Word:
    """One occurrence of a word: repeated words are separate.

    `start` and `end` are characters of the prompt; `tokens` are positions in the sequence of
    tokens that the network attends to, special tokens included. `columns` are the rows of a token
    map that are this word's: the same numbers unless another stream's padding comes before.
    """

    text: str
    start: int
    end: int
    tokens: tuple[int, ...]
    known: bool = True
    columns: tuple[int, ...] = ()

    def __post_init__(self):
        if not self.columns:
            object.__setattr__(self, "columns", self.tokens)

    @property
    def content(self) -> bool:
        """Whether it is a content word: one that says what is in the picture, and how."""
        return self.text.lower() not in FUNCTION_WORDS


def split(prompt: str) -> list[tuple[int, int]]:
    """Character spans of the words of a prompt."""
    return [match.span() for match in WORD.finditer(prompt)]


def align(prompt: str, offsets: list[tuple[int, int]], unknown: frozenset[int] = frozenset()):
    """Words of `prompt`, given each token's character span (empty for special tokens).

    `unknown` holds positions of tokens that stand for words the model has never seen. Words
    that the tokenizer cut off have no tokens.
    """
    words = []
    for start, end in split(prompt):
        inside = tuple(i for i, (a, b) in enumerate(offsets) if a < b and a < end and start < b)
        known = unknown.isdisjoint(inside)
        words.append(Word(prompt[start:end], start, end, inside, known))
    return words
