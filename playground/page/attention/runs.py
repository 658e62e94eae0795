"""What the Attention lens asks of the engine: a closer look, a place worked out, an edit."""

import time
from collections.abc import Iterator
from dataclasses import replace

from playground.page.attention.views import attention, edits, worked
from playground.page.serving import FRAME, check, engine
from playground.recipe import Recipe

Frame = dict[str, dict]  # data for some of the lens's views, by the view's name


def closer(recipe: Recipe, owner: str | None = None) -> Iterator[Frame]:
    """Draw `recipe` with every head recorded; raises ValueError before anything is drawn."""
    asked = time.monotonic()
    check(recipe)
    yield {"attention": attention.message("Getting ready …")}
    machine = engine(recipe.model)
    from playground.engine.cells import Failure, Picture
    from playground.page.attention import data

    steps, started, shown = [], time.perf_counter(), 0.0
    whose = owner and f"{owner} attention"
    with machine.submit([recipe], heads=True, owner=whose, asked=asked) as run:
        for event in run:
            now = time.perf_counter()
            if isinstance(event, Failure):
                text = f"This picture failed: {event.reason}"
                yield {"attention": attention.message(text, error=True)}
            elif isinstance(event, Picture):
                yield data.finished(machine.model, steps, event, now - started)
            else:
                steps.append(event)
                if now - shown > FRAME:
                    shown, done = now, event.index + 1
                    left = (now - started) / done * (event.count - done)
                    text = f"Recording call {done} of {event.count}, about {left:.1f} s left"
                    yield {"attention": attention.message(text, done / event.count)}


def place(link: str, step: int, x: float, y: float, timestep: float, noisy: str) -> dict:
    """The computation of one place, from what the network saw there. Raises ValueError."""
    recipe = check(Recipe.from_query(link))
    numbers = (step, x, y, timestep)
    if any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        raise ValueError("A place is two numbers of a step.")
    if not (0 <= x < 1 and 0 <= y < 1 and 0 <= timestep < 1000 and 0 <= step < 1000):
        raise ValueError("This place is outside the picture: both of its numbers lie from 0 to 1.")
    model = engine(recipe.model).model
    from playground.attention.worked import work_out
    from playground.page.attention import data

    prompt = model.encode(recipe.prompt)
    latents = data.latents(noisy, recipe, model)
    layers = work_out(model, latents, timestep, prompt, x, y)
    columns = int(prompt.columns.max()) + 1
    tokens = ["start", *prompt.names[1:-1], "end", "all padding"][:columns]
    shown = [
        worked.Layer(
            layer.name, layer.grid, layer.place, layer.width,
            layer.scores.numpy(), layer.weights.numpy(), layer.moves.numpy(), layer.moved.numpy(),
            layer.total, layer.feature,
        )
        for layer in layers
    ]  # fmt: skip
    return worked.worked(tokens, prompt.content, int(step), shown)


def middle(look: dict) -> dict:
    """The computation of a finished look's middle, at its last step."""
    last = len(look["noisy"]) - 1
    return place(look["link"], last, 0.5, 0.5, look["timesteps"][last], look["noisy"][last])


def edit(ask: dict, owner: str | None = None) -> Iterator[dict]:
    """Draw a picture and its edit from the same noise; raises ValueError before it begins.

    `ask` is what the form says: `kind`, the source's `link`, and what that kind needs.
    """
    asked = time.monotonic()
    yield edits.message("Getting ready …")
    source = check(Recipe.from_query(str(ask.get("link"))))
    if source.guidance == 0:
        raise ValueError("At w = 0 the words are not read, so there is no attention to edit.")
    machine = engine(source.model)
    from playground.engine.cells import Failure, Picture
    from playground.page.attention import data

    recipe, plan, touched = _planned(machine.model, source, ask)
    steps, pictures, started, shown = ([], []), [], time.perf_counter(), 0.0
    both, whose = [source, recipe], owner and f"{owner} edit"
    with machine.submit(both, record=True, plan=plan, owner=whose, asked=asked) as run:
        for event in run:
            now = time.perf_counter()
            if isinstance(event, Failure):
                yield edits.message(f"This edit failed: {event.reason}", error=True)
                return
            if isinstance(event, Picture):
                pictures.append(event)
                continue
            steps[event.cell].append(event)
            if event.cell == 1 and now - shown > FRAME:
                shown, done = now, event.index + 1
                left = (now - started) / done * (event.count - done)
                latest = [s[-1].preview(machine.model) for s in steps]
                yield edits.sampling(latest, done, event.count, left)
    if len(pictures) == 2:  # else it was cancelled
        pictures.sort(key=lambda picture: picture.cell)
        prompts = tuple(machine.model.encode(r.prompt) for r in (source, recipe))
        seconds = time.perf_counter() - started
        yield data.edited(prompts, touched, steps, pictures, seconds)


def _planned(model, source: Recipe, ask: dict):
    """The edited recipe, the plan, and the positions of the words it is about in both prompts."""
    from playground.attention import editing

    prompt, share, kind = model.encode(source.prompt), ask.get("share"), ask.get("kind")
    if kind == "reweight":
        weights = {int(k): v for k, v in dict(ask.get("weights") or {}).items() if v != 1}
        touched = sorted(weights)
        return source, editing.reweight(prompt, weights, share), (touched, touched)
    if kind == "swap":
        word = editing.find(prompt.words, str(ask.get("word")), ask.get("which"))
        text = editing.swapped(prompt, word.text, str(ask.get("by")), ask.get("which"))
        edited = model.encode(replace(source, prompt=text).prompt)
        plan = editing.swap(prompt, edited, share)
        at = [prompt.words.index(word)]
        touched = at, [i for i, w in enumerate(edited.words) if set(w.tokens) & set(word.tokens)]
    elif kind == "refine":
        edited = model.encode(replace(source, prompt=str(ask.get("prompt"))).prompt)
        plan = editing.refine(prompt, edited, share)
        new = {i for i, a in enumerate(plan.source_of.tolist()) if a == editing.NEW}
        touched = [], [i for i, w in enumerate(edited.words) if set(w.tokens) & new]
    else:
        raise ValueError(f"There is no edit {kind!r}; there are: swap, refine, reweight.")
    return replace(source, prompt=edited.text), plan, touched
