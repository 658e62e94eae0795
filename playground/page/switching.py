"""A recipe for another model, and a line on what changed with it."""

from dataclasses import replace

from playground.diffusion import guidance, samplers
from playground.page import fits
from playground.page.fits import Fit
from playground.recipe import FIELDS, Recipe

# Fields that belong together, each group kept or replaced as a whole.
GROUPS = (("width", "height"), ("sampler", "steps"), ("guidance",))


def switched(recipe: Recipe, before: str, name: str) -> tuple[Recipe, str]:
    """`recipe`, so far for the model `before`, for the model `name`; and what changed, in a line.

    What both models begin with alike is the visitor's own choice and stays if the new one can do
    it; the rest becomes the new model's own. What means nothing there goes back to its default.
    """
    new, usual_before = fits.of(name), fits.of(before).usual
    made = replace(recipe, model=new.spec.name, weights="", lora="")
    for group in GROUPS:
        alike = all(getattr(usual_before, f) == getattr(new.usual, f) for f in group)
        if not (alike and can(new, made, group)):
            made = replace(made, **{f: getattr(new.usual, f) for f in group})
    made = replace(made, **{f: FIELDS[f].default for f in new.unused})
    return made, told(recipe, made)


def can(fit: Fit, recipe: Recipe, group: tuple[str, ...]) -> bool:
    """Whether the model can draw with these fields of the recipe."""
    if group == ("width", "height"):
        sides = recipe.width, recipe.height
        return max(sides) <= fit.spec.largest and not any(side % fit.multiple for side in sides)
    if "sampler" in group:
        return recipe.sampler in [one.name for one in fit.samplers]
    refused = fit.guidance.refusal(recipe.guidance)
    return not refused and (fit.guidance.branches or recipe.guidance >= 1)


def fitted(recipe: Recipe) -> tuple[Recipe, list[str]]:
    """`recipe` as its model can draw it, and a sentence for everything that it cannot do."""
    fit, notes = fits.of(recipe.model, recipe.lora), []
    for group in GROUPS:
        if not can(fit, recipe, group):
            made = replace(recipe, **{f: getattr(fit.usual, f) for f in group})
            notes.append(f"As {fit.spec.label} cannot do it: {told(recipe, made)}")
            recipe = made
    return recipe, notes


def told(before: Recipe, after: Recipe) -> str:
    """What differs between two recipes, in a line."""
    names = [n for n in FIELDS if n not in ("model", "weights", "width", "height")]
    parts = [
        f"{FIELDS[name].metadata['label']} {_called(name, getattr(after, name))} instead of "
        f"{_called(name, getattr(before, name))}"
        for name in names
        if getattr(before, name) != getattr(after, name)
    ]
    sizes = [f"{r.width}×{r.height}" for r in (after, before)]
    if sizes[0] != sizes[1]:
        parts.insert(0, f"{sizes[0]} pixels instead of {sizes[1]}")
    return f"{', '.join(parts)}." if parts else "The recipe stays as it was."


def _called(name: str, value) -> str:
    if name == "sampler":
        return samplers.SAMPLERS[value].label if value in samplers.SAMPLERS else value
    if name in guidance.TABLES or isinstance(value, float):
        return guidance.called(name, value)
    return str(value) or "none"
