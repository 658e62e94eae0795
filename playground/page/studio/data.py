"""What the Studio shows of a finished run."""

from dataclasses import replace

from playground import weighting
from playground.attention.summing import Aggregation
from playground.diffusion import guidance, samplers
from playground.engine.record import RunRecord
from playground.engine.session import PromptFacts
from playground.models import loras, specs
from playground.page import fits, switching
from playground.page.fits import Fit
from playground.page.shared.view import Summing
from playground.page.studio import judging
from playground.page.studio.views import explorer, pipeline
from playground.recipe import FIELDS, Recipe
from playground.wording import counted, percent


def finished(run: RunRecord, seconds: float) -> dict[str, dict]:
    """Both views' data, by the view's name; `seconds` is what the visitor waited."""
    return {"explorer": _explored(run, seconds, judging.of(run)), "pipeline": _strip(run)}


def typed(run: RunRecord, seconds: float) -> dict[str, dict]:
    """The same at once, while one types: the oracle takes as long as the student does, so it is
    asked only at a pause.
    """
    return {"explorer": _explored(run, seconds, judging.later(run))}


def _explored(run: RunRecord, seconds: float, verdict: dict | None) -> dict:
    recipe, picture = run.recipe, run.picture
    return explorer.finished(
        png=run.png(),
        size=(recipe.height, recipe.width),
        words=run.prompt.words,
        previews=run.previews,
        shares=run.shares(),
        masses=run.masses(),
        text=(
            f"Drawn in {seconds:.2f} s: {counted(picture.calls, 'network call')}, "
            f"{counted(picture.rows, 'row')} by {' and '.join(picture.networks)}; "
            f"{samplers.get(recipe.sampler).label}, w = {recipe.guidance:g}, seed {recipe.seed}."
        ),
        notes=notes(recipe, run.prompt, run.prompts[guidance.UNCOND]),
        name=f"latent-playground-{recipe.seed}.png",
        link=recipe.to_query(),
        summing=summing(recipe, run.timesteps),
        verdict=verdict,
        joint=not fits.of(recipe.model, recipe.lora).cross_attention,
    )


def summing(recipe: Recipe, timesteps: list[float], of: str = "pictures") -> Summing:
    """How this model's maps are summed, for which calls, and what that was measured to be worth.

    `of` says whether it is asked of drawn `pictures`, or of `scenes` that were there already. The
    claim is empty unless the model's card has just that: of this model without a LoRA, at the size
    that it was measured at.
    """
    spec = specs.get(recipe.model)
    how = Aggregation.of(spec.card)
    nouns = spec.card.get("attention", {}).get("rows", {}).get("ours", {}).get(of, {}).get("noun")
    text, claim = f"Maps are summed so: {how}.", ""
    if nouns and not recipe.lora and (recipe.height, recipe.width) == (spec.side, spec.side):
        text = f"Summed as measured best: {how}."
        where = "scenes, read this way" if of == "scenes" else "drawn pictures of this model"
        claim = (
            f"On {nouns['count']} nouns with known masks in {where}, the brightest pixel lies on "
            f"the noun in {percent(nouns['pointing'])}, IoU at 0.4 is {percent(nouns['iou_0.4'])}."
        )
    return Summing(tuple(how.settled(timesteps)), how.weights, how.edges, text, claim)


def notes(recipe: Recipe, prompt: PromptFacts, negative: PromptFacts) -> list[str]:
    """What the visitor should know about this picture, in plain sentences."""
    fit, found = fits.of(recipe.model, recipe.lora), []
    spec, two = fit.spec, fit.guidance.branches
    if not prompt.content:  # nothing, or punctuation alone
        found += _without_words(recipe, negative, two)
    found += _read_or_not(recipe, negative, fit)
    if (meant := replace(recipe, **loras.settings(recipe.lora))) != recipe:
        others = switching.told(recipe, meant)
        found.append(f"The LoRA {recipe.lora} was made for other settings: {others}")
    if two and recipe.guidance in (0, 1) and recipe.guider != "cfg":
        found.append("At exactly w = 0 and w = 1 the guider has no effect.")
    if any(getattr(recipe, f) != FIELDS[f].default for f in fit.unused):
        found.append(fit.why_unused)
    for said, where in ((prompt, ""), (negative, ", in the negative words")):
        if unknown := dict.fromkeys(word.text for word in said.words if not word.known):
            found.append(f"The model has never seen{where}: {', '.join(unknown)}.")
        if said.cut:
            found.append(f"Too long{where}: the model did not read “{' '.join(said.cut)}”.")
    if weighted := [
        f"“{part.strip()}” × {by:g}" for part, by in weighting.read(recipe.prompt).parts()
    ]:
        found.append(f"Attention to words is multiplied: {', '.join(weighted)}.")
    if two and recipe.negative and recipe.guidance == 1:
        found.append("At w = 1 the negative words have no effect.")
    if recipe.eta and not samplers.get(recipe.sampler).uses_eta:
        found.append("η has an effect with DDIM only.")
    if (recipe.height, recipe.width) != (spec.side, spec.side):
        found.append(f"The model was trained at {spec.side}×{spec.side} pixels only.")
    return found


