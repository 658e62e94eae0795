"""The sessions that the page draws with: opened in the background, each loaded once."""

import functools
import gc
import math
import os
import threading
from collections.abc import Callable, Iterator

from playground import weighting, wording
from playground.diffusion import guidance, samplers
from playground.engine import opening
from playground.engine.session import Run, Session
from playground.engine.sessions import Opener, Sessions
from playground.engine.work import Limits, Work
from playground.hosting.settings import Settings
from playground.models import loras, offered, specs
from playground.page.kept import Kept
from playground.paths import ASSETS
from playground.recipe import Recipe

EXAMPLE = ASSETS / "example.json"  # shown on opening
FIRST_TIME = "Loading the model: once, about ten seconds …"
FRAME = 0.08  # seconds between preview frames: the browser needs no more
# Where steps come slowly because many draw, one in three is shown, but two in a second are: to send
# a preview takes a third of the processor's time that a row takes. In steps, and in seconds:
SOME, MOST = 2.5, 0.5
LONG = 5  # seconds of drawing that are said beforehand


class Pace:
    """Of which steps of a run that begins `now` previews are shown (seconds of `perf_counter`)."""

    def __init__(self, now: float):
        self._last, self._shown = now, -math.inf

    def due(self, now: float) -> bool:
        """Whether the preview of a step that ended `now` is shown."""
        pause = min(max(FRAME, SOME * (now - self._last)), MOST)
        self._last = now
        if now - self._shown < pause:
            return False
        self._shown = now
        return True


def borrows() -> bool:
    """Whether checkpoints are drawn on GPUs that are lent (ZeroGPU). What lends them must be known
    before the page is launched, so it is imported.
    """
    if os.environ.get("SPACES_ZERO_GPU", "").lower() not in ("1", "t", "true"):
        return False
    from playground.engine import zerogpu

    return bool(zerogpu)


def _open(model: str, lora: str, report) -> Session:
    """A new session. A faster backend is prepared in the background; until then PyTorch draws."""
    if borrows() and not specs.get(model).built_in:
        from playground.engine import zerogpu

        return zerogpu.open_session(model, lora, report, work())
    from playground.engine.local import open_session  # torch: not before the page is up

    one = open_session(model, lora, report, work())
    _in_background(one.prepare)
    return one


def _in_background(work: Callable[[], object]) -> None:
    """A process that exits meanwhile waits: if this were interrupted, the process would abort."""

    def run() -> None:
        try:
            work()
        except RuntimeError:
            if threading.main_thread().is_alive():
                raise  # else the process exits, and Python begins no more threads

    threading.Thread(target=run).start()


SESSIONS = Sessions(_open, lambda model: specs.get(model).nbytes, stamp=specs.written)


def draw_elsewhere(opener: Opener) -> None:
    """Sessions are opened by this from now on. To be said before the first one is."""
    global SESSIONS
    SESSIONS = Sessions(opener)  # their weights are not in this process: none is closed for them


@functools.lru_cache(maxsize=1)
def settings() -> Settings:
    """Of this process. Raises SettingsError for a variable that cannot be."""
    return Settings.from_environment()


@functools.lru_cache(maxsize=1)
def work() -> Work | None:
    """What visitors may ask for, over all models; None on one's own machine."""
    if not offered.others_can_reach():
        return None
    most = settings()
    return Work(Limits(most.cells, most.calls, most.seconds))


def stalled() -> float:
    """Seconds since an engine that has work went on; 0 if all do."""
    return max((one.stalled for one in SESSIONS.all()), default=0.0)


def waiting(run: Run) -> Iterator[str]:
    """Who is drawing before this run, sentence by sentence, until it begins."""
    for ahead in run.ahead():
        if ahead.others:
            who = "1 other is" if ahead.others == 1 else f"{ahead.others} others are"
            when = f", yours in about {max(1, ahead.seconds):.0f} s" if ahead.seconds else ""
            yield f"{who} drawing{when} …"


