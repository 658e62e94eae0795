"""What the Guidance lens shows of a finished run."""

import json

import numpy as np

from playground.attention import heatmaps
from playground.attention.heatmaps import Aggregation
from playground.diffusion import guidance, samplers
from playground.diffusion.guidance import COND, UNCOND
from playground.engine.cells import Picture, Step
from playground.engine.engine import Engine
from playground.models import specs
from playground.models.latent import LatentModel, Prompt
from playground.page.guidance import sweeping
from playground.page.guidance.views import filmstrip, lookahead
from playground.recipe import FIELDS, Recipe
from playground.wording import counted


def of_run(
    machine: Engine, prompt: Prompt, steps: list[Step], picture: Picture, png: bytes
) -> dict[str, dict]:
    """Data of the lens's views, by their names; `png` is the picture with its recipe."""
    look = lookahead.finished(
        moments=[_moment(machine.model, step) for step in steps],
        scale=picture.recipe.guidance,
        words=_words(prompt, steps),
        text=_cost(picture, machine),
        without="with the negative words" if picture.recipe.negative else "without words",
        notes=_notes(picture.recipe),
    )
    frame = finished_frame(prompt, steps, picture, png, "guidance")
    return {"lookahead": look, "filmstrip": strip_of(picture.recipe, "guidance", [frame])}


def finished_frame(
    prompt: Prompt, steps: list[Step], picture: Picture, png: bytes, axis: str
) -> dict:
    """The picture as part of a strip along `axis`, with its words' maps over all steps."""
    recipe = picture.recipe
    calls, rows = counted(picture.calls, "network call"), counted(picture.rows, "row")
    shared = f", {picture.shared} of them shared" * bool(picture.shared)
    return filmstrip.finished(
        *sweeping.place(axis, getattr(recipe, axis)),
        size=(recipe.height, recipe.width),
        png=png,
        words=_mean_words(prompt, steps, recipe),
        text=f"{calls}, {rows}{shared}, by {' and '.join(picture.networks)}.",
        link=recipe.to_query(),
    )


def strip_of(recipe: Recipe, axis: str, frames: list[dict], **progress) -> dict:
    """A strip whose pictures differ from `recipe` along `axis` alone."""
    rest = {name: value for name, value in recipe.to_dict().items() if name != axis}
    others = [
        f"{FIELDS[name].metadata['label']} {_called(name, value)}"
        for name, value in rest.items()
        if name not in ("v", "prompt", "seed")
    ]
    label = ", ".join([recipe.prompt or "no words", f"seed {recipe.seed}", *others])
    key, called = axis + json.dumps(rest, sort_keys=True), FIELDS[axis].metadata["label"]
    return filmstrip.strip(key, called, label, frames, **progress)


def _called(name: str, value):
    """A recipe's value as the page calls it."""
    if name == "sampler":
        return samplers.get(value).label
    return guidance.called(name, value) if name in guidance.TABLES else value


def _mean_words(prompt: Prompt, steps: list[Step], recipe: Recipe) -> list[tuple[str, np.ndarray]]:
    """Each word's share of the words' attention [h, w], summed in the model's best way; none if
    no step was recorded.
    """
    recorded = [(step.maps, step.timestep) for step in steps if step.maps]
    if not recorded or not prompt.words:
        return []
    how = Aggregation.of(specs.get(recipe.model).card)
    maps = heatmaps.of_run(*zip(*recorded, strict=True), prompt.words, how).numpy()
    return [(word.text, map_) for word, map_ in zip(prompt.words, maps, strict=True)]


def _moment(model: LatentModel, step: Step) -> lookahead.Moment:
    def preview(branch):
        return model.preview_colours(step.clean[branch][None])[0].numpy()

    branches = None
    if {UNCOND, COND} <= step.clean.keys():
        noises = [step.noise(branch) for branch in (UNCOND, COND)]
        branches = lookahead.Branches(
            preview(UNCOND),
            preview(COND),
            noises=tuple(noise.numpy() for noise in noises),
            colours=tuple((n.movedim(0, -1) @ model.preview_map[:-1]).numpy() for n in noises),
        )
    return lookahead.Moment(step.guidance, step.preview(model), branches)


def _words(prompt: Prompt, steps: list[Step]) -> list[tuple[str, np.ndarray]]:
    """Each word's share of the words' attention in the finest maps, [steps, h, w]."""
    if not prompt.words or not all(step.maps for step in steps):
        return []
    finest = max(steps[0].maps)
    shares = [
        heatmaps.relative(heatmaps.of_words(step.maps[finest], prompt.words)) for step in steps
    ]
    return [
        (word.text, np.stack([share[i].numpy() for share in shares]))
        for i, word in enumerate(prompt.words)
    ]


def _cost(picture: Picture, machine: Engine) -> str:
    """What the branches cost, and what exactly w = 0 or w = 1 would save."""
    calls, rows, network = picture.calls, picture.rows, picture.seconds["network"]
    done = (
        f"This run: {counted(calls, 'network call')} with {counted(rows, 'row')}, {network:.2f} s "
        "in the network. "
    )
    if rows == calls:
        return done + f"Guidance at every step would need {2 * calls} rows."
    saved, lately = rows - calls, machine.measured()
    said = (
        "At exactly w = 1 the branch without words is not computed, at w = 0 the one with: "
        f"{counted(saved, 'row')} less"
    )
    if {1, 2} <= lately.keys():
        one, two = lately[1], lately[2]
        said += (
            f", or {max(0.0, saved * (two - one)):.2f} s: a call of one row took "
            f"{1000 * one:.0f} ms here lately, of two {1000 * two:.0f} ms"
        )
    return done + said + "."


def _notes(recipe: Recipe) -> list[str]:
    """What the visitor should know about this look-ahead, in plain sentences."""
    found = []
    if recipe.guider != "cfg" or recipe.rescale:
        label = guidance.guider(recipe.guider).label
        how = f"{label} guidance" + (f" with rescale φ = {recipe.rescale:g}" * bool(recipe.rescale))
        found.append(f"This run used {how}; the slider shows plain guidance.")
    if recipe.negative:
        found.append(f"U and ε_u are with the negative words here: “{recipe.negative}”.")
    return found
