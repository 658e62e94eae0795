"""What a term means, told where it stands: by hover, focus and tap, on the whole page.

`terms.js` finds the words of the glossary in the page's texts, the first of each in every view and
paragraph, marks them, and shows their sentence beside them.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from playground.page.glossary import TERMS

HERE = Path(__file__).parent
STYLE = (HERE / "terms.css").read_text(encoding="utf-8")
NUMBER = r"[−-]?\d+(?:[.,]\d+)*(?: ?%)?"  # what # stands for in a term's words
ALONE = r"[\p{L}\p{N}_]"  # letters that may not stand before or behind a word


@dataclass(frozen=True)
class Mark:
    """A term of the page, and the regular expression of its words, as JavaScript reads it."""

    name: str
    sentence: str
    pattern: str


def marks() -> list[Mark]:
    """Of every term that texts use in one meaning only."""
    return [
        Mark(term.name, term.sentence, "|".join(map(pattern, by_length(term.words))))
        for term in TERMS.values()
        if term.words
    ]


def by_length(words: tuple[str, ...]) -> list[str]:
    """The longest first: of “network call” and “call” the whole is marked."""
    return sorted(words, key=len, reverse=True)


def pattern(word: str) -> str:
    """A word with a small or capital first letter, one or many, with its number if it has one."""
    text = re.sub(r"[\\^$.*+?()\[\]{}|]", r"\\\g<0>", word).replace("#", NUMBER)
    if re.match("[a-z][a-z_-]", word):  # symbols keep their case
        text = f"[{word[0]}{word[0].upper()}]{text[1:]}"
    many = "s?" if word[-1].isalpha() and len(word) > 2 and word[-1] != "s" else ""
    return text + many


def listen() -> str:
    """The script that the page runs once, with the glossary in it."""
    table = [[mark.name, mark.sentence, mark.pattern] for mark in marks()]
    script = (HERE / "terms.js").read_text(encoding="utf-8")
    return script.replace("TABLE", json.dumps(table, ensure_ascii=False)).replace("ALONE", ALONE)
