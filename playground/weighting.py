r"""Weights of words in a prompt: "a cat wearing (a top hat:1.3)".

They re-weight the attention that goes to these words (see `attention.editing`); the text encoder
reads the prompt without them. Brackets inside brackets multiply. Brackets that are meant as such
are written \( and \); brackets without a number stay words like any others.
"""

import re
from dataclasses import dataclass

from playground.recipe import RecipeError

JOINT = (  # why models without cross-attention take no weights
    "A weight like (cat:1.3) multiplies what the image reads of a word; in this model words and "
    "image attend to each other, so leave weights out."
)
STRONGEST = 3.0  # weights lie between −3 and 3
_CLOSING = re.compile(r"\s*:\s*([+-]?(?:[0-9]{1,9}(?:[.,][0-9]{0,9})?|[.,][0-9]{1,9}))\s*\)")


@dataclass(frozen=True)
class Weighted:
    """`text` is what the text encoder reads of the prompt as `typed`; of each of its characters,
    `places` says where it stands there, and `weights` its weight.
    """

    typed: str
    text: str
    places: tuple[int, ...]
    weights: tuple[float, ...]

    @property
    def plain(self) -> bool:
        """Whether every weight is 1."""
        return all(weight == 1 for weight in self.weights)

    def parts(self) -> list[tuple[str, float]]:
        """What is weighted, and by how much: runs of one weight other than 1."""
        found: list[tuple[str, float]] = []
        for i, (letter, weight) in enumerate(zip(self.text, self.weights, strict=True)):
            if weight == 1:
                continue
            if i and self.weights[i - 1] == weight:
                found[-1] = (found[-1][0] + letter, weight)
            else:
                found.append((letter, weight))
        return found


def read(prompt: str) -> Weighted:
    """Raises RecipeError for a weight that is too large."""
    said: list[tuple[str, int, float]] = []  # letters with their places and weights
    opened: list[int] = []  # where in `said` the brackets stand that are still open
    at = 0
    while at < len(prompt):
        letter, closing = prompt[at], _CLOSING.match(prompt, at) if opened else None
        if letter == "\\" and prompt[at + 1 : at + 2] in ("(", ")"):
            said.append((prompt[at + 1], at + 1, 1.0))
            at += 2
        elif closing and len(said) > opened[-1] + 1:
            first = opened.pop()
            by = _number(closing[1])
            said[first:] = [(s, place, weight * by) for s, place, weight in said[first + 1 :]]
            at = closing.end()
        else:
            if letter == "(":
                opened.append(len(said))
            elif letter == ")" and opened:
                opened.pop()
            said.append((letter, at, 1.0))
            at += 1
    text, places, weights = zip(*said, strict=True) if said else ((), (), ())
    if any(abs(weight) > STRONGEST for weight in weights):
        raise RecipeError(
            f"Weights of words lie between −{STRONGEST:g} and {STRONGEST:g}, those in brackets in "
            "brackets multiplied. Brackets that are meant as such are written \\( and \\)."
        )
    return Weighted(prompt, "".join(text), places, weights)


def plain(prompt: str) -> str:
    """The prompt as the text encoder reads it; as typed, if a weight is impossible."""
    try:
        return read(prompt).text
    except RecipeError:
        return prompt


def _number(text: str) -> float:
    return float(text.replace(",", "."))
