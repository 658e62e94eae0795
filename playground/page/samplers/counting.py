"""The steps misconception: step 10 of 20 is not what 10 steps draw."""

import time
from collections.abc import Iterator
from dataclasses import asdict, replace

import gradio as gr
import numpy as np

from playground.diffusion.samplers import fewest_steps
from playground.engine.events import Failure, Picture, Step
from playground.engine.session import Run, Session
from playground.models import specs
from playground.page import fits, sections, serving
from playground.page.samplers.views import counting
from playground.page.sections import Section
from playground.page.shared.view import data_url
from playground.recipe import Recipe, RecipeError

COLUMNS = 10
COUNTERS = 4  # at the same time
ALONE = {1: "One step has", 2: "Two steps, the fewest of this model, have"}
TEXT = (
    "### Is step 10 of 20 what 10 steps draw?\n"
    "A run of N steps spreads them from much noise to none. If it is stopped half-way, its second "
    "half is missing. A run of half as many steps goes all the way to no noise, in longer steps."
)


def numbers(steps: int, fewest: int = 1) -> list[int]:
    """At most COLUMNS numbers of steps from `fewest` to `steps`, evenly spread."""
    count, most = min(COLUMNS, steps), steps - fewest
    return sorted({round(fewest + i * most / max(count - 1, 1)) for i in range(count)})


def compare(recipe: Recipe, visitor: str | None = None) -> Iterator[dict]:
    """The view's data; raises ValueError before anything is drawn. Closing it stops the runs."""
    asked = time.monotonic()
    recipe = serving.check(recipe)
    fewest = fewest_steps(specs.get(recipe.model).scheduler_config)
    if recipe.steps <= fewest:
        raise RecipeError(
            f"{ALONE[fewest]} nothing to be compared with: set {fewest + 1} steps or more."
        )
    counts = numbers(recipe.steps, fewest)
    for sentence in serving.getting_ready(recipe):
        yield counting.message(f"{sentence} {len(counts)} runs, {sum(counts)} steps.", 0.0)
    session, begun = serving.session(recipe.model, recipe.lora), time.perf_counter()
    recipes = [replace(recipe, steps=n) for n in counts]
    with session.submit(recipes, visitor=visitor, section="counting", asked=asked) as run:
        for sentence in serving.waiting(run):
            yield counting.message(sentence, 0.0)
        yield from _compared(session, recipes, run, begun)


def _compared(session: Session, recipes: list[Recipe], run: Run, begun: float) -> Iterator[dict]:
    steps, pictures, done = [], {}, 0
    total, shown = sum(r.steps for r in recipes), 0.0
    for event in run:
        if isinstance(event, Failure):
            yield counting.message(f"One of the runs failed: {event.reason}", error=True)
            return
        if isinstance(event, Picture):
            pictures[event.cell] = event
            continue
        done += 1
        if event.cell == len(recipes) - 1:
            steps.append(event)
        if time.perf_counter() - shown > serving.FRAME:
            yield counting.message(f"Drawing {len(recipes)} runs …", min(done / total, 0.99))
            shown = time.perf_counter()
    if len(pictures) < len(recipes):
        yield counting.message("Another comparison of yours took over.")
        return
    spent = time.perf_counter() - begun
    yield counting.finished(
        _columns(session, [r.steps for r in recipes], steps, pictures),
        f"{fits.whose(recipes[0])}: {len(recipes)} runs from one noise in {spent:.1f} s.",
    )


def _columns(
    session: Session, counts: list[int], steps: list[Step], pictures: dict[int, Picture]
) -> list[counting.Column]:
    """`steps` are of the longest run. A solver's calls are a little more than its steps, or two
    per step: after k of n steps comes call k·calls/n, rounded up.
    """
    states, clean = [], []
    for n in counts:
        following = -(-n * len(steps) // counts[-1])
        last = following == len(steps)
        states.append(pictures[len(counts) - 1].latents if last else steps[following].latents)
        clean.append(steps[following - 1].clean["guided"])
    rows = [session.decode(np.stack(part)) for part in (states, clean)]
    return [
        counting.Column(n, data_url(rows[0][i]), data_url(rows[1][i]), data_url(pictures[i].image))
        for i, n in enumerate(counts)
    ]


def build() -> Section:
    """Lay out the section inside the surrounding gradio context."""
    gr.Markdown(TEXT)
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("counting", "Compare")
    view = gr.HTML(None, **asdict(counting.VIEW), elem_id="counting")
    return Section(start, stop, [view], counting, compare, COUNTERS)
