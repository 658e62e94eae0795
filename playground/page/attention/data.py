"""What the Attention lens shows of a run that was recorded head by head, and of an edit."""

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from playground.attention.summing import Aggregation
from playground.diffusion.guidance import UNCOND
from playground.engine.record import RunRecord
from playground.models import loras, specs
from playground.models.words import Word
from playground.page import fits
from playground.page.attention import happened
from playground.page.attention.look import Look, look_of
from playground.page.attention.views import attention, edits
from playground.page.studio.data import notes, summing
from playground.recipe import Recipe
from playground.wording import counted


def laboratory(look: Look) -> dict:
    """Every step, level and head, for the browser."""
    recipe, steps = look.recipe, counted(len(look.previews), "step")
    size = sum(level.codes.size for branch in look.branches for level in branch.levels)
    return attention.finished(
        png=look.picture.png(),
        size=(recipe.height, recipe.width),
        previews=look.previews,
        branches=look.branches,
        text=(
            f"“{recipe.prompt or 'no words'}”, seed {recipe.seed}: every head of {steps}, "
            f"{size / 1e6:.1f} MB, in {look.seconds:.1f} s."
        ),
        name=f"{look.name}.png",
        link=recipe.to_query(),
        summing=summing(recipe, list(look.timesteps)),
        joint=_joint(recipe),
    )


def reading(run: RunRecord, asked: Recipe, picture: np.ndarray, seconds: float) -> dict:
    """A picture uint8 [height, width, 3] that was read as `asked` on the page, with every head."""
    recipe = replace(run.recipe, model=asked.model, lora=asked.lora)
    look, file = look_of(run, seconds), io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    calls = counted(len(run.steps), "network call")
    return attention.finished(
        png=file.getvalue(),
        size=(recipe.height, recipe.width),
        previews=look.previews,
        branches=look.branches,
        text=(
            f"“{recipe.prompt}”, read in {calls} and {seconds:.1f} s. The model saw the picture’s "
            f"middle square, made {recipe.width}×{recipe.height} pixels."
        ),
        name="",
        link="",
        summing=summing(recipe, run.timesteps, "scenes"),
        joint=_joint(recipe),
        moments=[f"Read at t = {step.level.t:g}" for step in run.steps],
        stills=[("What the autoencoder keeps of it", run.picture.image)],
        notes=notes(
            replace(recipe, **loras.settings(recipe.lora)),  # a reading has no settings to be wrong
            run.prompt,
            run.prompts[UNCOND],
        ),
    )


def _joint(recipe: Recipe) -> bool:
    return not fits.of(recipe.model, recipe.lora).cross_attention


def edited(runs: Sequence[RunRecord], touched: tuple[list[int], list[int]], seconds: float) -> dict:
    """The pictures of an edit: original, edit and, if there is a third, the edited words alone;
    `touched` are positions of the words that it is about, in the original and in the edit.
    """
    how = Aggregation.of(specs.get(runs[0].recipe.model).card)
    none = np.zeros((0, 1, 1), np.float32)  # of a prompt without words
    shares = [run.word_maps(how) if run.prompt.words else none for run in runs]
    sides = [
        edits.Side(run.png(), run.prompt.words, maps, words, run.recipe.to_query())
        for run, maps, words in zip(runs, shares, (*touched, touched[1])[: len(runs)], strict=True)
    ]
    before, after = (run.picture.image for run in runs[:2])
    # A swapped or re-weighted word has a map in the source, an added one only in the edit.
    side = 0 if touched[0] else 1
    return edits.edited(
        sides,
        _difference(before, after),
        f"{len(runs)} pictures in {seconds:.1f} s.",
        verdict(before, after, shares[side], runs[side].prompt.words, touched[side]),
        happened.judged(runs),
    )


def _difference(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """|difference| as a picture, stretched to full brightness."""
    gray = np.abs(after.astype(np.float32) - before).mean(2)
    gray = np.round(255 * gray / max(gray.max(), 1)).astype(np.uint8)
    return np.repeat(gray[..., None], 3, 2)


def verdict(
    before: np.ndarray,
    after: np.ndarray,
    shares: np.ndarray,
    words: Sequence[Word],
    touched: Sequence[int],
) -> str:
    """How well the changed area and the words' map overlap: IoU at 0.4 of both, as a sentence."""
    from playground.attention import heatmaps

    rest = [i for i in range(len(words)) if i not in touched]
    maps = np.concatenate([shares[list(touched)].sum(0, keepdims=True), shares[rest]])
    change, (mine, *others) = heatmaps.agreement(before, after, maps)
    if not change.max():
        return "The two pictures are equal: this edit did nothing."
    if not touched:
        return (
            f"What was added is no word, so it has no map. Mean change {change.mean():.1f} of 255."
        )
    names = " ".join(words[i].text for i in touched)
    said = f" (other words’ maps: {min(others):.2f} to {max(others):.2f})" if others else ""
    return (
        f"A map shows where attention went; only the edit shows what it does. The changed area "
        f"and the map of “{names}” overlap with IoU {mine:.2f}{said}; both are cut at 0.4 of "
        f"their range. Mean change {change.mean():.1f} of 255."
    )
