"""A fair race for the lecture: three samplers from one noise, each with as many network calls."""

import time
from collections.abc import Iterator
from dataclasses import replace

from playground.diffusion import samplers
from playground.engine.events import Failure, Picture, Step
from playground.page import fits, serving
from playground.page.samplers.views import lecture as view
from playground.recipe import Recipe
from playground.wording import counted

CALLS = 8
RACED = ("ddim", "dpmpp_2m", "heun")


def race(recipe: Recipe, visitor: str | None = None) -> Iterator[dict]:
    """The view's data; raises ValueError before anything is drawn. Closing it stops the lanes."""
    asked = time.monotonic()
    lanes = [
        serving.check(
            replace(recipe, sampler=name, eta=0.0, steps=samplers.get(name).steps_within(CALLS))
        )
        for name in RACED
    ]
    for sentence in serving.getting_ready(lanes[0]):
        yield view.message(sentence, 0.0)
    session, begun = serving.session(recipe.model, recipe.lora), time.perf_counter()
    labels = [f"{samplers.get(r.sampler).label}, {counted(r.steps, 'step')}" for r in lanes]
    latest: dict[int, Step] = {}
    ended: dict[int, view.Lane] = {}
    shown, done, total = 0.0, 0, session.price(lanes).calls
    with session.submit(lanes, visitor=visitor, section="fair", asked=asked) as run:
        for event in run:
            spent = time.perf_counter() - begun
            if isinstance(event, Failure):
                yield view.message(f"{labels[event.cell]} failed: {event.reason}", error=True)
                return
            if isinstance(event, Picture):
                label = labels[event.cell]
                ended[event.cell] = view.ended(label, event.calls, spent, event.image)
            elif isinstance(event, Step):
                latest[event.cell], done = event, done + 1
                if spent - shown > serving.FRAME and len(latest) == len(lanes):
                    shown = spent
                    found = [
                        ended.get(i)
                        or view.lane(labels[i], step.index + 1, step.count, spent, step.preview)
                        for i, step in sorted(latest.items())
                    ]
                    yield view.lanes(found, "Racing …", min(done / total, 0.99))
    if len(ended) < len(lanes):
        yield view.message("Another race of yours took over.")
        return
    exact = fits.of(recipe.model, recipe.lora).why_not("exact")
    yield view.lanes(
        [ended[i] for i in range(len(lanes))],
        f"{fits.whose(recipe)}, w = {recipe.guidance:g}: from one noise, {CALLS} network calls "
        "each where a sampler's steps allow it. "
        + (exact or "How far each is from the exact solution, the lab measures."),
    )
