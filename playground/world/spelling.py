"""One spelling for what visitors type: the tokenizer and the reader of prompts share it.

Patterns are valid for Python's `re`, for the tokenizer's own engine and for a browser's (with the
flag u) alike: characters outside of ASCII stand in them as themselves, not as escapes.
"""

import re

# Nobody sees them: control characters, soft hyphens, zero-width spaces and joiners, direction marks
# and isolates, variation selectors, annotation marks, tags.
INVISIBLE = (
    "[\x01-\x08\x0e-\x1b\x7f\u00ad\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
COMMAS = "[，、،﹐﹑]"  # of other scripts
# 2 and 3 as numbers of their own, not as a part of 1.3, 2,5 or 4k.
DIGITS = {
    rf"(?<![\w.])(?<!\d,){digit}(?![\w]|[.,]\d)": word
    for digit, word in (("2", "two"), ("3", "three"))
}
# Separates words and says nothing; a comma is a word, because captions have some.
PUNCTUATION = (
    r"""[.!?;:()\[\]{}<>"'`´“”„‟‘’‚‛′″«»‹›…*_/\\|~•·¡¿。！？；：．（）［］「」『』《》＂＇"""
    r"""‐‑‒–—―−-]"""
)


def plain(text: str) -> str:
    """Lower case, without invisible characters, numbers as words; punctuation stays."""
    text = re.sub(COMMAS, ",", re.sub(INVISIBLE, "", text.lower()))
    for pattern, word in DIGITS.items():
        text = re.sub(pattern, word, text)
    return text