def _without_words(recipe: Recipe, negative: PromptFacts, two: bool) -> list[str]:
    """(1 − w)·ε_negative + w·ε_u: from w = 1 on negative words act as such."""
    if not (two and negative.content) or recipe.guidance == 1:
        return ["No words: this is the unconditional picture."]
    if recipe.guidance > 1:
        return ["No words, but negative ones: the picture moves away from them."]
    if recipe.guidance > 0:
        return ["No words, but negative ones: at w below 1 the picture moves towards them."]
    return []  # what is drawn at w = 0 is said anyway


def _read_or_not(recipe: Recipe, negative: PromptFacts, fit: Fit) -> list[str]:
    """In which steps the words are read, if that is not every one, and what is drawn instead."""
    count, two = recipe.steps, fit.guidance.branches
    scales = [guidance.scale_at(recipe, i, count) for i in range(count)]
    instead = "no words are read"
    if two and negative.content:
        instead = "the negative words are drawn"
    if not any(scales):
        reason = fit.why_not("without words") or (
            "At w = 0 the words are not read, so there is no attention to show."
        )
        return [reason, f"At w = 0 {instead}."] if two and negative.content else [reason]
    if not two or recipe.guidance == 1 or (recipe.guidance_start, recipe.guidance_stop) == (0, 1):
        return []
    start, stop, w = recipe.guidance_start, recipe.guidance_stop, f"w = {recipe.guidance:g}"
    if recipe.guidance_schedule != "constant":
        w = f"w between 1 and {recipe.guidance:g}"
    inside = [i + 1 for i in range(count) if start <= (i + 0.5) / count <= stop]
    if not inside:
        return [
            f"Guidance from {start:g} until {stop:g} holds none of the {counted(count, 'step')}: "
            "w = 1 in all."
        ]
    which = f"step {inside[0]}" if len(inside) == 1 else f"steps {inside[0]} to {inside[-1]}"
    said = f"{w} in {which} of {count}; elsewhere w = 1."
    return [f"{said} Where w = 0, {instead}." if 0 in scales else said]


def _branches(run: RunRecord) -> str:
    """Which rows the network computed."""
    picture = run.picture
    if picture.rows == picture.calls:
        return "one row a call"
    both = "with the negative words and with the words"
    if not run.recipe.negative:
        both = "with and without words"
    return f"{both} {'each time' if picture.rows == 2 * picture.calls else 'while guided'}"


def _strip(run: RunRecord) -> dict:
    """How the picture was made, stage by stage."""
    prompt, picture = run.prompt, run.picture
    names, seconds, latents = prompt.names, picture.seconds, picture.latents
    network = fits.of(run.recipe.model, run.recipe.lora).network
    shape, numbers = "×".join(map(str, latents.shape)), picture.image.size
    stages = [
        pipeline.Stage(
            "Words", f"{len(names)} of {len(prompt.ids)} tokens",
            tokens=list(zip(names, prompt.ids, strict=False)),
        ),
        pipeline.Stage(
            "Text embedding", "[{}, {}]".format(*prompt.embeds.shape),
            seconds=seconds["words"], rasters=[pipeline.gray(prompt.embeds)],
        ),
        pipeline.Stage(
            f"Noise, seed {run.recipe.seed}", shape,
            rasters=pipeline.channels(run.steps[0].latents),
        ),
        pipeline.Stage(
            f"{network.capitalize() if network.islower() else network} × {picture.calls}",
            f"{picture.rows} rows", seconds=seconds["network"],
            text=_branches(run),
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
        f"{numbers / latents.size:.0f}× fewer for the {network} to work on.",
    )
