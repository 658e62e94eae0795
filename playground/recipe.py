"""A recipe is everything that determines a picture; a link, a PNG and an API call carry it."""

import base64
import binascii
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from playground import pngtext

if TYPE_CHECKING:
    from PIL import Image

VERSION = 2  # one more whenever a default changes
FORMER = {
    1: {"sampler": "dpmpp_2m", "steps": 20},
    2: {},
}  # what a version left unsaid, if not now's
PNG_KEY = "latent-playground"  # name of the PNG text chunk
GRID_KEY = "latent-playground-grid"  # the same for a grid of pictures
QUERY_KEY = "r"  # as in ?r=…
Box = tuple[int, int, int, int]  # of a picture in a grid: left, top, right, bottom in pixels


class RecipeError(ValueError):
    """What is wrong with a recipe, in one sentence that a visitor understands."""


def field(default, label: str, help: str, low=None, high=None, step=None):
    """A dataclass field that knows its label, its help and its bounds.

    `low` and `high` bound the number, or the length of a text; `step` is the slider's step, and
    for whole numbers also a condition: they are multiples of it.
    """
    facts = {"label": label, "help": help, "low": low, "high": high, "step": step}
    return dataclasses.field(default=default, metadata=facts)


@dataclass(frozen=True)
class Recipe:
    prompt: str = field(
        "a cat wearing a top hat on a blue background", "Words",
        "What to draw. Empty draws without words: the unconditional picture.", 0, 300,
    )  # fmt: skip
    negative: str = field(
        "", "Negative words",
        "A prompt in the place of the empty one in guidance: the picture moves away from it.",
        0, 300,
    )  # fmt: skip
    guidance: float = field(
        5.0, "Guidance scale w",
        "The w of ε = ε_u + w·(ε_c − ε_u): 0 ignores the words, 1 is the model as trained, more "
        "overshoots.", 0.0, 30.0, 0.1,
    )  # fmt: skip
    rescale: float = field(
        0.0, "Guidance rescale φ",
        "Mixes in the guided prediction scaled back to the spread of the conditional one.",
        0.0, 1.0, 0.05,
    )  # fmt: skip
    guidance_start: float = field(
        0.0, "Guidance from", "Share of the steps before which w = 1.", 0.0, 1.0, 0.05
    )
    guidance_stop: float = field(
        1.0, "Guidance until", "Share of the steps after which w = 1.", 0.0, 1.0, 0.05
    )
    guidance_schedule: str = field(
        "constant", "Guidance over time",
        "How w changes between from and until: constant, rising or falling.", 1, 40,
    )  # fmt: skip
    guider: str = field(
        "cfg", "Guider", "The way to combine the predictions with and without words.", 1, 40
    )
    sampler: str = field(
        "ddim", "Sampler",
        "The rule that goes from noise to a picture, step by step, with the network's predictions.",
        1, 40,
    )  # fmt: skip
    steps: int = field(15, "Steps", "Steps of the sampler, not network calls.", 1, 100, 1)
    eta: float = field(
        0.0, "η", "Fresh noise that DDIM adds at each step: 0 is none, 1 is as much as DDPM.",
        0.0, 1.0, 0.05,
    )  # fmt: skip
    seed: int = field(
        7, "Seed",
        "The number that names the starting noise: the same recipe and seed draw the same picture.",
        0, 2**32 - 1, 1,
    )  # fmt: skip
    width: int = field(128, "Width", "Pixels.", 64, 2048, 8)
    height: int = field(128, "Height", "Pixels.", 64, 2048, 8)
    model: str = field(
        "emoji-world", "Model",
        "Which network draws: a built-in one, the path of a folder or of a .safetensors file, or a "
        "Hub id.", 1, 300,
    )  # fmt: skip
    lora: str = field(
        "", "LoRA",
        "Small changes to the weights: few-steps, which is built in and lets the U-Net draw in "
        "four steps (LCM, 4 steps, w = 1), or the path of a .safetensors file; after a colon how "
        "strong they are: style.safetensors:0.8. Empty: none.", 0, 300,
    )  # fmt: skip
    weights: str = field(
        "", "Weights",
        "The beginning of the SHA-256 of the weights, so that a recipe is not drawn with others of "
        "the same name.", 0, 40,
    )  # fmt: skip

    def __post_init__(self):
        for f in FIELDS.values():
            object.__setattr__(self, f.name, _checked(f, getattr(self, f.name)))
        if self.guidance_start > self.guidance_stop:
            raise RecipeError("Guidance must start before it stops.")

    @classmethod
    def for_model(cls, name: str, defaults: Mapping) -> "Recipe":
        """What a model is made for: `defaults` (size, steps, sampler, w) by the names of fields.

        Links do not depend on them: what a link leaves unsaid is a default of its version.
        """
        return cls.from_dict({"v": VERSION, **defaults, "model": name})

    @classmethod
    def json_schema(cls) -> dict:
        """JSON Schema (draft 2020-12) of what `from_dict` reads and `to_dict` writes."""
        version = {
            "title": "Version",
            "description": f"The defaults given here are those of version {VERSION}.",
            "enum": list(FORMER),
        }
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": cls.__name__,
            "description": "All that determines a picture; guidance_start ≤ guidance_stop.",
            "type": "object",
            "properties": {"v": version} | {name: _schema(f) for name, f in FIELDS.items()},
            "required": ["v"],
            "additionalProperties": False,
        }

    def to_dict(self) -> dict:
        """The version and what differs from the defaults."""
        values = dataclasses.asdict(self)
        changed = {f.name: values[f.name] for f in FIELDS.values() if values[f.name] != f.default}
        # The words and the seed are always said, so that a link means what it says.
        return {"v": VERSION, "prompt": self.prompt, "seed": self.seed} | changed

    @classmethod
    def from_dict(cls, data) -> "Recipe":
        if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
            raise RecipeError("A recipe must be a set of named values.")
        values = dict(data)
        version = values.pop("v", None)
        if type(version) not in (int, float) or version not in FORMER:
            small = type(version) is int and version in range(1000)
            said = f"version {version}" if small else "no version that I know"
            raise RecipeError(f"This recipe has {said}; I read 1 to {VERSION}.")
        unknown = [repr(name[:40]) for name in values if name not in FIELDS]
        if unknown:
            more = ", …" * (len(unknown) > 3)
            raise RecipeError(
                f"Unknown in a recipe: {', '.join(unknown[:3])}{more}. "
                f"Known are: {', '.join(FIELDS)}."
            )
        return cls(**(FORMER[version] | values))

    def to_json(self) -> str:
        return pngtext.compact(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        return cls.from_dict(_parsed(text, "recipe"))

    def to_query(self) -> str:
        """URL-safe text for `?r=`."""
        return base64.urlsafe_b64encode(self.to_json().encode()).decode().rstrip("=")

    @classmethod
    def from_query(cls, text: str) -> "Recipe":
        try:
            if len(text) > 2 * pngtext.LONGEST:
                raise ValueError("too long")
            padded = text + "=" * (-len(text) % 4)
            raw = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        except (binascii.Error, TypeError, ValueError) as error:
            raise RecipeError("This link is damaged: its recipe cannot be read.") from error
        return cls.from_json(raw)

    @classmethod
    def from_png(cls, file) -> "Recipe":
        """The recipe inside a PNG file (a path or an open file) that this playground wrote."""
        texts = _texts(file)
        if GRID_KEY in texts:
            raise RecipeError(
                "This PNG is a grid whose pictures have recipes of their own: open one that was "
                "saved alone."
            )
        return cls.from_json(_named(texts, PNG_KEY))

    def save_png(self, image: "Image.Image", path: str | Path | BinaryIO) -> None:
        """Write `image` as a PNG that carries this recipe."""
        pngtext.save(image, path, PNG_KEY, self.to_dict())


def save_grid(image: "Image.Image", path: str | Path, cells: dict[Box, Recipe]) -> None:
    """Write `image` as a PNG that carries the recipe of each picture in it, and where it lies."""
    listed = [{"box": box, "recipe": recipe.to_dict()} for box, recipe in cells.items()]
    pngtext.save(image, path, GRID_KEY, listed)


def grid_from_png(file) -> dict[Box, Recipe]:
    """The recipes inside a PNG that `save_grid` wrote, by their boxes."""
    listed = _parsed(_named(_texts(file), GRID_KEY), "grid")
    try:
        return {_box(cell["box"]): Recipe.from_dict(cell["recipe"]) for cell in listed}
    except (KeyError, TypeError) as error:
        raise RecipeError("This grid is damaged: its recipes cannot be read.") from error


def _box(numbers) -> Box:
    if [type(n) for n in numbers] != [int] * 4:
        raise TypeError("A box must be four whole numbers.")
    return tuple(numbers)


def _parsed(text: str, what: str):
    try:
        if len(text) > pngtext.LONGEST:
            raise ValueError("too long")
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise RecipeError(f"This {what} is damaged: it is not valid JSON.") from error


def _texts(file) -> dict[str, str]:
    try:
        return pngtext.read(file, (PNG_KEY, GRID_KEY))
    except ValueError as error:
        raise RecipeError("This file is not a readable PNG picture.") from error


def _named(texts: dict[str, str], key: str) -> str:
    if key not in texts:
        raise RecipeError(
            "This PNG carries no recipe: it was not saved by this playground, or another program "
            "has removed it."
        )
    return texts[key]


FIELDS = {f.name: f for f in dataclasses.fields(Recipe)}


def _schema(f: dataclasses.Field) -> dict:
    """JSON Schema of one field."""
    facts, kind = f.metadata, type(f.default)
    name, low, high = {
        str: ("string", "minLength", "maxLength"),
        int: ("integer", "minimum", "maximum"),
        float: ("number", "minimum", "maximum"),
    }[kind]
    said = {"title": facts["label"], "description": facts["help"], "default": f.default}
    steps = {"multipleOf": facts["step"]} if kind is int else {}
    return said | {"type": name, low: facts["low"], high: facts["high"]} | steps


def _checked(f: dataclasses.Field, value):
    """The value as text, int or float of Python, if it has the field's kind and keeps its bounds.

    Scalars of numpy and torch, fractions and decimals are numbers too; 20.0 may stand for 20.
    """
    if getattr(value, "shape", None) == ():
        value = value.item()
    if type(f.default) is str:
        return _checked_text(f.metadata, value)
    return _checked_number(f.metadata, type(f.default), value)


def _checked_text(facts: Mapping, value) -> str:
    label, low, high = facts["label"], facts["low"], facts["high"]
    if not isinstance(value, str):
        raise RecipeError(f"{label} must be text.")
    if not low <= len(value) <= high:
        raise RecipeError(f"{label}: {len(value)} characters, but {low} to {high} are allowed.")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON can carry a lone surrogate
        raise RecipeError(f"{label} contains half a character.") from error
    return str.__str__(value)  # plain, also if an enum's member or markup came


def _checked_number(facts: Mapping, kind: type, value):
    label, low, high, step = facts["label"], facts["low"], facts["high"], facts["step"]
    if not _is_number(value):
        raise RecipeError(f"{label} must be a number.")
    if not low <= value <= high:
        raise RecipeError(f"{label} must be between {low:g} and {high:,.10g}.")
    if kind is float:
        return float(value) + 0.0  # 0 for −0: recipes that are equal make the same link
    if value != int(value) or int(value) % step:
        kind_of = "whole number" if step == 1 else f"multiple of {step}"
        raise RecipeError(f"{label} must be a {kind_of}.")
    return int(value)


def _is_number(value) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Real):
        return False
    return not (value.is_nan() if isinstance(value, Decimal) else value != value)
