"""What the views show of a finished picture."""

import numpy as np

from playground.attention import heatmaps
from playground.attention.heatmaps import Aggregation
from playground.diffusion import guidance, samplers
from playground.engine.cells import Picture, Step
from playground.engine.engine import Engine
from playground.models import specs
from playground.models.latent import Prompt
from playground.page.guidance import data
from playground.page.shared.view import Summing
from playground.page.studio.views import explorer, pipeline
from playground.recipe import Recipe
from playground.wording import counted, percent


def finished(
    machine: Engine, steps: list[Step], picture: Picture, seconds: float
) -> dict[str, dict]:
    """Every view's data, by the view's name; `seconds` is what the visitor waited."""
    model, recipe = machine.model, picture.recipe
    prompt = model.encode(recipe.prompt)
    recorded = all(step.maps for step in steps) and bool(prompt.words)
    shares, masses = _attention(steps, prompt) if recorded else ({}, {})
    png = picture.png()
    shown = explorer.finished(
        png=png,
        size=(recipe.height, recipe.width),
        words=prompt.words,
        previews=[step.preview(model) for step in steps],
        shares=shares,
        masses=masses,
        text=(
            f"Drawn in {seconds:.2f} s: {counted(picture.calls, 'network call')}, "
            f"{counted(picture.rows, 'row')} by {' and '.join(picture.networks)}; "
            f"{samplers.get(recipe.sampler).label}, w = {recipe.guidance:g}, seed {recipe.seed}."
        ),
        notes=notes(recipe, prompt, model.encode(recipe.negative)),
        name=f"latent-playground-{recipe.seed}.png",
        link=recipe.to_query(),
        summing=summing(recipe, [step.timestep for step in steps]),
    )
    return {
        "explorer": shown,
        "pipeline": _strip(prompt, steps, picture),
        **data.of_run(machine, prompt, steps, picture, png),
    }


def summing(recipe: Recipe, timesteps: list[float]) -> Summing:
    """How this model's maps are summed, what that was measured to be worth, and for which calls."""
    card = specs.get(recipe.model).card
    how = Aggregation.of(card)
    text = f"Summed as measured best: {how}."
    if rows := card.get("attention", {}).get("rows", {}).get("ours"):
        nouns = rows.get("pictures", rows["scenes"])["noun"]
        text += (
            f" On {nouns['count']} nouns with known masks the brightest pixel lies on the "
            f"noun in {percent(nouns['pointing'])}, IoU at 0.4 is {percent(nouns['iou_0.4'])}."
        )
    return Summing(tuple(how.settled(timesteps)), how.weights, how.edges, text)


def _attention(steps: list[Step], prompt: Prompt) -> tuple[dict, dict]:
    """Per grid: shares [steps, words, h, w] and masses [steps, 4] of the recorded steps."""
    shares, masses = {}, {}
    for grid in steps[0].maps:
        maps = [step.maps[grid] for step in steps]
        words = [heatmaps.relative(heatmaps.of_words(m, prompt.words)) for m in maps]
        shares[grid] = np.stack([w.numpy() for w in words])
        masses[grid] = np.stack([_mass(m, prompt.content) for m in maps])
    return shares, masses


def _mass(token_map, content: int) -> np.ndarray:
    """Mean attention on start token, content, end token and padding (none if the words fill it)."""
    mean = token_map.mean((1, 2)).numpy()
    start, words, end, padding = np.split(mean, [1, content + 1, content + 2])
    return np.array([part.sum() for part in (start, words, end, padding)])


def notes(recipe: Recipe, prompt: Prompt, negative: Prompt) -> list[str]:
    """What the visitor should know about this picture, in plain sentences."""
    spec, found = specs.get(recipe.model), []
    if not prompt.content:  # nothing, or punctuation alone
        found.append("No words: this is the unconditional picture.")
    if not any(guidance.scale_at(recipe, i, recipe.steps) for i in range(recipe.steps)):
        found.append("At w = 0 the words are not read, so there is no attention to show.")
    if recipe.guidance in (0, 1) and recipe.guider != "cfg":
        found.append("At exactly w = 0 and w = 1 the guider has no effect.")
    for said, where in ((prompt, ""), (negative, ", in the negative words")):
        if unknown := dict.fromkeys(word.text for word in said.words if not word.known):
            found.append(f"The model has never seen{where}: {', '.join(unknown)}.")
        if said.cut:
            found.append(f"Too long{where}: the model did not read “{' '.join(said.cut)}”.")
    if recipe.negative and recipe.guidance == 1:
        found.append("At w = 1 the negative words have no effect.")
    if recipe.eta and not samplers.get(recipe.sampler).uses_eta:
        found.append("η has an effect with DDIM only.")
    if (recipe.height, recipe.width) != (spec.side, spec.side):
        found.append(f"The model was trained at {spec.side}×{spec.side} pixels only.")
    return found


def _branches(picture: Picture) -> str:
    """Which rows the network computed."""
    if picture.rows == picture.calls:
        return "one row a call"
    both = "with the negative words and with the words"
    if not picture.recipe.negative:
        both = "with and without words"
    return f"{both} {'each time' if picture.rows == 2 * picture.calls else 'while guided'}"


def _strip(prompt: Prompt, steps: list[Step], picture: Picture) -> dict:
    names, seconds = prompt.names, picture.seconds
    latents, numbers = picture.latents.numpy(), picture.image.size
    shape = "×".join(map(str, latents.shape))
    stages = [
        pipeline.Stage(
            "Words", f"{len(names)} of {len(prompt.ids)} tokens",
            tokens=list(zip(names, prompt.ids, strict=False)),
        ),
        pipeline.Stage(
            "Text embedding", f"[{prompt.embeds.shape[1]}, {prompt.embeds.shape[2]}]",
            seconds=seconds["words"], rasters=[pipeline.gray(prompt.embeds[0].numpy())],
        ),
        pipeline.Stage(
            f"Noise, seed {picture.recipe.seed}", shape,
            rasters=pipeline.channels(steps[0].noisy.numpy()),
        ),
        pipeline.Stage(
            f"U-Net × {picture.calls}", f"{picture.rows} rows", seconds=seconds["network"],
            text=_branches(picture),
        ),
        pipeline.Stage("Latent", shape, rasters=pipeline.channels(latents)),
        pipeline.Stage(
            "Decoder", "×".join(map(str, picture.image.shape)), seconds=seconds["decoder"],
            rasters=[pipeline.raster(picture.image)],
        ),
    ]  # fmt: skip
    return pipeline.strip(
        stages,
        f"{numbers:,} numbers of a picture are {latents.size:,} in the latent: "
        f"{numbers / latents.size:.0f}× fewer for the U-Net to work on.",
    )
