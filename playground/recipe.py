"""A recipe is everything that determines a picture; a link, a PNG and an API call carry it."""

import base64
import binascii
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

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
        "Takes the place of the empty prompt in guidance: the picture moves away from it.", 0, 300,
    )  # fmt: skip
    guidance: float = field(
        5.0, "Guidance scale w",
        "ε = ε_u + w·(ε_c − ε_u). 0 ignores the words, 1 follows the model, more overshoots.",
        0.0, 30.0, 0.1,
    )  # fmt: skip
    rescale: float = field(
        0.0, "Guidance rescale φ",
        "Pulls the spread of the guided prediction back to that of the conditional one.",
        0.0, 1.0, 0.05,
    )  # fmt: skip
    guidance_start: float = field(
        0.0, "Guidance from", "Share of the steps before which w = 1.", 0.0, 1.0, 0.05
    )
    guidance_stop: float = field(
        1.0, "Guidance until", "Share of the steps after which w = 1.", 0.0, 1.0, 0.05
    )
    guidance_schedule: str = field(
        "constant", "Guidance over time", "How w changes between from and until.", 1, 40
    )
    guider: str = field("cfg", "Guider", "How the two predictions are combined.", 1, 40)
    sampler: str = field("ddim", "Sampler", "How noise becomes a picture.", 1, 40)
    steps: int = field(15, "Steps", "Steps of the sampler, not network calls.", 1, 100, 1)
    eta: float = field(
        0.0, "η", "Fresh noise per DDIM step: 0 is deterministic, 1 is DDPM-like.", 0.0, 1.0, 0.05
    )
    seed: int = field(7, "Seed", "Names the starting noise.", 0, 2**32 - 1, 1)
    width: int = field(128, "Width", "Pixels.", 64, 1024, 32)
    height: int = field(128, "Height", "Pixels.", 64, 1024, 32)
    model: str = field("emoji-world", "Model", "Which network draws.", 1, 100)

    def __post_init__(self):
        for f in dataclasses.fields(self):
            object.__setattr__(self, f.name, _checked(f, getattr(self, f.name)))
        if self.guidance_start > self.guidance_stop:
            raise RecipeError("Guidance must start before it stops.")

    def to_dict(self) -> dict:
        """The version and what differs from the defaults."""
        values = dataclasses.asdict(self)
        changed = {f.name: values[f.name] for f in FIELDS.values() if values[f.name] != f.default}
        # The words and the seed are always said, so that a link means what it says.
        return {"v": VERSION, "prompt": self.prompt, "seed": self.seed} | changed

    @classmethod
    def from_dict(cls, data) -> "Recipe":
        if not isinstance(data, dict):
            raise RecipeError("A recipe must be a set of named values.")
        values = dict(data)
        version = values.pop("v", None)
        if type(version) is not int or version not in FORMER:
            raise RecipeError(f"This recipe has version {version!r}; I read 1 to {VERSION}.")
        unknown = sorted(set(values) - set(FIELDS))
        if unknown:
            raise RecipeError(
                f"Unknown in a recipe: {', '.join(map(repr, unknown))}. "
                f"Known are: {', '.join(FIELDS)}."
            )
        return cls(**(FORMER[version] | values))

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RecipeError("This recipe is damaged: it is not valid JSON.") from error
        return cls.from_dict(data)

    def to_query(self) -> str:
        """URL-safe text for `?r=`."""
        return base64.urlsafe_b64encode(self.to_json().encode()).decode().rstrip("=")

    @classmethod
    def from_query(cls, text: str) -> "Recipe":
        try:
            padded = text + "=" * (-len(text) % 4)
            raw = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        except (binascii.Error, ValueError) as error:
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

    def save_png(self, image: Image.Image, path: str | Path) -> None:
        """Write `image` as a PNG that carries this recipe."""
        _save(image, path, PNG_KEY, self.to_json())


def save_grid(image: Image.Image, path: str | Path, cells: dict[Box, Recipe]) -> None:
    """Write `image` as a PNG that carries the recipe of each picture in it, and where it lies."""
    listed = [{"box": box, "recipe": recipe.to_dict()} for box, recipe in cells.items()]
    _save(image, path, GRID_KEY, json.dumps(listed, ensure_ascii=False, separators=(",", ":")))


def grid_from_png(file) -> dict[Box, Recipe]:
    """The recipes inside a PNG that `save_grid` wrote, by their boxes."""
    try:
        listed = json.loads(_named(_texts(file), GRID_KEY))
        return {tuple(cell["box"]): Recipe.from_dict(cell["recipe"]) for cell in listed}
    except (KeyError, TypeError, RecursionError, json.JSONDecodeError) as error:
        raise RecipeError("This grid is damaged: its recipes cannot be read.") from error


def _save(image: Image.Image, path, key: str, text: str) -> None:
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    chunks.add_itxt(key, text)
    image.save(path, format="PNG", pnginfo=chunks)


def _texts(file) -> dict[str, str]:
    try:
        with Image.open(file, formats=("PNG",)) as image:
            return dict(image.text)
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise RecipeError("This file is not a readable PNG picture.") from error


def _named(texts: dict[str, str], key: str) -> str:
    if key not in texts:
        raise RecipeError("This PNG carries no recipe: it was not saved by this playground.")
    return texts[key]


FIELDS = {f.name: f for f in dataclasses.fields(Recipe)}


def _checked(f: dataclasses.Field, value):
    """The value, if it has the field's type and keeps its bounds; 20.0 may stand for 20."""
    facts, kind = f.metadata, type(f.default)
    if kind is str:
        if not isinstance(value, str):
            raise RecipeError(f"{facts['label']} must be text.")
        if any("\ud800" <= c <= "\udfff" for c in value):  # JSON can carry a lone surrogate
            raise RecipeError(f"{facts['label']} contains half a character.")
        if not facts["low"] <= len(value) <= facts["high"]:
            raise RecipeError(
                f"{facts['label']}: {len(value)} characters, "
                f"but {facts['low']} to {facts['high']} are allowed."
            )
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise RecipeError(f"{facts['label']} must be a number.")
    if not facts["low"] <= value <= facts["high"]:
        raise RecipeError(
            f"{facts['label']} must be between {facts['low']:g} and {facts['high']:,.10g}."
        )
    if kind is int:
        if value != int(value) or int(value) % facts["step"]:
            kind_of = "whole number" if facts["step"] == 1 else f"multiple of {facts['step']}"
            raise RecipeError(f"{facts['label']} must be a {kind_of}.")
        return int(value)
    return float(value)
