"""The words that a model knows, for the browser: one table that lists, completes and marks."""

import base64
import functools
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from PIL import Image

from playground.models import specs
from playground.models.specs import ModelSpec
from playground.page import fits
from playground.paths import ASSETS
from playground.world import spelling
from playground.world.vocabulary import (
    COLORS,
    COSTUME,
    SCENERY,
    SHAPES,
    SIZES,
    SUBJECTS,
    THINGS,
    WORN,
    Noun,
    with_article,
)

SIDE = 40  # pixels of a sprite in the sheet
SIGNS = dict(zip(SHAPES, "■●▲★♥◆", strict=True))
RELATIONS = ("left of", "right of", "above", "below", "next to")


@dataclass(frozen=True)
class Entry:
    """A word of the list. `said` is what it adds to a prompt that has no article, number, size or
    colour before it, `many` what it adds after a number; `sprite` is its place in the sheet;
    `colour` and `sign` are shown before it.
    """

    text: str
    said: str = ""
    many: str = ""
    sprite: int | None = None
    colour: str = ""
    sign: str = ""


@dataclass(frozen=True)
class Group:
    """Entries of one kind; `joins` are words after which an entry is added as its bare text."""

    name: str
    entries: tuple[Entry, ...]
    joins: tuple[str, ...] = ()


def of(model: str) -> dict:
    """What the view must know of a model; ValueError for what is no model.

    `known` are all words that it has a token for, None where the tokenizer splits any text.
    """
    spec = specs.get(model)
    known = vocabulary(spec)
    weighed = fits.of(model).cross_attention
    return {
        "kind": "words",
        "model": spec.name,
        "known": known,
        "spelling": {
            "invisible": spelling.INVISIBLE, "commas": spelling.COMMAS,
            "digits": list(spelling.DIGITS.items()), "punctuation": spelling.PUNCTUATION,
        },
        "groups": [asdict(group) for group in groups()] if known else [],
        "sheet": sheet() if known else "",
        "help": _help(known is not None, weighed),
    }  # fmt: skip


@functools.lru_cache(maxsize=16)
def vocabulary(spec: ModelSpec) -> list[str] | None:
    """The words of a tokenizer with one token a word; None of others."""
    file = spec.folder / "tokenizer" / "tokenizer.json"
    if not (spec.built_in and file.exists()):
        return None
    stored = json.loads(file.read_text(encoding="utf-8"))["model"]
    return sorted(word for word in stored["vocab"] if word.isalpha())


def groups() -> tuple[Group, ...]:
    """The emoji world, sorted as a visitor looks for it."""
    sizes = tuple(word for pair in SIZES.values() for word in pair)
    before = ("a", "an", "the", "two", "three", *COLORS, *sizes)
    colours = tuple(Entry(c, with_article(c), colour=_hex(rgb)) for c, rgb in COLORS.items())
    worn = tuple(Entry(w.name, f"wearing {w.phrase}", sprite=_drawn().index(w.name)) for w in WORN)
    shapes = tuple(Entry(s, with_article(s), s + "s", sign=SIGNS[s]) for s in SHAPES)
    plain = tuple(
        Entry(f"on {with_article(f'{c} background')}", colour=_hex(rgb))
        for c, rgb in COLORS.items()
    )
    small = tuple(Entry(pair[0], with_article(pair[0])) for pair in SIZES.values())
    return (
        Group("Animals and beings", _nouns(SUBJECTS), (*before, COSTUME)),
        Group("Things", _nouns(THINGS), before),
        Group("Worn by beings", (*worn, Entry(COSTUME)), ("wearing", "with", "in", *before)),
        Group("Shapes", shapes, before),
        Group("Colours of shapes", colours, before),
        Group("Sizes", small, before),
        Group("Numbers", (Entry("two"), Entry("three"))),
        Group("Where it stands", tuple(Entry(text) for text in RELATIONS)),
        Group("Places", (*(Entry(place.phrases[0]) for place in SCENERY), *plain)),
    )  # fmt: skip


def _nouns(nouns: Sequence[Noun]) -> tuple[Entry, ...]:
    names = _drawn()
    return tuple(Entry(n.name, with_article(n.name), n.many, names.index(n.name)) for n in nouns)


def _drawn() -> list[str]:
    """The names of what has a sprite, in the sheet's order."""
    return [one.name for one in (*SUBJECTS, *THINGS, *WORN)]


@functools.lru_cache(maxsize=1)
def sheet() -> str:
    """All sprites side by side, as the address of a picture of SIDE pixels in height."""
    names = _drawn()
    whole = Image.new("RGBA", (SIDE * len(names), SIDE))
    for number, name in enumerate(names):
        with Image.open(ASSETS / "sprites" / f"{name.replace(' ', '-')}.webp") as sprite:
            small = sprite.convert("RGBA")
        small.thumbnail((SIDE, SIDE))
        left = SIDE * number + (SIDE - small.width) // 2
        whole.paste(small, (left, (SIDE - small.height) // 2))
    file = io.BytesIO()
    whole.save(file, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _help(listed: bool, weighed: bool) -> str:
    """How prompts may be written for this model."""
    first = (
        "Order and attributes count: “a cat wearing a crown left of a red star, on the grass”. "
        if listed
        else "This model splits any text into tokens; below the words you see how. "
    )
    weights = (
        "(a crown:1.5) multiplies the attention to these words by 1.5, from −3 to 3; brackets that "
        "are meant as such are written \\( and \\)."
        if weighed
        else "Weights like (crown:1.5) are refused: in this model words and image attend to each "
        "other, so there is no attention to words alone that could be multiplied."
    )
    return first + weights
