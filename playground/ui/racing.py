"""Races: samplers, counts and guidance scales against each other, from one noise."""

import itertools
import math
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from playground import samplers
from playground.recipe import FIELDS, Recipe, RecipeError
from playground.ui import drawing, together
from playground.ui.kept import Finished
from playground.views import race as view

MOST = 36  # lanes
CALLS = 2000  # network calls of one race
UNITS = {"steps": "steps", "calls": "network calls"}
HIGHEST = FIELDS["steps"].metadata["high"]


@dataclass(frozen=True)
class Lane:
    """A recipe, and the count of steps or network calls that was asked of it."""

    recipe: Recipe
    count: int


def plan(
    recipe: Recipe, names: Sequence[str], counts: str, guidances: str, unit: str
) -> list[Lane]:
    """Every sampler with every count and every w; raises RecipeError in words that fit the page.

    Without `guidances` all have the recipe's. Of lanes that come to the same recipe the first one
    counts: 5 and 6 calls are both three steps of Heun.
    """
    numbers = [_count(part, unit) for part in together.parts(counts)]
    if not numbers:
        raise RecipeError(f"How many {_unit(unit)}? The list is empty.")
    scales = [together.number(part) for part in together.parts(guidances)] or [recipe.guidance]
    lanes = [
        Lane(replace(at(recipe, name, count, unit), guidance=w), count)
        for w, count, name in itertools.product(scales, numbers, names)
    ]
    return check(lanes)


def at(recipe: Recipe, name: str, count: int, unit: str) -> Recipe:
    """The recipe with this sampler and as many steps as `count` of the unit allow."""
    steps = count if unit == "steps" else samplers.get(name).steps_within(count)
    return replace(recipe, sampler=name, steps=steps)


def finishing(ask: dict) -> list[Lane]:
    """The lanes of a draft, and its starred ones once more with `count`; raises RecipeError.

    `ask` is what the page says: `unit`, `count`, and `lanes`, each with `link`, `count`, and
    whether it is `starred` and `finished`; what is not finished is left out of the draft.
    """
    unit, listed = str(ask.get("unit")), ask.get("lanes")
    count = _count(str(ask.get("count")), unit)
    if not isinstance(listed, list) or not all(isinstance(lane, dict) for lane in listed):
        raise RecipeError("The lanes of the draft did not arrive.")
    draft = [
        Lane(Recipe.from_query(str(lane.get("link"))), _count(str(lane.get("count")), unit))
        for lane in listed[: MOST + 1]
    ]
    told = list(zip(draft, listed, strict=False))
    starred = [lane for lane, said in told if said.get("starred")]
    if not starred:
        raise RecipeError("No lane is starred: press ☆ on those that should be finished.")
    full = [Lane(at(s.recipe, s.recipe.sampler, count, unit), count) for s in starred]
    done = [lane for lane, said in told if said.get("finished")]
    return check(done + full)


def check(lanes: list[Lane]) -> list[Lane]:
    """The lanes, each recipe once, if they make a race that this playground can run."""
    first: dict[Recipe, Lane] = {}
    for lane in lanes:
        first.setdefault(lane.recipe, lane)
    lanes = list(first.values())
    if len(lanes) < 2:
        raise RecipeError("A race needs at least two lanes: add a sampler, a count or a w.")
    if len(lanes) > MOST:
        raise RecipeError(f"{len(lanes)} lanes are too many: a race has at most {MOST}.")
    for lane in lanes:
        drawing.check(lane.recipe)
    calls = sum(together.calls(lane.recipe) for lane in lanes)
    if calls > CALLS:
        raise RecipeError(
            f"These {len(lanes)} lanes make {calls:,} network calls; a race has at most {CALLS:,}: "
            "take fewer lanes or smaller counts."
        )
    return lanes


def _unit(unit: str) -> str:
    if unit not in UNITS:
        raise RecipeError(f"There is no {unit!r} to be equal in; there are: {', '.join(UNITS)}.")
    return UNITS[unit]


def _count(part: str, unit: str) -> int:
    number, called = together.number(part), _unit(unit)
    if not 1 <= number <= HIGHEST:
        raise RecipeError(f"A lane has 1 to {HIGHEST} {called}, not {number:,.6g}.")
    if number != int(number):
        raise RecipeError(f"“{part[:20]}” in the list is not a whole number.")
    return int(number)


def estimate(lanes: Sequence[Lane]) -> str:
    """What the race will cost, in one sentence, with seconds if any call has been measured."""
    new = [lane.recipe for lane in lanes if not drawing.kept().get(lane.recipe)]
    if not new:
        return f"{len(lanes)} lanes, all of them kept from before: nothing is computed."
    calls, rows = (sum(map(count, new)) for count in (together.calls, together.rows))
    before = f", {len(lanes) - len(new)} of them kept" * (len(new) < len(lanes))
    text = f"{len(lanes)} lanes{before}: {calls:,} network calls"
    machine = drawing.loaded(new[0].model)
    if machine is None:
        return text + "."
    launches = max(math.ceil(rows / machine.max_rows), *map(together.calls, new))
    seconds = machine.seconds_per_call(rows / launches)
    text += f", made together in {launches:,} of about {rows / launches:.0f} rows"
    if seconds is None:
        return text + "."
    total = _rounded(launches * seconds)
    return f"{text}: {launches:,} × {seconds:.2g} s, as measured, ≈ {total} s."


