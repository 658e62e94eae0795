"""Turn a requested edit into the edited recipe and the plan for its attention."""

from dataclasses import dataclass, replace

from playground.attention import editing
from playground.attention.editing import EditError, Plan
from playground.attention.layouts import layout_of
from playground.engine.session import Edit
from playground.models.latent import LatentModel
from playground.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Planned:
    """The edited recipe, its plan, and the positions of the words that the edit is about, in the
    source's prompt and in its own.
    """

    recipe: Recipe
    plan: Plan
    touched: tuple[list[int], list[int]]


def planned(model: LatentModel, source: Recipe, edit: Edit) -> Planned:
    """Raises EditError, with a plain sentence, for what cannot be edited."""
    if edit.kind not in KINDS:
        raise EditError(f"There is no edit {edit.kind!r}; there are: {', '.join(KINDS)}.")
    if layout_of(model.network).begins:
        raise EditError(
            "This model's words and image attend to each other; an edit needs cross-attention, "
            "where the image reads the words alone."
        )
    if source.guidance == 0:
        raise EditError("At w = 0 the words are not read, so there is no attention to edit.")
    return KINDS[edit.kind](model, source, edit)


def _reweighted(model: LatentModel, source: Recipe, edit: Edit) -> Planned:
    weights = {number: weight for number, weight in (edit.weights or {}).items() if weight != 1}
    plan = editing.reweight(model.encode(source.prompt), weights, edit.share)
    return Planned(source, plan, (sorted(weights), sorted(weights)))


def _swapped(model: LatentModel, source: Recipe, edit: Edit) -> Planned:
    prompt = model.encode(source.prompt)
    word = editing.find(prompt.words, edit.word, edit.which)
    recipe = replace(source, prompt=editing.swapped(prompt, word.text, edit.by, edit.which))
    other = model.encode(recipe.prompt)
    there = [i for i, w in enumerate(other.words) if set(w.tokens) & set(word.tokens)]
    plan = editing.swap(prompt, other, edit.share)
    return Planned(recipe, plan, ([prompt.words.index(word)], there))


def _refined(model: LatentModel, source: Recipe, edit: Edit) -> Planned:
    recipe = replace(source, prompt=edit.prompt)
    prompt, other = model.encode(source.prompt), model.encode(recipe.prompt)
    plan = editing.refine(prompt, other, edit.share)
    new = {i for i, a in enumerate(plan.source_of.tolist()) if a == editing.NEW}
    there = [i for i, w in enumerate(other.words) if set(w.tokens) & new]
    return Planned(recipe, plan, ([], there))


KINDS = {"swap": _swapped, "refine": _refined, "reweight": _reweighted}
