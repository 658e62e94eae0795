"""What the Attention lens asks of the session: a closer look, a position worked out, an edit.

`visitor` names who asks. What a view asks for is checked: a browser may send anything.
"""

import time
from collections.abc import Iterator, Mapping

from playground import weighting
from playground.diffusion import guidance
from playground.engine.events import Failure, Step
from playground.engine.record import RunRecord, records
from playground.engine.session import Edit, PromptFacts
from playground.page import fits, serving
from playground.page.attention import data, keep
from playground.page.attention.look import Look, look_of
from playground.page.attention.views import attention, edits, worked
from playground.page.lens import Frame
from playground.page.shared import saved
from playground.recipe import Recipe

LOOK, AGAIN, EDIT = "attention", "attention again", "edit"  # sections
NOTHING = "There is nothing to keep yet: look closer first."
UNREAD = "At w = 0 the words are not read, so there is nothing to work out."
WEIGHTED = "Weights in a prompt multiply attention after the softmax that is worked out here."
ONCE_MORE = "Drawing this picture once more, because its numbers are not stored …"


def closer(
    recipe: Recipe, visitor: str | None = None, section: str = LOOK
) -> Iterator[dict | Look]:
    """Draw `recipe` with every head recorded: the laboratory's messages, then the look.

    Raises ValueError before anything is drawn, and if it fails.
    """
    asked = time.monotonic()
    recipe = serving.check(recipe)
    for sentence in serving.getting_ready(recipe):
        yield attention.message(sentence)
    session = serving.session(recipe.model, recipe.lora)
    started, shown = time.perf_counter(), 0.0
    with session.submit([recipe], heads=True, visitor=visitor, section=section, asked=asked) as run:
        for sentence in serving.waiting(run):
            yield attention.message(sentence)
        for event in records(session, run):
            now = time.perf_counter()
            if isinstance(event, Failure):
                raise ValueError(f"This picture failed: {event.reason}")
            if isinstance(event, RunRecord):
                yield look_of(event, now - started)
            elif isinstance(event, Step) and now - shown > serving.FRAME:
                shown, done = now, event.index + 1
                left = (now - started) / done * (event.count - done)
                text = f"Recording call {done} of {event.count}, about {left:.1f} s left"
                yield attention.message(text, done / event.count)


def finished(look: Look) -> Frame:
    """Data of all that begins with a look: the laboratory, its middle worked out at the last call,
    and the form for edits.
    """
    recipe, last = look.recipe, len(look.latents) - 1
    words = serving.session(recipe.model, recipe.lora).describe(recipe.prompt).words
    worked_out, edit = (fits.of(recipe.model, recipe.lora).why_not(p) for p in ("worked", "edits"))
    worked_out = worked_out or _weighted(recipe) or _unread(look, last)
    return {
        "attention": data.laboratory(look),
        "worked": worked.unfit(worked_out) if worked_out else _worked(look, last, 0.5, 0.5),
        "edits": (
            edits.unfit(edit) if edit else edits.ready(recipe.prompt, words, recipe.to_query())
        ),
    }


def place(
    ask: Mapping, held: Look | None, visitor: str | None = None
) -> Iterator[tuple[dict, Look | None]]:
    """The computation at one spatial position: `step`, `x` and `y` of the look at `link`.

    Yields what the view shows and, if it was not `held`, the look. Raises ValueError with a
    plain sentence.
    """
    step, x, y = (ask.get(name) for name in ("step", "x", "y"))
    if not all(map(_is_number, (step, x, y))):
        raise ValueError("A position is given by numbers: step, x and y.")
    if not (0 <= x < 1 and 0 <= y < 1):
        raise ValueError("This position is outside the picture: x and y must lie between 0 and 1.")
    look = _held(ask, held)
    recipe = look.recipe if look else Recipe.from_query(ask.get("link"))
    fits.require(recipe, "worked")
    if reason := _weighted(recipe):
        raise ValueError(reason)
    if look is None:
        yield worked.message(ONCE_MORE), None
        look = _again(ask, visitor)
    if look is None:  # asked for again meanwhile
        return
    if step not in range(len(look.latents)):
        raise ValueError(f"There is no such step: this picture has {len(look.latents)}.")
    if reason := _unread(look, int(step)):
        raise ValueError(reason)
    yield _worked(look, int(step), x, y), look


def kept(
    ask: Mapping, held: Look | None, visitor: str | None = None
) -> Iterator[tuple[dict, Look | None]]:
    """A file of the look at `link`, as `place` yields it; `kind` says which (see `keep.KEPT`)."""
    keep.check(ask.get("kind"))
    look = _held(ask, held)
    if look is None and ask.get("link") is None:
        raise ValueError(NOTHING)
    if look is None:
        yield saved.message(ONCE_MORE), None
        look = _again(ask, visitor)
    if look:
        yield saved.file(*keep.file(ask["kind"], look, ask.get("overlay"))), look


