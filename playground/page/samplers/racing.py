"""Races: lanes drawn together from one noise, as the view shows them."""

import secrets
import time
from collections.abc import Iterator

from playground.diffusion import samplers
from playground.page import serving, together
from playground.page.kept import Finished
from playground.page.samplers.race_plan import Lane, estimate
from playground.page.samplers.views import race as view
from playground.recipe import Recipe


def race(lanes: list[Lane], unit: str, owner: str | None = None) -> Iterator[dict]:
    """The view's data, frame by frame. Closing the generator stops the race, and so does a new
    race of this owner; what was finished is kept for the next.
    """
    asked = time.monotonic()
    yield view.message("Getting ready: " + estimate(lanes))
    machine, kept = serving.engine(lanes[0].recipe.model), serving.kept()
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
    if machine := serving.loaded(recipe.model):
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
            return view.sampling(facts, drawn.steps[-1].preview(self.model), len(drawn.steps))
        if lane not in self.ended:
            self.ended[lane] = self._ended(facts, drawn)
        return self.ended[lane]

    def _ended(self, facts: view.Lane, drawn: together.Drawn) -> dict:
        from playground.engine.cells import Dropped, Failure

        previews = tuple(step.preview(self.model) for step in drawn.steps)
        if isinstance(drawn.end, Failure | Dropped):
            dropped = isinstance(drawn.end, Dropped)
            reason = "cancelled" if dropped else f"failed: {drawn.end.reason}"
            return view.ended(facts, reason, previews[-1] if previews else None, len(previews))
        picture = Finished(drawn.end.png(), previews, sum(drawn.end.seconds.values()))
        serving.kept().put(drawn.recipe, picture)
        return view.finished(facts, picture.png, previews, picture.seconds, kept=False)

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