def session(model: str, lora: str = "") -> Session:
    """The session of that model, opened once even if several visitors ask at the same time."""
    offered.check(model, lora)
    name = specs.get(model).name
    _check(lora, name)
    return SESSIONS.get(name, lora)


def _check(lora: str, model: str) -> None:
    """Raises ValueError for a LoRA that cannot be used, before a model is fetched, or another one
    closed, for it.
    """
    if lora and not SESSIONS.opened(model, lora):
        loras.check(lora, model)


def opened(model: str, lora: str = "") -> Session | None:
    """The session of that model if asking for it takes no time; else None."""
    return SESSIONS.opened(specs.get(model).name, lora)


def opened_by_any(model: str) -> Session | None:
    """The session of that model with whatever LoRA, if one is open."""
    return SESSIONS.opened_by_any(specs.get(model).name)


def getting_ready(recipe: Recipe) -> Iterator[str]:
    """What to say while the recipe's model is opened, sentence by sentence; afterwards `session` of
    it takes no time. Raises ValueError if it cannot be opened; closing it cancels the opening.
    """
    if open_now := opened(recipe.model, recipe.lora):
        yield "Getting ready …" + expected(open_now, recipe)
        return
    spec = specs.get(recipe.model)
    if spec.built_in and not recipe.lora:
        yield FIRST_TIME
        session(recipe.model)
        return
    yield from opening_of(spec.name, recipe.lora)


def opening_of(text: str, lora: str = "") -> Iterator[str]:
    """What to say while the model that `text` names is downloaded and read; as `getting_ready`.

    Returns what recipes call it.
    """
    offered.check(text, lora)
    _check(lora, text)
    begun = opening.Opening(SESSIONS, text, lora)
    try:
        for now in begun:
            if now.state not in (opening.READY, opening.FAILED):
                yield now.sentence
    finally:
        begun.cancel()
    if now.state != opening.READY:
        raise ValueError(now.sentence)
    return now.name


def expected(one: Session, recipe: Recipe) -> str:
    """What drawing it will take, if that is long enough to be worth a word."""
    price = one.price([recipe])
    if not price.seconds or price.seconds < LONG:
        return ""
    return f" {wording.counted(price.calls, 'network call')}, about {price.seconds:.0f} s."


def measured(model: str, lora: str = "") -> Session:
    """The session, when it is known what its calls take: just after a faster backend has taken
    over, that has to be tried first.
    """
    one = session(model, lora)
    if not one.call_seconds():
        one.practise()
    return one


@functools.lru_cache(maxsize=1)
def kept() -> Kept:
    """The finished pictures of this process."""
    return Kept()


def ready(model: str) -> Session:
    """The session, when its fastest backend is there and has drawn a little."""
    one = SESSIONS.get(model)
    one.prepare()
    if threading.main_thread().is_alive():  # else the process exits: begin nothing new
        one.practise()
    return one


def warm_up() -> None:
    """Get the model ready that a visitor begins with, in the background.

    What there is by then stays, and is no garbage: nobody has to wait, half a second whenever
    somebody leaves, until it was looked through.
    """

    def warm() -> None:
        ready(Recipe().model)
        gc.collect()
        gc.freeze()

    _in_background(warm)


def check(recipe: Recipe) -> Recipe:
    """The recipe, with its model's full name and the digest of its weights, if this playground can
    draw it; else ValueError with a plain sentence.
    """
    offered.check(recipe.model, recipe.lora)
    spec = specs.get(recipe.model)
    if max(recipe.width, recipe.height) > spec.largest:
        raise ValueError(f"{spec.label} draws at most {spec.largest} pixels a side.")
    if refusal := samplers.get(recipe.sampler).refusal_of(spec.scheduler_config):
        raise ValueError(refusal)
    samplers.check_steps(recipe.sampler, spec.scheduler_config, recipe.steps)
    weighted = not all(weighting.read(text).plain for text in (recipe.prompt, recipe.negative))
    if weighted and not spec.cross_attention:
        raise ValueError(weighting.JOINT)
    guidance.guider(recipe.guider)
    guidance.schedule(recipe.guidance_schedule)
    return specs.pinned(recipe)
