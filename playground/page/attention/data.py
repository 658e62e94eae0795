"""What the Attention lens shows of a run that was recorded head by head."""

import base64
import binascii
import math

import numpy as np
import torch

from playground.attention import heatmaps
from playground.attention.heatmaps import Aggregation
from playground.diffusion.guidance import COND, UNCOND
from playground.engine.cells import Picture, Step
from playground.models import specs
from playground.models.latent import LatentModel, Prompt
from playground.page.attention.views import attention, edits
from playground.page.attention.views.attention import Branch, Level
from playground.page.studio.data import summing
from playground.recipe import Recipe


def finished(
    model: LatentModel, steps: list[Step], picture: Picture, seconds: float
) -> dict[str, dict]:
    """Data of the laboratory and of the form for edits, by the views' names."""
    recipe = picture.recipe
    prompts = {COND: model.encode(recipe.prompt), UNCOND: model.encode(recipe.negative)}
    names = {COND: "with words", UNCOND: "negative words" if recipe.negative else "without words"}
    branches = [
        _branch(names[branch], prompts[branch], branch, steps)
        for branch in (COND, UNCOND)
        if any(branch in step.heads for step in steps)
    ]
    size = sum(level.codes.size for branch in branches for level in branch.levels)
    shown = attention.finished(
        png=picture.png(),
        size=(recipe.height, recipe.width),
        previews=[step.preview(model) for step in steps],
        noisy=[step.noisy.numpy() for step in steps],
        timesteps=[step.timestep for step in steps],
        branches=branches,
        text=(
            f"“{recipe.prompt or 'no words'}”, seed {recipe.seed}: every head of {len(steps)} "
            f"steps, {size / 1e6:.1f} MB, in {seconds:.1f} s."
        ),
        name=f"latent-playground-{recipe.seed}.png",
        link=recipe.to_query(),
        summing=summing(recipe, [step.timestep for step in steps]),
    )
    form = edits.ready(recipe.prompt, prompts[COND].words, recipe.to_query())
    return {"attention": shown, "edits": form}


def _branch(name: str, prompt: Prompt, branch: str, steps: list[Step]) -> Branch:
    recorded = [step for step in steps if branch in step.heads]
    first = recorded[0].heads[branch]
    levels = [
        Level(
            first[grid].layers,
            np.stack([step.heads[branch][grid].codes.numpy() for step in recorded]),
        )
        for grid in first
    ]
    return Branch(name, prompt.words, [step.index for step in recorded], levels)


def edited(
    prompts: tuple[Prompt, Prompt],
    touched: tuple[list[int], list[int]],
    steps: tuple[list[Step], list[Step]],
    pictures: list[Picture],
    seconds: float,
) -> dict:
    """Both pictures of an edit; `touched` are positions of the words that it is about."""
    sides, shares = [], []
    for prompt, words, recorded, picture in zip(prompts, touched, steps, pictures, strict=True):
        found = [(step.maps, step.timestep) for step in recorded if step.maps]
        how = Aggregation.of(specs.get(picture.recipe.model).card)
        shares.append(heatmaps.of_run(*zip(*found, strict=True), prompt.words, how))
        link = picture.recipe.to_query()
        sides.append(edits.Side(picture.png(), prompt.words, shares[-1].numpy(), words, link))
    before, after = (torch.from_numpy(picture.image) for picture in pictures)
    # A swapped or re-weighted word has a map in the source, an added one only in the edit.
    side = 0 if touched[0] else 1
    return edits.edited(
        sides,
        _difference(before, after),
        f"Both drawn in {seconds:.1f} s.",
        verdict(before, after, shares[side], prompts[side], touched[side]),
    )


def _difference(before: torch.Tensor, after: torch.Tensor) -> np.ndarray:
    """|difference| as a picture, stretched to full brightness."""
    gray = (after.float() - before.float()).abs().mean(2)
    gray = (255 * gray / gray.max().clamp_min(1)).round().byte()
    return gray[..., None].expand(-1, -1, 3).numpy()


def verdict(
    before: torch.Tensor, after: torch.Tensor, shares: torch.Tensor, prompt: Prompt, touched: list
) -> str:
    """How far what changed lies where the words' map is: IoU at 0.4 of both, in a sentence."""
    change = heatmaps.changed(before, after, tuple(shares.shape[1:]))
    if not change.max():
        return "The two pictures are equal: this edit did nothing."
    mask = heatmaps.stretch(change[None])[0] >= 0.4
    mine = heatmaps.iou(shares[touched].sum(0), mask)
    rest = [heatmaps.iou(s, mask) for i, s in enumerate(shares) if i not in touched]
    names = " ".join(prompt.words[i].text for i in touched)
    others = f" (other words’ maps: {min(rest):.2f} to {max(rest):.2f})" if rest else ""
    return (
        f"A map shows where attention went; only the edit shows what it does. The changed places "
        f"and the map of “{names}” overlap with IoU {mine:.2f}{others}; both are cut at 0.4 of "
        f"their range. Mean change {change.mean():.1f} of 255."
    )


def latents(text: str, recipe: Recipe, model: LatentModel) -> torch.Tensor:
    """What the network saw [1, channels, h, w], as the page sent it back.

    Raises ValueError if it is something else.
    """
    shape = (
        1, model.unet.config.in_channels,
        recipe.height // model.factor, recipe.width // model.factor,
    )  # fmt: skip
    try:
        numbers = np.frombuffer(base64.b64decode(text, validate=True), "<f4")
    except (binascii.Error, TypeError, ValueError) as error:
        raise ValueError("The latents of this step did not arrive: look closer again.") from error
    if len(numbers) != math.prod(shape) or not np.isfinite(numbers).all():
        raise ValueError("The latents of this step did not arrive: look closer again.")
    return torch.from_numpy(numbers.reshape(shape).copy())
