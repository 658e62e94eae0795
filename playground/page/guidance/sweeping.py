"""Sweeps: one field of a recipe takes several values, drawn together from the same noise."""

import dataclasses
import secrets
import time
from collections.abc import Iterator

from playground.diffusion.guidance import TABLES
from playground.engine.events import Failure
from playground.page import fits, listed, live, serving, together
from playground.page.guidance import data
from playground.page.guidance.axis import AXES, place
from playground.page.guidance.views import filmstrip
from playground.recipe import Recipe, RecipeError
from playground.wording import counted

MOST = 16  # pictures of one sweep
SECTION = "sweeps"
LIVE = "1, 2, 3, 4, 5, 6, 8, 10"  # values of w while one types


def plan(recipe: Recipe, axis: str | None, text: str | None) -> list[Recipe]:
    """One recipe per value in `text`; raises RecipeError in words that fit the page.

    A page may send anything, also nothing.
    """
    if not isinstance(axis, str) or axis not in AXES:
        raise RecipeError(f"There is no sweep of {axis!r}; there are: {', '.join(AXES)}.")
    said = text if isinstance(text, str) else ""
    values = (
        [_name(axis, part) for part in listed.names(said)]
        if axis in TABLES
        else listed.numbers(said)
    )
    if not values:
        raise RecipeError(f"The list of values is empty; try {AXES[axis]}.")
    if len(values) > MOST:
        raise RecipeError(f"{len(values)} values are too many: a sweep has at most {MOST}.")
    for value in values:
        if values.count(value) > 1:
            raise RecipeError(f"The list has {value if axis in TABLES else f'{value:g}'} twice.")
    return [dataclasses.replace(recipe, **{axis: value}) for value in values]


def _name(axis: str, part: str) -> str:
    if part not in TABLES[axis]:
        raise RecipeError(f"“{part[:20]}” is not one of: {', '.join(TABLES[axis])}.")
    return part


def sweep(
    recipe: Recipe, axis: str | None, text: str | None, visitor: str | None = None,
    section: str = SECTION, asked: float | None = None, previews: bool = True,
) -> Iterator[dict]:  # fmt: skip
    """The filmstrip's data, frame by frame or once it is finished; raises ValueError before
    anything is drawn.

    Closing the generator stops the sweep, and so does one of this visitor in the same `section`
    that was `asked` for later (by default: now); drawing does not.
    """
    recipes = [serving.check(each) for each in plan(recipe, axis, text)]
    fit, asked = fits.of(recipe.model, recipe.lora), time.monotonic() if asked is None else asked
    if axis in fit.unused:
        raise RecipeError(f"A sweep of this would draw equal pictures. {fit.why_unused}")
    times = sum(map(together.rows, recipes)) / together.rows(recipe)
    for sentence in serving.getting_ready(recipes[0]):
        yield filmstrip.message(
            f"{sentence} {len(recipes)} pictures, {times:.1f} times the work of drawing one."
        )
    session = serving.session(recipe.model, recipe.lora)
    with session.submit(recipes, record=True, visitor=visitor, section=section, asked=asked) as run:
        for sentence in serving.waiting(run):
            yield filmstrip.message(sentence)
        shown = _Strip(recipe, axis)
        for state in together.follow(session, run, recipes):
            if previews and state.share < 1:
                yield shown.strip(state)
        if state.share == 1:
            yield shown.strip(state)
        else:
            yield filmstrip.message("Another sweep of yours took over.")


def at_once(recipe: Recipe, visitor: str | None, asked: float) -> dict | None:
    """The finished strip over w while the visitor types; None if something newer took over, and
    for models that need two rows a call: they are too slow for it.
    """
    if fits.of(recipe.model, recipe.lora).guidance.branches:
        return None
    section = f"{live.SECTION} {SECTION}"
    *_, last = sweep(recipe, "guidance", LIVE, visitor, section, asked, previews=False)
    return last | {"asked": asked} if last.get("share") == 1 else None


class _Strip:
    """A sweep as the filmstrip shows it; finished pictures are encoded once."""

    def __init__(self, recipe: Recipe, axis: str):
        self.recipe, self.axis = recipe, axis
        self.name, self.ended = secrets.token_hex(4), {}

    def strip(self, state: together.Together) -> dict:
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
            return filmstrip.sampling(*self._place(cell), last.preview, last.index + 1, last.count)
        if cell not in self.ended:
            self.ended[cell] = self._ended(cell)
        return self.ended[cell]

    def _ended(self, cell: together.Drawn) -> dict:
        if isinstance(cell.end, Failure):
            return filmstrip.failed(*self._place(cell), cell.end.reason)
        return data.finished_frame(cell.end, self.axis)

    def _place(self, cell: together.Drawn) -> tuple[float, str]:
        return place(self.axis, getattr(cell.recipe, self.axis))
