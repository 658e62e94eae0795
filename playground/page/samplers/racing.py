"""Races: lanes drawn together from the same noise."""

import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from playground.diffusion import samplers
from playground.engine.events import Dropped, Failure
from playground.models import specs
from playground.page import serving, together
from playground.page.kept import Finished
from playground.page.samplers.race_plan import Lane, estimate
from playground.page.samplers.views import race as view
from playground.recipe import Recipe

SECTION = "races"


@dataclass(frozen=True, eq=False)
class Runner:
    """A lane, and how far it is: after `call` network calls there is the `preview` uint8 [h, w, 3]
    of pred_x0, at the end the `picture`, or the `reason` why there is none.
    """

    lane: Lane
    call: int = 0
    preview: np.ndarray | None = None
    picture: Finished | None = None
    kept: bool = False  # from an earlier race
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Race:
    """All lanes at one moment; `share` 0 … 1 is how much of the race `run` is done."""

    run: str
    unit: str
    runners: tuple[Runner, ...]
    text: str
    share: float

    def data(self) -> dict:
        """What the view shows."""
        shown = [_shown(runner, self.facts(runner.lane)) for runner in self.runners]
        return view.race(self.run, self.unit, shown, self.text, self.share)

    def solver(self, lane: Lane) -> str:
        """What a lane is drawn by: its sampler, in a race of several models after its model."""
        sampler = samplers.get(lane.recipe.sampler).label
        models = together.by_model([runner.lane.recipe for runner in self.runners])
        if len(models) == 1:
            return sampler
        spec, lora = specs.get(lane.recipe.model), lane.recipe.lora
        return f"{spec.kind or spec.label}{f' + {Path(lora).name}' if lora else ''}: {sampler}"

    def facts(self, lane: Lane) -> view.Lane:
        """What is known of a lane before it starts."""
        recipe, calls = lane.recipe, together.calls(lane.recipe)
        sampler = samplers.get(recipe.sampler)
        note = ""
        if self.unit == "calls" and calls != lane.count:
            note = f"cannot make exactly {lane.count}"
        return view.Lane(
            recipe.to_query(), self.solver(lane), lane.count, recipe.guidance, recipe.steps, calls,
            together.rows(recipe), sampler.is_stochastic(recipe.eta), note,
            (recipe.height, recipe.width),
        )  # fmt: skip


def _shown(runner: Runner, facts: view.Lane) -> dict:
    if picture := runner.picture:
        return view.finished(
            facts, picture.png, picture.previews, picture.seconds, kept=runner.kept
        )
    if runner.reason:
        return view.ended(facts, runner.reason, runner.preview, runner.call)
    if runner.preview is None:
        return view.waiting(facts)
    return view.sampling(facts, runner.preview, runner.call)


def race(
    lanes: list[Lane], unit: str, visitor: str | None = None, section: str = SECTION
) -> Iterator[str | Race]:
    """A sentence, then the race from moment to moment; another sentence if a new race of this
    visitor took over. Closing the generator stops it; what was finished is kept for the next.
    """
    asked = time.monotonic()
    models = together.by_model([lane.recipe for lane in lanes])
    for model, lora in models:
        for sentence in serving.getting_ready(replace(lanes[0].recipe, model=model, lora=lora)):
            yield f"{sentence} {estimate(lanes)}"
    kept = serving.kept()
    watched = _Watched(lanes, unit, {x.recipe: kept.get(x.recipe) for x in lanes})
    new = [lane.recipe for lane in lanes if not watched.kept[lane.recipe]]
    if not new:
        yield watched.moment(together.Together([]))
        return
    with contextlib.ExitStack() as stack:
        parts = []
        for (model, lora), places in together.by_model(new).items():
            session, recipes = serving.session(model, lora), [new[place] for place in places]
            run = session.submit(recipes, visitor=visitor, section=section, asked=asked)
            parts.append(together.Part(session, stack.enter_context(run), places))
        for sentence in serving.waiting(parts[0].run):
            yield sentence
        for state in together.follow_all(parts, new):
            yield watched.moment(state)
        if state.share < 1:
            yield "Another race of yours took over."


def drop(link: str, visitor: str) -> None:
    """Cancel one lane of the visitor's race, named by its recipe; the others go on."""
    recipe = Recipe.from_query(link)
    if session := serving.opened(recipe.model, recipe.lora):
        session.drop(visitor, SECTION, recipe)


class _Watched:
    """A race that is being drawn; finished lanes are encoded once and kept."""

    def __init__(self, lanes: list[Lane], unit: str, kept: dict[Recipe, Finished | None]):
        self.lanes, self.unit, self.kept = lanes, unit, kept
        self.name, self.ended = secrets.token_hex(4), {}

    def moment(self, state: together.Together) -> Race:
        drawn = {cell.recipe: cell for cell in state.cells}
        runners = tuple(self._runner(lane, drawn.get(lane.recipe)) for lane in self.lanes)
        return Race(self.name, self.unit, runners, self._text(state), state.share)

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

    def _runner(self, lane: Lane, drawn: together.Drawn | None) -> Runner:
        if drawn is None:
            return Runner(lane, together.calls(lane.recipe), None, self.kept[lane.recipe], True)
        preview = drawn.steps[-1].preview if drawn.steps else None
        if not drawn.end:
            return Runner(lane, len(drawn.steps), preview)
        if isinstance(drawn.end, Failure | Dropped):
            dropped = isinstance(drawn.end, Dropped)
            reason = "cancelled" if dropped else f"failed: {drawn.end.reason}"
            return Runner(lane, len(drawn.steps), preview, reason=reason)
        if lane not in self.ended:
            self.ended[lane] = Finished.of(drawn.end)
            serving.kept().put(lane.recipe, self.ended[lane])
        return Runner(lane, len(drawn.steps), preview, self.ended[lane])
