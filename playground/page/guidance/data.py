"""What the Guidance lens shows of a finished run."""

import json

import numpy as np

from playground.attention.summing import Aggregation
from playground.diffusion import guidance, samplers
from playground.diffusion.guidance import COND, UNCOND
from playground.engine.events import Picture, Step
from playground.engine.record import RunRecord
from playground.engine.session import Session
from playground.models import specs
from playground.page import fits
from playground.page.fits import Fit
from playground.page.guidance.axis import place
from playground.page.guidance.views import filmstrip, lookahead
from playground.recipe import FIELDS, Recipe
from playground.wording import counted


def of_run(run: RunRecord, session: Session) -> dict[str, dict]:
    """Data of the lens's views, by their names."""
    recipe = run.recipe
    fit = fits.of(recipe.model, recipe.lora)
    look = lookahead.finished(
        moments=[_moment(run, step) for step in run.steps],
        scale=recipe.guidance,
        words=_words(run),
        text=_cost(run.picture, session.call_seconds(), fit),
        without="with the negative words" if recipe.negative else "without words",
        notes=_notes(recipe, fit),
        single=fit.why_not("lookahead"),
    )
    frame = finished_frame(run, "guidance")
    return {"lookahead": look, "filmstrip": strip_of(recipe, "guidance", [frame])}


def finished_frame(run: RunRecord, axis: str) -> dict:
    """The picture as part of a strip along `axis`, with its words' maps over all steps."""
    recipe, picture = run.recipe, run.picture
    calls, rows = counted(picture.calls, "network call"), counted(picture.rows, "row")
    shared = f", {picture.shared} of them shared" * bool(picture.shared)
    return filmstrip.finished(
        *place(axis, getattr(recipe, axis)),
        size=(recipe.height, recipe.width),
        png=run.png(),
        words=_mean_words(run),
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


def _mean_words(run: RunRecord) -> list[tuple[str, np.ndarray]]:
    """Each word's share of the words' attention [h, w], summed as measured best for the model; none
    if no step was recorded.
    """
    maps = run.word_maps(Aggregation.of(specs.get(run.recipe.model).card))
    if maps is None:
        return []
    return [(word.text, map_) for word, map_ in zip(run.prompt.words, maps, strict=True)]


def _moment(run: RunRecord, step: Step) -> lookahead.Moment:
    branches = None
    if {UNCOND, COND} <= step.clean.keys():
        noises = step.noise(UNCOND), step.noise(COND)
        branches = lookahead.Branches(
            run.colours(step.clean[UNCOND]),
            run.colours(step.clean[COND]),
            noises=noises,
            # Without the map's constant: a noise of 0 is no colour.
            colours=tuple(np.moveaxis(noise, 0, -1) @ run.preview_map[:-1] for noise in noises),
        )
    return lookahead.Moment(step.guidance, step.preview, branches)


def _words(run: RunRecord) -> list[tuple[str, np.ndarray]]:
    """Each word's share of the words' attention in the finest maps, [steps, h, w]."""
    shares = run.shares()
    if not shares:
        return []
    finest = shares[max(shares)]  # [steps, words, h, w]
    return [(word.text, finest[:, i]) for i, word in enumerate(run.prompt.words)]


def _cost(picture: Picture, lately: dict[int, float], fit: Fit) -> str:
    """What the branches cost, and what exactly w = 0 or w = 1 would save; `lately` is what a
    network call took, by its rows, in seconds.
    """
    calls, rows, network = picture.calls, picture.rows, picture.seconds["network"]
    done = (
        f"This run: {counted(calls, 'network call')} with {counted(rows, 'row')}, {network:.2f} s "
        "in the network. "
    )
    if not fit.guidance.branches:
        return done + "Guidance costs this model no second row."
    if rows == calls:
        return done + f"Guidance at every step would need {2 * calls} rows."
    saved = rows - calls
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


def _notes(recipe: Recipe, fit: Fit) -> list[str]:
    """What the visitor should know about this look-ahead, in plain sentences."""
    if not fit.guidance.branches:
        return []
    found = [fit.why_not("plain sum")] if fit.why_not("plain sum") else []
    if recipe.guider != "cfg" or recipe.rescale:
        label = guidance.guider(recipe.guider).label
        how = f"{label} guidance" + (f" with rescale φ = {recipe.rescale:g}" * bool(recipe.rescale))
        found.append(f"This run used {how}; the slider shows plain guidance.")
    if recipe.negative:
        found.append(f"U and ε_u are with the negative words here: “{recipe.negative}”.")
    return found
