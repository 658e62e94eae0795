"""Draw a grid; its pictures are those that races keep, so an enlarged one draws what is new."""

import time
from collections.abc import Iterator

from playground.page import serving
from playground.page.grid import plan as planning
from playground.page.grid import view
from playground.page.grid.plan import Ask, Plan, Refused
from playground.page.samplers import racing
from playground.page.samplers.race_plan import Lane
from playground.recipe import Recipe
from playground.wording import counted

SECTION = "grids"


def draw(
    recipe: Recipe, across, columns: str, down, rows: str, visitor: str | None = None
) -> Iterator[dict]:
    """The view's data, frame by frame; raises ValueError before anything is drawn.

    Closing the generator stops it, and so does a new grid of this visitor.
    """
    made = planning.plan(Ask(recipe, across, columns, down, rows))
    started = time.perf_counter()
    for moment in racing.race([Lane(r, 0) for r in made.recipes], "steps", visitor, SECTION):
        if isinstance(moment, racing.Race):
            yield shown(made, moment, time.perf_counter() - started)
        else:
            yield view.message(_said(moment))


def _said(sentence: str) -> str:
    return sentence.replace("lanes", "pictures").replace("Another race", "Another grid")


def shown(made: Plan, race: racing.Race, spent: float) -> dict:
    """What the view shows at one moment."""
    runners = {runner.lane.recipe: runner for runner in race.runners}
    cells = [[_cell(made, cell, runners.get(cell)) for cell in row] for row in made.cells]
    number = counted(len(made.recipes), "picture")
    if race.share < 1:
        left = spent / max(race.share, 0.01) * (1 - race.share)
        text = f"Drawing {number}, about {left:.0f} s left."
    else:
        kept = sum(runner.kept for runner in race.runners)
        text = (
            f"{number} in {spent:.1f} s" + f", {kept} of them kept from before" * bool(kept) + "."
        )
    return view.grid(made, race.run, cells, text, race.share)


def _cell(made: Plan, cell: Recipe | Refused, runner: racing.Runner | None) -> dict:
    if isinstance(cell, Refused):
        return view.refused(made.ask.recipe, cell.reason)
    if runner.picture:
        return view.finished(cell, runner.picture.png)
    note = runner.reason or (f"call {runner.call}" if runner.call else "waiting")
    return view.unfinished(cell, runner.preview, note)


def pictures(made: Plan) -> dict[Recipe, bytes]:
    """The PNGs of the finished cells that are still kept."""
    found = {recipe: serving.kept().get(recipe) for recipe in made.recipes}
    return {recipe: one.png for recipe, one in found.items() if one}