def _rounded(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"


def race(lanes: list[Lane], unit: str, owner: str | None = None) -> Iterator[dict]:
    """The view's data, frame by frame. Closing the generator stops the race, and so does a new
    race of this owner; what was finished is kept for the next.
    """
    asked = time.monotonic()
    yield view.message("Getting ready: " + estimate(lanes))
    machine, kept = drawing.engine(lanes[0].recipe.model), drawing.kept()
    shown = _Shown(machine.model, lanes, unit, {x.recipe: kept.get(x.recipe) for x in lanes})
    new = [lane.recipe for lane in lanes if not shown.kept[lane.recipe]]
    if not new:
        yield shown.frame(together.Together([]))
        return
    with machine.submit(new, owner=owner and owner_of(owner), asked=asked) as run:
        for state in together.follow(run, new):
            yield shown.frame(state)
        if state.share < 1:
            yield view.message("Another race of yours took over.")


def owner_of(visitor: str) -> str:
    """What the engine knows a visitor's race by."""
    return f"{visitor} races"


def drop(link: str, visitor: str) -> None:
    """Cancel one lane of the visitor's race, named by its recipe; the others go on."""
    recipe = Recipe.from_query(link)
    if machine := drawing.loaded(recipe.model):
        machine.cancel_cell(owner_of(visitor), recipe)


class _Shown:
    """A race as the view shows it; what has ended is worked out once, and kept."""

    def __init__(self, model, lanes: list[Lane], unit: str, kept: dict[Recipe, Finished | None]):
        self.model, self.lanes, self.unit, self.kept = model, lanes, unit, kept
        self.name, self.ended = secrets.token_hex(4), {}

    def frame(self, state: together.Together) -> dict:
        drawn = {cell.recipe: cell for cell in state.cells}
        frames = [self._lane(lane, drawn.get(lane.recipe)) for lane in self.lanes]
        return view.race(self.name, self.unit, frames, self._text(state), state.share)

    def _text(self, state: together.Together) -> str:
        number, kept = len(self.lanes), len(self.lanes) - len(state.cells)
        before = f", {kept} of them kept from before" * bool(kept)
        if state.share < 1:
            return f"{number} lanes from one noise{before}, about {state.left:.0f} s left."
        rows, shared = (sum(getattr(p, n) for p in state.pictures) for n in ("rows", "shared"))
        text = f"{number} lanes in {state.spent:.1f} s{before}."
        if rows:
            text += f" {rows - shared} network rows computed"
            text += f"; {shared} more were equal to another lane’s." if shared else "."
        return text

    def _lane(self, lane: Lane, drawn: together.Drawn | None) -> dict:
        facts = self._facts(lane)
        if drawn is None:
            picture = self.kept[lane.recipe]
            return view.finished(facts, picture.png, picture.previews, picture.seconds, kept=True)
        if not drawn.end:
            if not drawn.steps:
                return view.waiting(facts)
            return view.sampling(facts, self._preview(drawn.steps[-1]), len(drawn.steps))
        if lane not in self.ended:
            self.ended[lane] = self._ended(facts, drawn)
        return self.ended[lane]

    def _ended(self, facts: view.Lane, drawn: together.Drawn) -> dict:
        from playground.cells import Dropped, Failure

        previews = tuple(self._preview(step) for step in drawn.steps)
        if isinstance(drawn.end, Failure | Dropped):
            dropped = isinstance(drawn.end, Dropped)
            reason = "cancelled" if dropped else f"failed: {drawn.end.reason}"
            return view.ended(facts, reason, previews[-1] if previews else None, len(previews))
        picture = Finished(drawn.end.png(), previews, sum(drawn.end.seconds.values()))
        drawing.kept().put(drawn.recipe, picture)
        return view.finished(facts, picture.png, previews, picture.seconds, kept=False)

    def _preview(self, step):
        return self.model.preview(step.clean["guided"][None])[0]

    def _facts(self, lane: Lane) -> view.Lane:
        recipe, calls = lane.recipe, together.calls(lane.recipe)
        sampler = samplers.get(recipe.sampler)
        note = ""
        if self.unit == "calls" and calls != lane.count:
            note = f"cannot make exactly {lane.count}"
        return view.Lane(
            recipe.to_query(), sampler.label, lane.count, recipe.guidance, recipe.steps, calls,
            together.rows(recipe), sampler.is_stochastic(recipe.eta), note,
            (recipe.height, recipe.width),
        )  # fmt: skip
