"""Which lanes a race has, and what it will cost, told before it starts."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from playground.diffusion import samplers
from playground.models import specs
from playground.page import fits, listed, pricing, sections, serving, switching, together
from playground.recipe import FIELDS, Recipe, RecipeError

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
    recipe: Recipe, names: Sequence[str], counts: str, guidances: str, unit: str,
    models: Sequence[str] = (),
) -> list[Lane]:  # fmt: skip
    """Every sampler with every count and every w; raises RecipeError in words that fit the page.

    Without `guidances` all have the recipe's. Other built-in `models` race along with those of the
    samplers that fit them, or, if none does, with their own. Of lanes that come to the same recipe
    the first one counts: 5 and 6 calls are both three steps of Heun. The values are checked,
    because a browser may send anything.
    """
    unit = sections.typed(unit)
    numbers = [_count(n, unit) for n in listed.numbers(sections.typed(counts), whole=True)]
    if not numbers:
        raise RecipeError(f"How many {_unit(unit)}? The list is empty.")
    scales = listed.numbers(sections.typed(guidances)) or [recipe.guidance]
    names, others = sections.chosen(names), sections.chosen(models)
    racers = [(recipe, name) for name in names]
    for model in others if names else ():
        racers += _of_model(recipe, model, names)
    lanes = [
        Lane(replace(at(racer, name, count, unit), guidance=w), count)
        for w, count, (racer, name) in itertools.product(scales, numbers, racers)
    ]
    return check(lanes)


def _of_model(recipe: Recipe, model: str, names: Sequence[str]) -> list[tuple[Recipe, str]]:
    """The recipe for another built-in model, with each of the samplers that it races with."""
    if model not in specs.MODELS:
        raise RecipeError(
            f"There is no built-in model {model[:40]!r}; there are: {', '.join(specs.MODELS)}."
        )
    fit, (other, _) = fits.of(model), switching.switched(recipe, recipe.model, model)
    fitting = [one.name for one in fit.samplers if one.name in names] or [fit.usual.sampler]
    return [(other, name) for name in fitting]


def at(recipe: Recipe, name: str, count: int, unit: str) -> Recipe:
    """The recipe with this sampler and as many steps as `count` of the unit allow."""
    steps = count if unit == "steps" else samplers.get(name).steps_within(count)
    return replace(recipe, sampler=name, steps=steps)


def finishing(ask: dict) -> list[Lane]:
    """The lanes of a draft, and its starred ones once more with `count`; raises RecipeError.

    `ask` is what the page says: `unit`, `count`, and `lanes`, each with `link`, `count`, and
    whether it is `starred` and `finished`; what is not finished is left out of the draft.
    """
    unit, sent = str(ask.get("unit")), ask.get("lanes")
    count = _count(listed.number(str(ask.get("count"))), unit)
    if not isinstance(sent, list) or not all(isinstance(lane, dict) for lane in sent):
        raise RecipeError("The lanes of the draft did not arrive.")
    draft = [
        Lane(
            Recipe.from_query(str(lane.get("link"))),
            _count(listed.number(str(lane.get("count"))), unit),
        )
        for lane in sent[: MOST + 1]
    ]
    told = list(zip(draft, sent, strict=False))
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
    lanes = [replace(lane, recipe=serving.check(lane.recipe)) for lane in lanes]
    calls = sum(together.calls(lane.recipe) for lane in lanes)
    if calls > CALLS:
        raise RecipeError(
            f"These {len(lanes)} lanes make {calls:,} network calls; a race has at most {CALLS:,}: "
            "take fewer lanes or smaller counts."
        )
    return lanes


def _unit(unit: str) -> str:
    if unit not in UNITS:
        said = ", ".join(UNITS)
        raise RecipeError(f"There is no {unit[:20]!r} to be equal in; there are: {said}.")
    return UNITS[unit]


def _count(number: float, unit: str) -> int:
    called = _unit(unit)
    if not 1 <= number <= HIGHEST:
        raise RecipeError(f"A lane has 1 to {HIGHEST} {called}, not {number:,.6g}.")
    if number != int(number):
        raise RecipeError(f"“{number:.6g}” in the list is not a whole number.")
    return int(number)


def estimate(lanes: Sequence[Lane]) -> str:
    """What the race will cost, in one sentence, with seconds if any call has been measured."""
    return pricing.sentence([lane.recipe for lane in lanes], "lane")
