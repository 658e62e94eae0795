"""The golden pictures: what the recipes drew once, so that no change of code changes them unseen.

`pictures.png` carries the recipe of each picture in it and where it lies. From the project's folder

    python -m tests.golden.draw            lists them by number
    python -m tests.golden.draw 1 12       draws these again and leaves the others as they are

Draw again only what a change is meant to change, and say so in its commit.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from playground.engine.engine import Engine
from playground.models.load import load
from playground.recipe import Recipe, grid_from_png, save_grid

FILE = Path(__file__).parent / "pictures.png"
RECIPES = grid_from_png(FILE)  # by box, in reading order


def kept() -> list[np.ndarray]:
    """The kept pictures, uint8 [h, w, 3], in the order of RECIPES."""
    sheet = Image.open(FILE).convert("RGB")
    return [np.asarray(sheet.crop(box)) for box in RECIPES]


def draw(recipes: list[Recipe]) -> Iterator[np.ndarray]:
    """Pictures drawn now, by plain PyTorch, one after the other."""
    engine = Engine(load(recipes[0].model))
    try:
        for recipe in recipes:
            yield engine.draw(recipe).image
    finally:
        engine.stop()


def renew(numbers: list[int]) -> None:
    """Put pictures of these numbers, drawn now, in the place of the kept ones."""
    sheet, listed = Image.open(FILE).convert("RGB"), list(RECIPES.items())
    chosen = [listed[number] for number in numbers]
    for (box, _), image in zip(chosen, draw([recipe for _, recipe in chosen]), strict=True):
        sheet.paste(Image.fromarray(image), box)
    save_grid(sheet, FILE, RECIPES)


if __name__ == "__main__":
    if sys.argv[1:]:
        renew([int(number) for number in sys.argv[1:]])
    else:
        for number, recipe in enumerate(RECIPES.values()):
            print(number, recipe.to_json())
