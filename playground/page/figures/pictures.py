"""Sheets of pictures: word maps over their picture, and the grid of a race."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from playground.page.figures import files
from playground.page.shared import overlay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 1.9  # inches of a picture
SHOWN = 256  # pixels of a picture under a map


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture uint8 [h, w, 3], None where there is none, and what is written under it."""

    picture: np.ndarray | None
    caption: str = ""


def word_maps(
    picture: np.ndarray, words: Sequence[str], maps: np.ndarray, title: str, kind: str
) -> "Figure":
    """The picture under each word's map [words, h, w], laid over it by an overlay of this `kind`,
    with a colour bar each.
    """
    columns = min(4, len(words))
    rows = -(-len(words) // columns)
    figure = files.new(SIDE * columns * 1.25, (SIDE + 0.35) * rows + 0.5)
    below = Image.fromarray(picture).resize((SHOWN, SHOWN * picture.shape[0] // picture.shape[1]))
    for number, (word, found) in enumerate(zip(words, maps, strict=True), 1):
        axes = figure.add_subplot(rows, columns, number)
        axes.imshow(np.asarray(overlay.laid(below, found, kind)))
        axes.set_axis_off()
        axes.set_title(word, fontsize=10, parse_math=False)
        if kind == "colour":
            _bar(figure, axes, float(found.min()), float(found.max()))
    figure.suptitle(title, fontsize=10, parse_math=False, wrap=True)
    return figure


def _bar(figure: "Figure", axes, low: float, high: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(
        ScalarMappable(Normalize(low, max(high, low + 1e-9)), "viridis"), ax=axes, shrink=0.7
    )
    bar.ax.tick_params(labelsize=6)
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.2g} %")


def grid(
    down: Sequence[str], across: Sequence[str], tiles: Sequence[Sequence[Tile]], title: str
) -> "Figure":
    """A table of pictures: `tiles` row by row, named `down` the side and `across` the top."""
    figure = files.new(SIDE * len(across) + 1.2, (SIDE + 0.3) * len(down) + 0.7)
    for i, row in enumerate(tiles):
        for j, tile in enumerate(row):
            axes = figure.add_subplot(len(down), len(across), i * len(across) + j + 1)
            if tile.picture is not None:
                axes.imshow(tile.picture)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            axes.set_xlabel(tile.caption, fontsize=7, color="#64748b")
            if i == 0:
                axes.set_title(across[j], fontsize=9, parse_math=False)
            if j == 0:
                axes.set_ylabel(down[i], fontsize=9, parse_math=False)
    figure.suptitle(title, fontsize=10, parse_math=False, wrap=True)
    return figure
