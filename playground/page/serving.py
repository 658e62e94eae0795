"""The sessions that the page draws with: opened in the background, each loaded once."""

import functools
import threading

from playground.diffusion import guidance, samplers
from playground.engine.session import Session
from playground.engine.sessions import Sessions
from playground.models import offered, specs
from playground.page.kept import Kept
from playground.paths import ASSETS
from playground.recipe import Recipe

EXAMPLE = ASSETS / "example.json"  # shown on opening
FIRST_TIME = "Loading the model: once, about ten seconds …"
FRAME = 0.08  # seconds between preview frames: the browser needs no more


def _open(model: str, lora: str, report) -> Session:
    from playground.engine.local import open_session  # torch: not before the page is up

    return open_session(model, lora, report)


SESSIONS = Sessions(_open, lambda model: specs.get(model).nbytes)


def session(model: str, lora: str = "") -> Session:
    """The session of that model, opened once even if several visitors ask at the same time."""
    return SESSIONS.get(specs.get(model).name, lora)


def opened(model: str, lora: str = "") -> Session | None:
    """The session of that model if asking for it takes no time; else None."""
    return SESSIONS.opened(specs.get(model).name, lora)


def measured(model: str) -> Session:
    """The session, when it is known what its calls take: just after a faster backend has taken
    over, that has to be tried first.
    """
    one = SESSIONS.get(model)
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
    """Open the built-in model's session in the background.

    A faster backend is prepared after that; until then PyTorch draws. A process that exits
    meanwhile waits for the preparation: if it were interrupted, the process would abort.
    """

    def prepare() -> None:
        try:
            ready(Recipe().model)
        except RuntimeError:
            if threading.main_thread().is_alive():
                raise  # else the process exits, and Python begins no more threads

    threading.Thread(target=prepare).start()


def check(recipe: Recipe) -> Recipe:
    """The recipe, with its model's full name and the digest of its weights, if this playground can
    draw it; else ValueError with a plain sentence.
    """
    offered.check(recipe.model, recipe.lora)
    spec = specs.get(recipe.model)
    if max(recipe.width, recipe.height) > spec.largest:
        raise ValueError(f"{spec.label} draws at most {spec.largest} pixels a side.")
    samplers.get(recipe.sampler)
    guidance.guider(recipe.guider)
    guidance.schedule(recipe.guidance_schedule)
    return specs.pinned(recipe)
