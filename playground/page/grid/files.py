"""A grid as one PNG: named rows and columns, and in the file the recipe of every picture."""

import io
import re

from playground.page.grid import drawing
from playground.page.grid.axes import AXES, NONE
from playground.page.grid.plan import Ask, Plan, plan
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
from playground.recipe import Recipe, save_grid

COMMON = {"seed": "seed {}", "guidance": "w = {:g}", "steps": "{} steps", "sampler": "{}"}


def file(ask: Ask, finished: int = 0) -> tuple[str, bytes]:
    """Name and content. Raises ValueError, in words that fit the page, if nothing is finished, or
    if less is still kept than the page shows `finished`.
    """
    made = plan(ask)
    pictures = drawing.pictures(made)
    if not pictures:
        raise ValueError("None of these pictures is kept any more: draw the grid again.")
    if lost := max(0, finished - len(pictures)):
        raise ValueError(
            f"{lost} of these {finished} pictures are not kept any more: draw the grid again, "
            "which draws those alone."
        )
    words = "-".join(re.findall(r"\w+", ask.recipe.prompt.lower()))[:40] or "no-words"
    rows = "" if ask.down == NONE else f"-{ask.down}"
    return f"grid-{words}-{ask.across}{rows}.png", png(made, pictures)


def png(made: Plan, pictures: dict) -> bytes:
    wide = max(NARROWEST, *(recipe.width for recipe in made.recipes))
    side = HEADER + GAP if made.ask.down != NONE else 0
    lefts = [GAP + side + i * (wide + GAP) for i in range(len(made.columns))]
    sheet, cells = Sheet(lefts[-1] + wide + GAP), {}
    width = sheet.width - 2 * GAP
    sheet.put(GAP, *(written(line, width) for line in _about(made)))
    sheet.end_row()
    for x, column in zip(lefts, made.columns, strict=True):
        sheet.put(x, written(column.label, wide))
    sheet.end_row()
    for row, recipes in zip(made.rows, made.cells, strict=True):
        if side:
            sheet.put(GAP, written(row.label, HEADER))
        for x, cell in zip(lefts, recipes, strict=True):
            if not isinstance(cell, Recipe):
                sheet.put(x, written(cell.reason, wide, PALE))
            elif found := pictures.get(cell):
                cells[sheet.put(x, opened(found))] = cell
            else:
                sheet.put(x, missing(cell))
        sheet.end_row()
    kept = io.BytesIO()
    save_grid(sheet.image(), kept, cells)
    return kept.getvalue()


def _about(made: Plan) -> list[str]:
    """The words, the axes with what all pictures have in common, and what models changed."""
    axes, first = (made.ask.across, made.ask.down), made.recipes[0]
    same = [
        text.format(getattr(first, name))
        for name, text in COMMON.items()
        if name not in axes and len({getattr(one, name) for one in made.recipes}) == 1
    ]
    names = " × ".join(AXES[axis].label for axis in axes if axis in AXES)
    line = f"{names}; {', '.join(same)}" if same else names
    return [made.ask.recipe.prompt or "no words", line, *made.notes]
