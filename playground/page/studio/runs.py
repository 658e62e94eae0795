"""Draw a recipe for the Studio and for the views that follow its run, frame by frame."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

from playground.engine.events import Failure, Step
from playground.engine.record import RunRecord, records
from playground.engine.session import Session
from playground.page import serving
from playground.page.lens import Frame
from playground.page.studio.views import explorer
from playground.recipe import Recipe

SECTION = "draw"


@dataclass(frozen=True, eq=False)
class Finished:
    """A run, and the seconds that the visitor waited for it."""

    run: RunRecord
    seconds: float


def draw(
    recipe: Recipe, visitor: str | None = None, section: str = SECTION, asked: float | None = None,
    previews: bool = True,
) -> Iterator[Frame | Finished]:  # fmt: skip
    """Frames while it is drawn, if `previews` are wanted, and at the end the run; raises ValueError
    before anything is drawn.

    Closing the generator cancels the picture; so does one of this visitor in the same `section`
    that was `asked` for later (by default: now).
    """
    asked = time.monotonic() if asked is None else asked
    recipe = serving.check(recipe)
    known = bool(serving.opened(recipe.model, recipe.lora))
    if not known:
        for sentence in serving.getting_ready(recipe):
            yield {"explorer": explorer.message(sentence)}
    session = serving.session(recipe.model, recipe.lora)
    with session.submit(
        [recipe], record=True, visitor=visitor, section=section, asked=asked
    ) as run:
        if previews:
            for sentence in serving.waiting(run):
                known = False  # something is said already: a frame of each of fifty takes its time
                yield {"explorer": explorer.message(sentence)}
            for sentence in serving.getting_ready(recipe) if known else ():
                yield {"explorer": explorer.message(sentence)}
        for frame in _frames(session, recipe, run):
            if previews or isinstance(frame, Finished) or "preview" not in frame["explorer"]:
                yield frame


def _frames(session: Session, recipe: Recipe, run) -> Iterator[Frame | Finished]:
    name, size = secrets.token_hex(4), (recipe.height, recipe.width)
    started = time.perf_counter()
    pace = serving.Pace(started)
    for event in records(session, run):
        now = time.perf_counter()
        if isinstance(event, Failure):
            yield {"explorer": explorer.message(f"This picture failed: {event.reason}", error=True)}
        elif isinstance(event, RunRecord):
            yield Finished(event, now - started)
        elif isinstance(event, Step) and pace.due(now):
            done = event.index + 1
            left = (now - started) / done * (event.count - done)
            shot = explorer.sampling(name, event.preview, size, done, event.count, left)
            yield {"explorer": shot}
