"""The lecture's self-check: five questions, whose answers are measured on the visitor's recipe."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from playground.diffusion import samplers
from playground.diffusion.errors import rmse
from playground.engine.events import Failure, Step
from playground.engine.record import RunRecord, records
from playground.engine.session import Session
from playground.page import fits, serving
from playground.page.lecture.views import check as view
from playground.page.lecture.views.check import Answer
from playground.recipe import Recipe, RecipeError
from playground.wording import counted, percent

LONG, SHORT = 20, 10  # steps of the two runs that are drawn
WORDLESS = "The questions are about words: type some first."
KEPT = ("prompt", "seed", "width", "height")  # of the visitor's recipe


@dataclass(frozen=True, eq=False)
class Drawn:
    """What is measured: a run of LONG steps with its word maps, and one of SHORT steps."""

    session: Session
    long: RunRecord
    short: RunRecord


@dataclass(frozen=True)
class Question:
    """`measure` says which option is right, and by what."""

    name: str
    text: str
    options: tuple[str, ...]
    measure: Callable[[Drawn], Answer]


def recipe_of(recipe: Recipe) -> Recipe:
    """The visitor's words, seed and size, drawn by the model that the lecture is about."""
    usual = fits.of(Recipe().model).usual
    kept = {name: getattr(recipe, name) for name in KEPT}
    if not kept["prompt"].strip():
        raise RecipeError(WORDLESS)
    return replace(usual, **kept, sampler="ddim", steps=LONG)


def measure(recipe: Recipe, visitor: str | None = None) -> Iterator[dict]:
    """The view's data; raises ValueError before anything is drawn. Closing it stops the runs."""
    asked = time.monotonic()
    recipe = serving.check(recipe_of(recipe))
    for sentence in serving.getting_ready(recipe):
        yield view.message(sentence, 0.0)
    session, begun = serving.session(recipe.model), time.perf_counter()
    pair, drawn, done, shown = [recipe, replace(recipe, steps=SHORT)], {}, 0, 0.0
    if not session.describe(recipe.prompt).words:
        raise RecipeError(WORDLESS)
    with session.submit(pair, record=True, visitor=visitor, section="check", asked=asked) as run:
        for event in records(session, run):
            if isinstance(event, Failure):
                raise RecipeError(f"This could not be measured: {event.reason}")
            if isinstance(event, RunRecord):
                drawn[event.picture.cell] = event
            elif isinstance(event, Step):
                done += 1
                if time.perf_counter() - shown > serving.FRAME:
                    shown = time.perf_counter()
                    yield view.message("Measuring …", min(done / (LONG + SHORT), 0.99))
    if len(drawn) < len(pair):
        yield view.message("Another measurement of yours took over.")
        return
    found = Drawn(session, drawn[0], drawn[1])
    spent = time.perf_counter() - begun
    yield view.answers(
        [question.measure(found) for question in QUESTIONS],
        f"Measured in {spent:.1f} s on “{recipe.prompt}”, seed {recipe.seed}.",
    )


def _calls(drawn: Drawn) -> Answer:
    heun, ddim = (samplers.get(name).label for name in ("heun", "ddim"))
    recipe = drawn.long.recipe
    ten, fifteen = (
        drawn.session.price([replace(recipe, sampler=name, steps=steps)]).calls
        for name, steps in (("heun", 10), ("ddim", 15))
    )
    said = f"{heun} with 10 steps: {counted(ten, 'network call')}; {ddim} with 15: {fifteen}."
    return Answer(0 if ten > fifteen else 1 if ten < fifteen else 2, said)


def _rows(drawn: Drawn) -> Answer:
    recipe = drawn.long.recipe
    guided, plain = (drawn.session.price([replace(recipe, guidance=w)]).rows for w in (5.0, 1.0))
    said = f"At w = 5 {counted(guided, 'row')}, at w = 1 {plain}."
    return Answer({1.0: 0, 0.5: 1}.get(plain / guided, 2), said)


def _latents(drawn: Drawn) -> Answer:
    picture, latents = drawn.long.picture.image.size, drawn.long.picture.latents.size
    times = picture / latents
    said = f"{picture:,} numbers of the picture are {latents:,} in the latents: {times:.0f} times."
    return Answer(int(np.argmin([abs(times - n) for n in (1, 12, 48)])), said)


def _attention(drawn: Drawn) -> Answer:
    masses = drawn.long.masses()
    start, content, _, padding = masses[max(masses)].mean(0)  # on the finest grid
    said = f"Words {percent(content)}, start token {percent(start)}, padding {percent(padding)}."
    return Answer(int(np.argmax([content, start, padding])), said)


def _stopped(drawn: Drawn) -> Answer:
    end = drawn.long.picture.image
    state = drawn.session.decode(drawn.long.steps[SHORT].latents[None])[0]
    stopped, short = (
        float(rmse(image[None].astype(float), end[None].astype(float))[0])
        for image in (state, drawn.short.picture.image)
    )
    said = (
        f"RMSE to the finished picture: stopped after {SHORT} of {LONG} steps {stopped:.0f} of "
        f"255, a run of {SHORT} steps {short:.0f}."
    )
    return Answer(0 if stopped < short else 1, said)


QUESTIONS = (
    Question("calls", "Which costs more network calls?",
             ("Heun with 10 steps", "DDIM with 15 steps", "both the same"), _calls),
    Question("rows", "You go from w = 5 to exactly w = 1. How many rows does the network compute?",
             ("as many as before", "half as many", "twice as many"), _rows),
    Question("latents", "How many times fewer numbers than the picture do its latents have?",
             ("equally many", "about 12 times fewer", "about 48 times fewer"), _latents),
    Question("attention", "Where does most of the attention go, on the finest grid?",
             ("to the words", "to the start token", "to the padding behind the words"), _attention),
    Question("stopped", "Which is nearer to a finished picture of 20 steps?",
             ("that run, stopped after 10 steps", "a run of 10 steps"), _stopped),
)  # fmt: skip
