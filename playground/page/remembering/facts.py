"""What the browser must know to say what a picture is, and whether a kept one is still ours."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from playground.diffusion import guidance
from playground.diffusion.samplers import SAMPLERS
from playground.models import specs
from playground.page import fits, serving
from playground.page.attention.lens import EXAMPLE as LOOKED_AT
from playground.recipe import FIELDS, QUERY_KEY, Recipe

PAGE = Path(__file__).parents[1]
SYMBOLS = {"guidance": "w", "rescale": "φ", "eta": "η"}  # as the equations call them
TABLES = {"sampler": SAMPLERS} | guidance.TABLES
ALL = tuple(name for name in FIELDS if name != "weights")  # what a visitor sets
SCENE = ("prompt", "negative", "seed", "width", "height")
# Lenses that show more than the run: the view that holds it, the button that computes it, what the
# button does, the example's recipe, and the fields that both pictures must have in common.
MORE = {
    "Attention": ("attention", "look-closer", "Record every head", LOOKED_AT, ALL),
    "Samplers": ("race", "race-start", "Race samplers", Recipe(), (*SCENE, "model", "lora")),
    "Family": ("family", "family-start", "Draw with all three", Recipe(), (*SCENE, "guidance")),
}


def facts(names: Iterable[str]) -> dict:
    """Of the recipe's fields with these names, in the order in which the page hands them over."""
    return {
        "fields": {name: _field(name) for name in names},
        "usual": {model: asdict(fits.of(model).usual) for model in specs.MODELS},
        "query": QUERY_KEY,
        "stamp": stamp(),
        "example": Recipe().to_query(),
        "more": {lens: _more(*more) for lens, more in MORE.items()},
        "megabytes": serving.settings().upload_megabytes,
    }


def _field(name: str) -> dict:
    label = FIELDS[name].metadata["label"]
    called = {one.name: one.label for one in TABLES.get(name, {}).values()}
    if name == "model":
        called = {m.name: m.label.removesuffix(" (built in)") for m in specs.MODELS.values()}
    short = SYMBOLS.get(name, label)
    return {"label": label, "short": short, "default": FIELDS[name].default, "called": called}


def _more(view: str, button: str, does: str, example: Recipe, fields: Iterable[str]) -> dict:
    link = example.to_query()
    return {
        "view": view, "button": button, "does": does, "example": link, "fields": list(fields),
    }  # fmt: skip


def stamp() -> str:
    """Changes whenever what the views expect, or what a recipe draws, may have changed: what a
    browser keeps of a finished run is shown by the same code only.
    """
    kinds, found = {".py", ".js", ".css", ".html"}, hashlib.sha256()
    for file in sorted(PAGE.rglob("*")):
        if file.suffix in kinds:
            found.update(file.read_bytes())
    if serving.EXAMPLE.exists():  # drawn with the weights that ship
        found.update(serving.EXAMPLE.read_bytes())
    return found.hexdigest()[:16]
