"""A grid as one PNG: named rows and columns, and in the file the recipe of every picture."""

import io
import re

from playground.page.grid import drawing
from playground.page.grid.axes import AXES, NONE
from playground.page.grid.plan import Ask, Plan, plan
from playground.page.shared.sheet import GAP, HEADER, NARROWEST, Sheet, missing, opened, written
from playground.recipe import save_grid


def file(ask: Ask) -> tuple[str, bytes]:
    """Name and content. Raises ValueError, in words that fit the page, if nothing is finished."""
    made = plan(ask)
    pictures = drawing.pictures(made)
    if not pictures:
        raise ValueError("None of these pictures is kept any more: draw the grid again.")
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
        for x, recipe in zip(lefts, recipes, strict=True):
            found = pictures.get(recipe)
            box = sheet.put(x, opened(found) if found else missing(recipe))
            if found:
                cells[box] = recipe
        sheet.end_row()
    kept = io.BytesIO()
    save_grid(sheet.image(), kept, cells)
    return kept.getvalue()


def _about(made: Plan) -> list[str]:
    """The words, and what all pictures have in common."""
    recipe, axes = made.ask.recipe, {made.ask.across, made.ask.down}
    said = {"seed": f"seed {recipe.seed}", "guidance": f"w = {recipe.guidance:g}",
            "steps": f"{recipe.steps} steps", "sampler": recipe.sampler}  # fmt: skip
    common = ", ".join(text for name, text in said.items() if name not in axes)
    names = " × ".join(
        AXES[axis].label for axis in (made.ask.across, made.ask.down) if axis in AXES
    )
    return [recipe.prompt or "no words", f"{names}; {common}"]
