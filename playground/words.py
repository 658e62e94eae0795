"""Words of a prompt and the tokens they are made of, matched by character spans."""

import re
from dataclasses import dataclass

# A word is a run without spaces; punctuation around it belongs to no word.
_WORD = re.compile(r"[^\s,.;:!?\"()\[\]]+")


@dataclass(frozen=True)
class Word:
    """One occurrence of a word: repeated words are separate.

    `start` and `end` are characters of the prompt; `tokens` are positions in the sequence that
    the text encoder reads, start token included.
    """

    text: str
    start: int
    end: int
    tokens: tuple[int, ...]
    known: bool = True


def split(prompt: str) -> list[tuple[int, int]]:
    """Character spans of the words of a prompt."""
    return [match.span() for match in _WORD.finditer(prompt)]


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