def _weighted(recipe: Recipe) -> str:
    """Why a position of this recipe is not worked out; empty if it is."""
    return "" if weighting.read(recipe.prompt).plain else WEIGHTED


def _unread(look: Look, step: int) -> str:
    """Why a position is not worked out at this step of the look; empty if it is."""
    fit = fits.of(look.recipe.model, look.recipe.lora)
    w = guidance.scale_at(look.recipe, step, len(look.timesteps))
    return "" if guidance.COND in guidance.branches(w, fit.guidance) else UNREAD


def _held(ask: Mapping, held: Look | None) -> Look | None:
    """The held look, if it is of the picture that the page shows."""
    link = ask.get("link")
    return held if held and link in (None, held.recipe.to_query()) else None


def _again(ask: Mapping, visitor: str | None) -> Look | None:
    """The look, drawn again, at a picture that the page shows but that is not held: the example, or
    one from before the connection was lost. None if it was asked for again meanwhile.
    """
    recipe = Recipe.from_query(ask.get("link"))
    return next((e for e in closer(recipe, visitor, AGAIN) if isinstance(e, Look)), None)


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _worked(look: Look, step: int, x: float, y: float) -> dict:
    recipe = look.recipe
    session, prompt = serving.session(recipe.model, recipe.lora), recipe.prompt
    w = guidance.scale_at(recipe, step, len(look.timesteps))
    layers = session.work_out(prompt, look.latents[step], look.timesteps[step], x, y, w)
    said = session.describe(prompt)
    return worked.worked(_columns(said), said.content, step, layers)


def _columns(said: PromptFacts) -> list[str]:
    """What the view calls the columns of a prompt's token maps."""
    names, called = iter(said.names), []
    for role in said.roles:
        name = "all padding" if role == "padding" else next(names)
        called.append(role if role in ("start", "end") else name)
    return called


def edit(ask: Mapping, visitor: str | None = None) -> Iterator[dict]:
    """Draw a picture, its edit, and the edited words alone from the same noise; raises ValueError
    before it begins.

    `ask` is what the form says: `kind`, the source's `link`, and what that kind needs.
    """
    asked = time.monotonic()
    source, wanted = serving.check(Recipe.from_query(ask.get("link"))), _edit(ask)
    fits.require(source, "edits")
    for sentence in serving.getting_ready(source):
        yield edits.message(sentence)
    session = serving.session(source.model, source.lora)
    plan = session.plan(source, wanted)
    latest, drawn, started, shown = {}, {}, time.perf_counter(), 0.0
    with session.submit(
        [source], edit=wanted, record=True, visitor=visitor, section=EDIT, asked=asked
    ) as run:
        for sentence in serving.waiting(run):
            yield edits.message(sentence)
        for event in records(session, run):
            now = time.perf_counter()
            if isinstance(event, Failure):
                yield edits.message(f"This edit failed: {event.reason}", error=True)
                return
            if isinstance(event, RunRecord):
                drawn[event.picture.cell] = event
            elif isinstance(event, Step):
                latest[event.cell] = event
                if event.cell == 1 and 0 in latest and now - shown > serving.FRAME:
                    shown, done = now, event.index + 1
                    left = (now - started) / done * (event.count - done)
                    previews = [latest[cell].preview for cell in sorted(latest)]
                    yield edits.sampling(previews, done, event.count, left)
    if len(drawn) == (2 if plan.recipe == source else 3):  # else it was cancelled
        runs = [drawn[cell] for cell in sorted(drawn)]
        yield data.edited(runs, plan.touched, time.perf_counter() - started)


def _edit(ask: Mapping) -> Edit:
    """The edit of the form. What is no text counts as empty; the plan then says what is missing."""

    def text(name: str) -> str:
        return ask[name] if isinstance(ask.get(name), str) else ""

    which = ask.get("which")
    return Edit(
        text("kind"), ask.get("share"), text("word"), which if type(which) is int else None,
        text("by"), text("prompt"), _weights(ask.get("weights")),
    )  # fmt: skip


def _weights(found) -> dict[int, float]:
    """By the word's number; JSON knows such names as text only."""
    named = found if isinstance(found, dict) else {}
    try:
        return {int(number): weight for number, weight in named.items()}
    except (TypeError, ValueError) as error:
        raise ValueError("A weight belongs to a word by its number.") from error
