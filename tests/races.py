"""Small races, as the page asks for them."""

from collections.abc import Iterator

from playground.page.samplers import race_plan, racing
from playground.page.samplers.views import race
from playground.recipe import Recipe

SMALL = Recipe(prompt="a cat", width=64, height=64, seed=3)


def planned(names="ddim heun", counts="4", guidances="", unit="steps", recipe=SMALL):
    return race_plan.plan(recipe, names.split(), counts, guidances, unit)


def raced(lanes, unit="steps", *visitor) -> Iterator[dict]:
    """A race as the view shows it, frame by frame."""
    for moment in racing.race(lanes, unit, *visitor):
        yield moment.data() if isinstance(moment, racing.Race) else race.message(moment)


def last(frames):
    *_, final = frames
    return final


def ask_to_finish(lanes, starred, unfinished=(), **changes) -> dict:
    told = [
        {"link": x.recipe.to_query(), "count": x.count, "starred": i in starred,
         "finished": i not in unfinished}
        for i, x in enumerate(lanes)
    ]  # fmt: skip
    return {"unit": "calls", "count": "9", "lanes": told} | changes
