"""A page of labelled pictures that is saved as one PNG."""

import io
from dataclasses import dataclass, field

from PIL import Image

from playground.page.shared.labels import label
from playground.recipe import Box, Recipe

GAP, HEADER = 8, 142  # pixels: between cells, of a row's name
NARROWEST = 112  # pixels of a column, so that its names can be read
PALE = "#6b7280"


@dataclass
class Sheet:
    """A page that grows downwards, row by row."""

    width: int
    top: int = GAP  # of this row
    bottom: int = GAP
    parts: list[tuple[Image.Image, int, int]] = field(default_factory=list)

    def put(self, x: int, *images: Image.Image) -> Box:
        """One below another from the row's top on; returns where the first one is."""
        y = self.top
        for image in images:
            self.parts.append((image, x, y))
            y += image.height
        self.bottom = max(self.bottom, y)
        return (x, self.top, x + images[0].width, self.top + images[0].height)

    def end_row(self) -> None:
        self.top = self.bottom + GAP

    def image(self) -> Image.Image:
        whole = Image.new("RGB", (self.width, self.top), "white")
        for part, x, y in self.parts:
            whole.paste(part, (x, y), part if part.mode == "RGBA" else None)
        return whole


def written(text: str, width: int, colour: str = "#1f2937") -> Image.Image:
    return label(text, width, colour=colour, lines=None)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def missing(recipe: Recipe) -> Image.Image:
    """A blank of the size of the recipe's picture."""
    blank = Image.new("RGB", (recipe.width, recipe.height), "white")
    said = written("not finished", recipe.width, PALE)
    blank.paste(said, (0, (blank.height - said.height) // 2), said)
    return blank
