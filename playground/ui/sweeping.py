"""Sweeps: one field of a recipe takes several values, drawn together from the same noise."""

import dataclasses
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

from playground import guidance
from playground.guidance import GUIDERS, SCHEDULES
from playground.recipe import Recipe, RecipeError
from playground.ui import drawing
from playground.views import filmstrip

MOST = 16  # pictures of one sweep
FRAME = 0.25  # seconds between frames of all previews
TABLES = {"guider": GUIDERS, "guidance_schedule": SCHEDULES}
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
    parts = re.findall(r"[^,;\s]+", text)
    if not parts:
        raise RecipeError(f"The list of values is empty; try {AXES[axis]}.")
    if len(parts) > MOST:
        raise RecipeError(f"{len(parts)} values are too many: a sweep has at most {MOST}.")
    values = [_name(axis, part) if axis in TABLES else _number(part) for part in parts]
    for value in values:
        if values.count(value) > 1:
            raise RecipeError(f"The list has {value if axis in TABLES else f'{value:g}'} twice.")
    return [dataclasses.replace(recipe, **{axis: value}) for value in values]


def _number(part: str) -> float:
    try:
        number = float(part)
    except ValueError:
        number = float("nan")
    if number != number:
        raise RecipeError(f"“{part[:20]}” in the list is not a number.")
    return number


def _name(axis: str, part: str) -> str:
    if part not in TABLES[axis]:
        raise RecipeError(f"“{part[:20]}” is not one of: {', '.join(TABLES[axis])}.")
    return part


def place(axis: str, value: float | str) -> tuple[float, str]:
    """Where on the slider a value of `axis` lies, and what it is called."""
    if axis in TABLES:
        return list(TABLES[axis]).index(value), TABLES[axis][value].label
    return value, f"w = {value:g}" if axis == "guidance" else f"{value:g}"


def sweep(recipe: Recipe, axis: str, text: str, owner: str | None = None) -> Iterator[dict]:
    """The filmstrip's data, frame by frame; raises ValueError before anything is drawn.

    Closing the generator stops the sweep, and so does a new one of this owner; drawing does not.
    """
    recipes = [drawing.check(each) for each in plan(recipe, axis, text)]
    asked = time.monotonic()
    times = sum(map(guidance.rows, recipes)) / guidance.rows(recipe)
    yield filmstrip.message(
        f"Getting ready: {len(recipes)} pictures, {times:.1f} times the work of drawing one …"
    )
    machine = drawing.engine(recipe.model)
    whose = owner and f"{owner} sweeps"
    with machine.submit(recipes, record=True, owner=whose, asked=asked) as run:
        state = _Sweep(machine.model, recipe, axis, recipes)
        shown = 0.0
        for event in run:
            state.take(event)
            if state.share < 1 and time.perf_counter() - shown > FRAME:
                yield state.strip()
                shown = time.perf_counter()
        if state.share == 1:
            yield state.strip()
        else:
            yield filmstrip.message("Another sweep of yours took over.")


@dataclass
class _Sweep:
    """What is known so far of each picture of a sweep."""

    model: object
    recipe: Recipe
    axis: str
    recipes: list[Recipe]

    def __post_init__(self):
        self.started, self.name = time.perf_counter(), secrets.token_hex(4)
        self.steps = [[] for _ in self.recipes]
        self.ended = {}  # cell: its frame
        self.rows = self.shared = 0

    def take(self, event) -> None:
        from playground.cells import Failure, Picture

        if isinstance(event, Picture):
            self.ended[event.cell] = self._finished(event)
            self.rows += event.rows
            self.shared += event.shared
        elif isinstance(event, Failure):
            at, label = self._place(event.cell)
            self.ended[event.cell] = filmstrip.failed(at, label, event.reason)
        else:
            self.steps[event.cell].append(event)

    def _place(self, cell: int) -> tuple[float, str]:
        return place(self.axis, getattr(self.recipes[cell], self.axis))

    def _finished(self, picture) -> dict:
        from playground.ui import guidance_payload

        prompt, steps = self.model.encode(picture.recipe.prompt), self.steps[picture.cell]
        return guidance_payload.finished_frame(prompt, steps, picture, picture.png(), self.axis)

    def _frames(self) -> Iterator[dict]:
        for cell, steps in enumerate(self.steps):
            if cell in self.ended:
                yield self.ended[cell]
            elif steps:
                last = steps[-1]
                preview = self.model.preview(last.clean["guided"][None])[0]
                at, label = self._place(cell)
                yield filmstrip.sampling(at, label, preview, last.index + 1, last.count)

    @property
    def share(self) -> float:
        """How much of all steps is done; 1 only when every picture has ended."""
        if len(self.ended) == len(self.recipes):
            return 1.0
        count = next((steps[0].count for steps in self.steps if steps), 1)
        done = sum(count if c in self.ended else len(s) for c, s in enumerate(self.steps))
        return min(done / (count * len(self.steps)), 0.99)

    def strip(self) -> dict:
        from playground.ui import guidance_payload

        spent, share = time.perf_counter() - self.started, self.share
        number, left = len(self.recipes), spent / max(share, 0.01) * (1 - share)
        text = f"Drawing {number} pictures from one noise, about {left:.0f} s left."
        if share == 1:
            text = (
                f"{number} pictures in {spent:.1f} s. {self.rows - self.shared} rows computed; the "
                f"other {self.shared} of {self.rows} were equal to rows of another picture."
            )
        frames = list(self._frames())
        return guidance_payload.strip_of(
            self.recipe, self.axis, frames, text=text, share=share, run=self.name
        )
