"""Which fields of a recipe may be an axis of a grid, and what a typed list means along it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playground.diffusion import guidance, samplers
from playground.models import specs
from playground.page import listed, serving
from playground.recipe import FIELDS, Recipe, RecipeError

NONE = "nothing"  # a grid of one row
REPLACED = {"prompt": "Words replaced", "negative": "Negative words replaced"}


@dataclass(frozen=True)
class Value:
    """What a recipe's field becomes in one row or column, and what that is called."""

    label: str
    change: dict[str, object]


@dataclass(frozen=True)
class Axis:
    """A field of the recipe; `offered` are the values that are typed for it at first."""

    field: str
    offered: str
    read: Callable[[Recipe, str, str], list[Value]]  # recipe, field, text

    @property
    def label(self) -> str:
        return REPLACED.get(self.field) or FIELDS[self.field].metadata["label"]


def _numbers(recipe: Recipe, field: str, text: str) -> list[Value]:
    whole = type(FIELDS[field].default) is int
    found = listed.numbers(text, whole=whole)
    if whole and any(number != int(number) for number in found):
        raise RecipeError(f"{FIELDS[field].metadata['label']}: whole numbers only.")
    values = [int(number) if whole else number for number in found]
    return [Value(_named(field, f"{value:g}" if not whole else str(value)), {field: value})
            for value in values]  # fmt: skip


def _named(field: str, value: str) -> str:
    """seed 7, w = 5, 15 steps, Guidance from 0.2."""
    if field == "steps":
        return f"{value} step{'s' * (value != '1')}"
    short = {"guidance": "w = ", "rescale": "φ = ", "eta": "η = "}
    return short.get(field, FIELDS[field].metadata["label"].lower() + " ") + value


def _choices(recipe: Recipe, field: str, text: str) -> list[Value]:
    table = samplers.SAMPLERS if field == "sampler" else guidance.TABLES[field]
    found = []
    for name in listed.names(text):
        if name not in table:
            raise RecipeError(f"“{name[:20]}” is not one of: {', '.join(table)}.")
        found.append(Value(table[name].label, {field: name}))
    return found


def _models(recipe: Recipe, field: str, text: str) -> list[Value]:
    """Those that can be asked at once: built in, the recipe's own, or open already."""
    found = []
    for name in listed.names(text):
        spec = specs.get(name)
        if not (spec.built_in or name == recipe.model or serving.opened(name)):
            raise RecipeError(f"{spec.label} is not open: open it first, as “Other model”.")
        found.append(Value(spec.kind or spec.label, {field: spec.name}))
    return found


def _replaced(recipe: Recipe, field: str, text: str) -> list[Value]:
    """The first entry is looked for in the recipe's words, each one takes its place."""
    parts = [
        part.strip() for part in re.split(r"[;\n]" if re.search(r"[;\n]", text) else ",", text)
    ]
    parts = [part for part in parts if part]
    words = getattr(recipe, field)
    if parts and not re.search(_whole(parts[0]), words):
        raise RecipeError(
            f"“{parts[0][:40]}” is not in the words, so nothing can take its place: the list "
            "begins with what is replaced."
        )
    by = re.compile(_whole(parts[0])) if parts else None
    return [Value(part, {field: by.sub(lambda _, part=part: part, words)}) for part in parts]


def _whole(words: str) -> str:
    """A pattern for these words, not for a part of a word."""
    return rf"(?<!\w){re.escape(words)}(?!\w)"


_TABLE = (
    Axis("seed", "1-4", _numbers),
    Axis("guidance", "1, 3, 7", _numbers),
    Axis("steps", "4, 8, 15", _numbers),
    Axis("sampler", "ddim, dpmpp_2m, euler_a", _choices),
    Axis("model", ", ".join(specs.MODELS), _models),
    Axis("prompt", "cat, dog, panda", _replaced),
    Axis("negative", "", _replaced),
    Axis("guider", "cfg, apg", _choices),
    Axis("rescale", "0, 0.5, 1", _numbers),
    Axis("guidance_schedule", "constant, up, down", _choices),
    Axis("guidance_start", "0, 0.3, 0.6", _numbers),
    Axis("guidance_stop", "0.4, 0.7, 1", _numbers),
    Axis("eta", "0, 0.5, 1", _numbers),
    Axis("width", "96, 128, 160", _numbers),
    Axis("height", "96, 128, 160", _numbers),
)
AXES = {axis.field: axis for axis in _TABLE}


def values(recipe: Recipe, field: str, text: str) -> list[Value]:
    """The rows or columns; RecipeError, in words that fit the page, for what makes none."""
    found = AXES[field].read(recipe, field, text)
    label = AXES[field].label
    if not found:
        raise RecipeError(f"{label}: the list is empty; try {AXES[field].offered or 'some words'}.")
    for value in found:
        if _count(found, value) > 1:
            raise RecipeError(f"{label}: the list has {value.label} twice.")
    return found


def _count(found: Sequence[Value], value: Value) -> int:
    return sum(other.change == value.change for other in found)
