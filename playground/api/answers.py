"""What each endpoint does: values in, plain facts and pictures out."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image

from playground.api.service import Caller, Service
from playground.api.sheets import sheet
from playground.attention.summing import Aggregation
from playground.diffusion import samplers as sampler_table
from playground.engine.record import RunRecord
from playground.models import loras, offered, specs
from playground.page import fits, together
from playground.page.guidance import sweeping
from playground.page.guidance.axis import AXES, place
from playground.page.kept import Finished
from playground.page.samplers import race_files, race_plan
from playground.page.samplers.racing import Race, Runner
from playground.page.shared import overlay
from playground.recipe import FIELDS, Recipe, RecipeError
from playground.wording import counted


@dataclass(frozen=True)
class Answer:
    """`facts` are plain values for JSON; `pictures` are PNG files, the one to be shown first."""

    facts: dict[str, Any]
    pictures: dict[str, bytes] = field(default_factory=dict)


Values = Mapping[str, Any]


def recipe_of(values: Values) -> Recipe:
    """The recipe that the values describe: what is not said is the model's own, or its LoRA's."""
    said = {n: values[n] for n in FIELDS if values.get(n) is not None}
    name = said.get("model", Recipe().model)
    if not isinstance(name, str):
        raise RecipeError("Model must be text.")
    offered.check(name)
    spec, lora = specs.get(name), said.get("lora")
    made_for = loras.settings(lora) if isinstance(lora, str) else {}
    return replace(Recipe.for_model(spec.name, {**spec.defaults, **made_for}), **said)


def draw(values: Values, service: Service, caller: Caller) -> Answer:
    (run,), seconds = service.drawn([service.check(recipe_of(values))], caller)
    return Answer(_facts(run, seconds), {"picture": run.png()})


def explain(values: Values, service: Service, caller: Caller) -> Answer:
    recipe = service.check(recipe_of(values))
    (run,), seconds = service.drawn([recipe], caller, record=True)
    how = Aggregation.of(specs.get(recipe.model).card)
    maps = run.word_maps(how)
    if maps is None:
        raise RecipeError("At w = 0, or without words, no words are read: there are no word maps.")
    words: list[dict[str, Any]] = [
        {"text": w.text, "known": w.known, "content": w.content} for w in run.prompt.words
    ]
    facts = _facts(run, seconds) | {"words": words, "summed": str(how)}
    if values["maps"] == "arrays":
        facts["grid"] = list(maps.shape[1:])
        for word, map_ in zip(words, maps, strict=True):
            word["map"] = map_.astype(float).round(4).tolist()
        return Answer(facts, {"picture": run.png()})
    pictures = dict(_overlays(run, how, values["overlay"]))
    names = [run.recipe.prompt, *(word["text"] for word in words)]
    shown = sheet(
        [(_opened(png), text) for png, text in zip(pictures.values(), names, strict=True)]
    )
    for word, name in zip(words, list(pictures)[1:], strict=True):
        word["picture"] = name
    return Answer(facts, {"sheet": shown} | pictures)


def _overlays(run: RunRecord, how: Aggregation, kind: str) -> Iterator[tuple[str, bytes]]:
    """The picture, then it under each word's map."""
    from playground.attention import heatmaps  # torch: not before somebody asks

    image, maps = run.picture.image, run.word_maps(how)
    yield "picture", run.png()
    for i, map_ in enumerate(heatmaps.on_picture(maps, image, how)):
        yield f"word-{i + 1}", _png(overlay.laid(Image.fromarray(image), map_, kind))


def sweep(values: Values, service: Service, caller: Caller) -> Answer:
    base, axis = recipe_of(values), values["field"]
    listed = AXES[axis] if values["values"] is None else _listed(values["values"])
    recipes = [service.check(each) for each in sweeping.plan(base, axis, listed)]
    fit = fits.of(base.model, base.lora)
    if axis in fit.unused:
        raise RecipeError(f"A sweep of this would draw equal pictures. {fit.why_unused}")
    runs, seconds = service.drawn(recipes, caller)
    frames, pictures, cells = [], {}, []
    for i, run in enumerate(runs):
        value = getattr(run.recipe, axis)
        name, called = f"picture-{i + 1}", place(axis, value)[1]
        pictures[name] = run.png()
        frames.append({"value": value, "picture": name} | _costs(run) | {"verdict": verdict(run)})
        cells.append((Image.fromarray(run.picture.image), called))
    facts = {"field": axis, "frames": frames, "seconds": seconds}
    return Answer(facts, {"sheet": sheet(cells, base.prompt)} | pictures)


