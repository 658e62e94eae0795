"""Sweeps: one field of a recipe takes several values, drawn together from the same noise."""

import dataclasses
import secrets
import time
from collections.abc import Iterator

from playground.diffusion.guidance import GUIDERS, SCHEDULES, TABLES, called
from playground.page import serving, together
from playground.page.guidance.views import filmstrip
from playground.recipe import Recipe, RecipeError
from playground.wording import counted

MOST = 16  # pictures of one sweep
AXES = {  # fields that can be swept, and the values that are offered
    "guidance": "0, 1, 2, 3, 5, 7, 12, 25",
    "guidance_start": "0, 0.2, 0.4, 0.6, 0.8",
    "guidance_stop": "0.2, 0.4, 0.6, 0.8, 1",
    "rescale": "0, 0.25, 0.5, 0.75, 1",
    "guidance_schedule": ", ".join(SCHEDULES),
    "guider": ", ".join(GUIDERS),
}


def plan(recipe: Recipe, axis: str, text: str) -> list[Recipe]:
    """One recipe per value in `text`; raises RecipeError in words that fit the page."""
    if axis not in AXES:
        raise RecipeError(f"There is no sweep of {axis!r}; there are: {', '.join(AXES)}.")
    parts = together.parts(text)
    if not parts:
        raise RecipeError(f"The list of values is empty; try {AXES[axis]}.")
    if len(parts) > MOST:
        raise RecipeError(f"{len(parts)} values are too many: a sweep has at most {MOST}.")
    values = [_name(axis, part) if axis in TABLES else together.number(part) for part in parts]
    for value in values:
        if values.count(value) > 1:
            raise RecipeError(f"The list has {value if axis in TABLES else f'{value:g}'} twice.")
    return [dataclasses.replace(recipe, **{axis: value}) for value in values]


def _name(axis: str, part: str) -> str:
    if part not in TABLES[axis]:
        raise RecipeError(f"“{part[:20]}” is not one of: {', '.join(TABLES[axis])}.")
    return part


def place(axis: str, value: float | str) -> tuple[float, str]:
    """Where on the slider a value of `axis` lies, and what it is called."""
    if axis in TABLES:
        return list(TABLES[axis]).index(value), called(axis, value)
    return value, ("w = " if axis == "guidance" else "") + called(axis, value)


def sweep(recipe: Recipe, axis: str, text: str, owner: str | None = None) -> Iterator[dict]:
    """The filmstrip's data, frame by frame; raises ValueError before anything is drawn.

    Closing the generator stops the sweep, and so does a new one of this owner; drawing does not.
    """
    recipes = [serving.check(each) for each in plan(recipe, axis, text)]
    asked = time.monotonic()
    times = sum(map(together.rows, recipes)) / together.rows(recipe)
    yield filmstrip.message(
        f"Getting ready: {len(recipes)} pictures, {times:.1f} times the work of drawing one …"
    )
    machine = serving.engine(recipe.model)
    whose = owner and f"{owner} sweeps"
    with machine.submit(recipes, record=True, owner=whose, asked=asked) as run:
        shown = _Strip(machine.model, recipe, axis)
        for state in together.follow(run, recipes):
            if state.share < 1:
                yield shown.strip(state)
        if state.share == 1:
            yield shown.strip(state)
        else:
            yield filmstrip.message("Another sweep of yours took over.")


class _Strip:
    """A sweep as the filmstrip shows it; what has ended is worked out once."""

    def __init__(self, model, recipe: Recipe, axis: str):
        self.model, self.recipe, self.axis = model, recipe, axis
        self.name, self.ended = secrets.token_hex(4), {}

    def strip(self, state: together.Together) -> dict:
        from playground.page.guidance import data

        number, share = len(state.cells), state.share
        text = f"Drawing {number} pictures from one noise, about {state.left:.0f} s left."
        if share == 1:
            asked, shared = (sum(getattr(p, n) for p in state.pictures) for n in ("rows", "shared"))
            text = (
                f"{counted(number, 'picture')} in {state.spent:.1f} s. "
                f"{counted(asked - shared, 'row')} computed"
            )
            text += (
                f"; the other {shared} of {asked} were equal to rows of another picture."
                if shared
                else "."
            )
        frames = [self._frame(cell) for cell in state.cells if cell.end or cell.steps]
        return data.strip_of(self.recipe, self.axis, frames, text=text, share=share, run=self.name)

    def _frame(self, cell: together.Drawn) -> dict:
        if not cell.end:
            last = cell.steps[-1]
            preview = last.preview(self.model)
            return filmstrip.sampling(*self._place(cell), preview, last.index + 1, last.count)
        if cell not in self.ended:
            self.ended[cell] = self._ended(cell)
        return self.ended[cell]

    def _ended(self, cell: together.Drawn) -> dict:
        from playground.engine.cells import Failure
        from playground.page.guidance import data

        if isinstance(cell.end, Failure):
            return filmstrip.failed(*self._place(cell), cell.end.reason)
        prompt = self.model.encode(cell.recipe.prompt)
        return data.finished_frame(prompt, cell.steps, cell.end, cell.end.png(), self.axis)

    def _place(self, cell: together.Drawn) -> tuple[float, str]:
        return place(self.axis, getattr(cell.recipe, self.axis))
