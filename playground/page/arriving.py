"""Recipes that arrive in a file: this playground's own, and other programs' settings."""

from dataclasses import replace

from playground import a1111
from playground.models import specs
from playground.page import switching
from playground.recipe import Recipe, RecipeError


def of_png(file, current: Recipe) -> tuple[Recipe, str]:
    """The recipe of a PNG (a path or an open file), and a line on what was not understood.

    Other programs' pictures are drawn with the model of `current`. Raises RecipeError with a plain
    sentence for a file that holds neither.
    """
    try:
        return Recipe.from_png(file), ""
    except RecipeError:
        found = a1111.from_png(file)
        if found is None:
            raise
    recipe = replace(found.recipe, model=current.model, lora=current.lora)
    recipe, impossible = switching.fitted(recipe)
    notes = [*_model(found, recipe), *impossible, *_not_understood(found)]
    return recipe, " ".join(("Settings of another program.", *notes))


def _model(found: a1111.Imported, recipe: Recipe) -> list[str]:
    """Which model drew it, if that is not the recipe's own."""
    spec = specs.get(recipe.model)
    if found.hash and spec.weights.startswith(found.hash):
        return []
    named = found.model or found.hash
    if not named:
        return [f"Which model drew it is not said; this is {spec.label}."]
    return [f"It was drawn by {named[:80]}; this is {spec.label}."]


def _not_understood(found: a1111.Imported) -> list[str]:
    if not found.notes:
        return []
    return [f"Not understood: {'; '.join(note.rstrip('.') for note in found.notes)}."]
