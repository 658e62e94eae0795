"""One spelling for what visitors type: the tokenizer and the reader of prompts share it.

Patterns are valid for Python's `re` and for the tokenizer's own engine alike.
"""

import re

# Zero-width spaces and joiners, direction marks, soft hyphens: nobody sees them.
INVISIBLE = r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
# 2 and 3 as numbers of their own, not as a part of 1.3, 2,5 or 4k.
DIGITS = {
    rf"(?<![\w.,]){digit}(?![\w]|[.,]\d)": word for digit, word in (("2", "two"), ("3", "three"))
}
# Separates words and says nothing; a comma is a word, because captions have some.
PUNCTUATION = r"""[.!?;:()\[\]{}<>"'`´“”„‘’‚«»‹›…*_/\\|~–—-]"""


def plain(text: str) -> str:
    """Lower case, without invisible characters, numbers as words; punctuation stays."""
    text = re.sub(INVISIBLE, "", text.lower())
    for pattern, word in DIGITS.items():
        text = re.sub(pattern, word, text)
    return text
