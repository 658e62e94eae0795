"""From a recipe to what the views show, frame by frame."""

import functools
import secrets
import threading
import time
from collections.abc import Iterator

from playground.diffusion import guidance, samplers
from playground.models import specs
from playground.models.load import load
from playground.page.kept import Kept
from playground.page.studio.views import explorer
from playground.paths import ASSETS
from playground.recipe import Recipe

EXAMPLE = ASSETS / "example.json"  # shown on opening
FIRST_TIME = "Loading the model: once, about ten seconds …"
Frame = dict[str, dict]  # data for some of the page's views, by the view's name
FRAME = 0.08  # seconds between preview frames: the browser needs no more
_loading = threading.Lock()


@functools.lru_cache(maxsize=2)
def _engine(model: str):
    from playground.engine import backends  # torch, diffusers: not before the page is up
    from playground.engine.engine import Engine

    loaded = load(model)
    machine = Engine(loaded, network=backends.fastest(loaded))
    _practise(machine)
    return machine


def _practise(machine) -> None:
    """Draw a little with one row, two, and a full call.

    A first call of its size is slow: so the first picture is fast, and what calls take is measured
    before anybody asks what a race will take or what a row less saves.
    """
    for number, scale, steps in ((1, 1.0, 4), (1, 5.0, 4), (machine.max_rows // 2, 5.0, 2)):
        cells = [Recipe(steps=steps, seed=seed, guidance=scale) for seed in range(number)]
        list(machine.submit(cells))


def engine(model: str):
    """The engine of that model, loaded once even if several visitors ask at the same time."""
    with _loading:
        return _engine(model)


def loaded(model: str):
    """The engine, if loading it takes no time; else None."""
    return engine(model) if _engine.cache_info().currsize else None


def ready(model: str):
    """The engine, when its fastest backend is there and has drawn a little."""
    machine = engine(model)
    machine.network.prepare()
    if threading.main_thread().is_alive():  # else the process exits: begin nothing new
        _practise(machine)
    return machine


@functools.lru_cache(maxsize=1)
def kept() -> Kept:
    """The finished pictures of this process."""
    return Kept()


def warm_up() -> None:
    """Load the built-in model in the background.

    A faster backend is prepared after that; whoever draws meanwhile is served by PyTorch. A
    process that exits meanwhile waits for it: torn out of the middle it would abort.
    """

    def prepare() -> None:
        try:
            ready("emoji-world")
        except RuntimeError:
            if threading.main_thread().is_alive():
                raise  # else the process exits, and Python begins no more threads

    threading.Thread(target=prepare).start()


def check(recipe: Recipe) -> Recipe:
    """The recipe, if this playground can draw it; else ValueError with a plain sentence."""
    spec = specs.get(recipe.model)
    if max(recipe.width, recipe.height) > spec.largest:
        raise ValueError(f"{spec.label} draws at most {spec.largest} pixels a side.")
    samplers.get(recipe.sampler)
    guidance.guider(recipe.guider)
    guidance.schedule(recipe.guidance_schedule)
    return recipe


def draw(recipe: Recipe, owner: str | None = None) -> Iterator[Frame]:
    """What the views show, frame by frame; raises ValueError before anything is drawn.

    Closing the generator takes the picture out of the engine; so does a new one of this owner.
    """
    asked = time.monotonic()
    check(recipe)
    cold = not _engine.cache_info().currsize
    yield {"explorer": explorer.message(FIRST_TIME if cold else "Getting ready …")}
    machine = engine(recipe.model)
    with machine.submit([recipe], record=True, owner=owner, asked=asked) as run:
        yield from _frames(machine, recipe, run)


def _frames(machine, recipe: Recipe, run) -> Iterator[Frame]:
    from playground.engine.cells import Failure, Picture
    from playground.page.studio import data

    name, size = secrets.token_hex(4), (recipe.height, recipe.width)
    steps, started, shown = [], time.perf_counter(), 0.0
    for event in run:
        now = time.perf_counter()
        if isinstance(event, Failure):
            yield {"explorer": explorer.message(f"This picture failed: {event.reason}", error=True)}
        elif isinstance(event, Picture):
            yield data.finished(machine, steps, event, now - started)
        else:
            steps.append(event)
            if now - shown > FRAME:
                shown, done = now, event.index + 1
                left = (now - started) / done * (event.count - done)
                preview = event.preview(machine.model)
                shot = explorer.sampling(name, preview, size, done, event.count, left)
                yield {"explorer": shot}