def race(values: Values, service: Service, caller: Caller) -> Answer:
    recipe, unit = service.check(recipe_of(values)), values["unit"]
    names = values["samplers"]
    if names is None:
        names = [one.name for one in fits.of(recipe.model, recipe.lora).general]
    lanes = race_plan.plan(
        recipe, names, _listed(values["counts"]), _listed(values["guidances"] or ()), unit
    )
    runs, seconds = service.drawn([lane.recipe for lane in lanes], caller)
    told, pictures, runners = [], {}, []
    for i, (lane, run) in enumerate(zip(lanes, runs, strict=True)):
        name = f"picture-{i + 1}"
        pictures[name] = run.png()
        told.append(
            {"sampler": lane.recipe.sampler, "count": lane.count, "steps": lane.recipe.steps,
             "guidance": lane.recipe.guidance, "picture": name} | _costs(run)
        )  # fmt: skip
        runners.append(Runner(lane, together.calls(lane.recipe), None, Finished.of(run)))
    text = counted(len(lanes), "lane")
    shown = race_files.png(Race("", unit, tuple(runners), text, 1.0), "sampler", "count", None)
    facts = {"unit": unit, "lanes": told, "seconds": seconds}
    return Answer(facts, {"sheet": shown} | pictures)


def models(values: Values, service: Service, caller: Caller) -> Answer:
    """What is read of a model's files; nothing is loaded."""
    built_in = [_model(spec) for spec in specs.MODELS.values()]
    others = list(offered.allow_list()) if offered.others_can_reach() else None
    return Answer({"models": built_in, "others": others})


def _model(spec: specs.ModelSpec) -> dict[str, Any]:
    usual, fit = Recipe.for_model(spec.name, spec.defaults), fits.of(spec.name)
    return {
        "name": spec.name, "label": spec.label, "about": spec.sentence, "side": spec.side,
        "largest_side": spec.largest, "multiple": fit.multiple, "guidance": fit.guidance.sentence,
        "defaults": {n: getattr(usual, n) for n in specs.OWN if n not in ("model", "weights")},
        "samplers": [one.name for one in fit.samplers], "unused": list(fit.unused),
    }  # fmt: skip


def samplers(values: Values, service: Service, caller: Caller) -> Answer:
    return Answer({"samplers": [
        {"name": one.name, "label": one.label, "about": one.sentence, "order": one.order,
         "calls_per_step": one.calls, "stochastic": one.stochastic, "uses_eta": one.uses_eta,
         "source": one.source}
        for one in sampler_table.SAMPLERS.values()
    ]})  # fmt: skip


# Parts of answers.


def verdict(run: RunRecord) -> dict[str, Any] | None:
    """What the oracle sees of what was asked; None for models whose pictures it does not know."""
    recipe = run.recipe
    if recipe.lora or fits.of(recipe.model).why_not("oracle"):
        return None
    from playground.world import measures  # torch: not before somebody asks

    try:
        found = measures.judged(recipe.prompt, run.picture.image)
    except measures.UnjudgeableError as reason:
        return {"right": None, "reason": str(reason)}
    return {
        "right": found.right, "asked": found.asked, "seen": found.seen,
        "missing": list(found.missing), "not_asked_for": list(found.extra),
    }  # fmt: skip


def _facts(run: RunRecord, seconds: float) -> dict[str, Any]:
    recipe = run.recipe
    return {
        "recipe": recipe.to_dict(), "link": f"?r={recipe.to_query()}",
        "seconds": seconds, **_costs(run), "verdict": verdict(run),
    }  # fmt: skip


def _costs(run: RunRecord) -> dict[str, int]:
    return {"network_calls": run.picture.calls, "rows": run.picture.rows}


def _listed(values: Sequence) -> str:
    """As the page's text fields have it, which are checked in one place."""
    return ", ".join(map(str, values))


def _opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
