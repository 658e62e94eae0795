"""A race to keep: one labelled PNG whose cells know their recipes, or one HTML file."""

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from playground.page import together
from playground.page.figures import files, pictures
from playground.page.samplers.race_plan import Lane
from playground.page.samplers.racing import Race
from playground.page.samplers.views import race as view
from playground.page.shared.sheet import (
    GAP,
    HEADER,
    NARROWEST,
    PALE,
    Sheet,
    missing,
    opened,
    written,
)
from playground.page.shared.view import standalone
from playground.recipe import save_grid
from playground.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Names = tuple[str, ...]  # what a lane is called along a side of the table, a line each


def html(raced: Race, rows: str, columns: str, page: str | None) -> bytes:
    """The grid itself, for a browser without network; `page` is where its links lead."""
    shown = raced.data() | {"layout": [rows, columns], "page": page}
    return standalone(view.VIEW, shown, "A race of samplers from one noise").encode()


def png(raced: Race, rows: str, columns: str, page: str | None) -> bytes:
    """One picture: a row per name of `rows`, a column per name of `columns`."""
    down, across = sides(raced, rows, columns)
    placed = {(down.names(r.lane), across.names(r.lane)): r for r in raced.runners}
    wide = max(NARROWEST, *(runner.lane.recipe.width for runner in raced.runners))
    lefts = [2 * GAP + HEADER + i * (wide + GAP) for i in range(len(across.all))]
    sheet, cells = Sheet(lefts[-1] + wide + GAP), {}
    first = raced.runners[0].lane.recipe
    sheet.put(
        GAP, written(first.prompt or "no words", sheet.width - 2 * GAP),
        written(f"seed {first.seed}", sheet.width - 2 * GAP),
    )  # fmt: skip
    sheet.end_row()
    for x, names in zip(lefts, across.all, strict=True):
        sheet.put(x, *(written(line, wide) for line in names))
    sheet.end_row()
    for row in down.all:
        sheet.put(GAP, *(written(line, HEADER) for line in row))
        for x, column in zip(lefts, across.all, strict=True):
            if runner := placed.get((row, column)):
                picture = opened(runner.picture.png) if runner.picture else None
                box = sheet.put(x, picture or missing(runner.lane.recipe), _cost(runner.lane, wide))
                if picture:  # a preview is not what its recipe draws
                    cells[box] = runner.lane.recipe
        sheet.end_row()
    file = io.BytesIO()
    save_grid(sheet.image(), file, cells)
    return file.getvalue()


def _cost(lane: Lane, width: int) -> Image.Image:
    steps, calls = counted(lane.recipe.steps, "step"), together.calls(lane.recipe)
    return written(f"{steps}, {counted(calls, 'call')}", width, PALE)


@dataclass(frozen=True)
class Side:
    """Of the table: the axes that its names come from, and all names in order."""

    race: Race
    axes: tuple[str, ...]

    def names(self, lane: Lane) -> Names:
        return tuple(name(self.race, axis, lane) for axis in self.axes)

    @property
    def all(self) -> list[Names]:
        orders = [values(self.race, axis) for axis in self.axes]

        def order(names: Names) -> list[int]:
            return [each.index(line) for each, line in zip(orders, names, strict=True)]

        return sorted({self.names(runner.lane) for runner in self.race.runners}, key=order)


def sides(raced: Race, rows: str, columns: str) -> tuple[Side, Side]:
    """Rows and columns of the table.

    If lanes also differ in the third axis, it joins the shorter side, as on the page.
    """
    third = next(axis for axis in view.AXES if axis not in (rows, columns))
    shorter = min((rows, columns), key=lambda axis: len(values(raced, axis)))
    joined = (third,) if len(values(raced, third)) > 1 else ()
    down, across = ((axis, *joined) if axis == shorter else (axis,) for axis in (rows, columns))
    return Side(raced, down), Side(raced, across)


def values(raced: Race, axis: str) -> list[str]:
    """What lanes are called along an axis, each once, in the race's order."""
    return list(dict.fromkeys(name(raced, axis, runner.lane) for runner in raced.runners))


def name(raced: Race, axis: str, lane: Lane) -> str:
    """What a lane is called along an axis."""
    if axis == "count":
        return counted(lane.count, "network call" if raced.unit == "calls" else "step")
    if axis == "guidance":
        return f"w = {lane.recipe.guidance:g}"
    return raced.solver(lane)


def svg(raced: Race, rows: str, columns: str, page: str | None) -> bytes:
    """The grid for a document, its letters as letters."""
    return files.content(_figure(raced, rows, columns), "svg")


def pdf(raced: Race, rows: str, columns: str, page: str | None) -> bytes:
    return files.content(_figure(raced, rows, columns), "pdf")


def _figure(raced: Race, rows: str, columns: str) -> "Figure":
    down, across = sides(raced, rows, columns)
    placed = {(down.names(r.lane), across.names(r.lane)): r for r in raced.runners}
    tiles = [[_tile(placed.get((row, column))) for column in across.all] for row in down.all]
    first = raced.runners[0].lane.recipe
    title = f"{first.prompt or 'no words'}, seed {first.seed}"
    names = (["\n".join(lines) for lines in side.all] for side in (down, across))
    return pictures.grid(*names, tiles, title)


def _tile(runner) -> pictures.Tile:
    """Empty for a place of the table that no lane has."""
    if runner is None:
        return pictures.Tile(None)
    picture = np.asarray(opened(runner.picture.png)) if runner.picture else None
    return pictures.Tile(picture, counted(together.calls(runner.lane.recipe), "call"))


KEPT = {"png": png, "html": html, "svg": svg, "pdf": pdf}


def _named(raced: Race) -> str:
    """A file's name that tells races apart: their words and their seed."""
    first = raced.runners[0].lane.recipe
    words = "-".join(re.findall(r"\w+", first.prompt.lower()))[:40].strip("-")
    return f"race-{words or 'no-words'}-seed-{first.seed}"


def file(ask: dict, raced: Race) -> tuple[str, bytes]:
    """Name and content of what the page asks for. Raises ValueError in words that fit the page.

    `ask`: `kind`, `rows` and `columns` (two of the axes), and `page`, the page's own address.
    """
    kind, rows, columns = (str(ask.get(key)) for key in ("kind", "rows", "columns"))
    if kind not in KEPT:
        raise ValueError(f"There is no {kind[:20]!r} to keep; there are: {', '.join(KEPT)}.")
    if {rows, columns} - set(view.AXES) or rows == columns:
        raise ValueError(f"Rows and columns are two of: {', '.join(view.AXES)}.")
    page = str(ask.get("page"))
    web = page.startswith(("http://", "https://")) and len(page) < 300
    return f"{_named(raced)}.{kind}", KEPT[kind](raced, rows, columns, page if web else None)
