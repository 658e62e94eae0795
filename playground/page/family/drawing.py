"""Draw one recipe with each of the built-in models, one after the other."""

import time
from collections.abc import Iterator

from playground.engine.events import Failure, Picture
from playground.engine.session import Run
from playground.page import serving
from playground.page.family import data, inside
from playground.page.family.members import MEMBERS, Drawn, recipes, share
from playground.page.family.views import drawn as view
from playground.recipe import Recipe

SECTION = "family"
Frames = tuple[dict, dict | None]  # of the models and their paths, of what is inside them


def draw(recipe: Recipe, visitor: str | None = None) -> Iterator[Frames]:
    """Frames while they draw, then all there is to see; ValueError before anything is drawn.

    One after the other, so that each is timed alone. Closing the generator stops them.
    """
    asked = time.monotonic()
    state = [Drawn(*pair) for pair in zip(MEMBERS, recipes(recipe), strict=True)]
    yield view.message("Getting ready …", 0.0), None
    for one in state:
        model = one.member.model
        if not serving.opened(model):
            yield view.message(f"Loading the {one.member.label}: once …", share(state)), None
        session = serving.session(model)
        one.facts, one.prompt = session.facts, session.describe(one.recipe.prompt)
        with session.submit([one.recipe], visitor=visitor, section=SECTION, asked=asked) as run:
            for sentence in serving.waiting(run):
                yield view.message(sentence, share(state)), None
            yield from _followed(run, one, state)
        if one.picture is None:
            return
    yield data.finished(state), inside.of_runs(state)


def _followed(run: Run, one: Drawn, state: list[Drawn]) -> Iterator[Frames]:
    """Frames of one model's run; last why there is no picture, if there is none."""
    shown = 0.0
    for event in run:
        if isinstance(event, Failure):
            yield view.message(f"{one.member.label} failed: {event.reason}", error=True), None
            return
        if isinstance(event, Picture):
            one.picture = event
            return
        one.steps.append(event)
        if time.perf_counter() - shown > serving.FRAME:
            text = f"{one.member.label}: network call {len(one.steps)} of {event.count}."
            yield view.models(data.models(state), text, share(state)), None
            shown = time.perf_counter()
    yield view.message("Another run of yours took over."), None
