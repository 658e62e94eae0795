"""The oracle's verdict on a finished picture, for the page."""

from playground.engine.record import RunRecord
from playground.page import fits
from playground.world import verdict

LATER = "Judged when you pause."


def of(run: RunRecord) -> dict | None:
    """What the page shows of the verdict: `parts`, pairs of a name and a phrase, and whether all
    that was asked is there (`right`), or the `reason` why it cannot be judged. `accuracy` says how
    good the oracle is. None for models whose pictures it does not know.
    """
    if not _known(run):
        return None
    recipe, image = run.recipe, run.picture.image
    from playground.world import measures  # torch: not before the page is up

    about = {"accuracy": verdict.accuracy()}
    try:
        found = measures.judged(recipe.prompt, image)
    except measures.UnjudgeableError as reason:
        return about | {"right": None, "parts": [], "reason": f"Not judged: {reason}"}
    parts = [("Asked", found.asked), ("Seen", found.seen)]
    parts.append(("Missing", ", ".join(found.missing) or "nothing"))
    if found.extra:
        parts.append(("Not asked for", ", ".join(found.extra)))
    if unknown := dict.fromkeys(word.text for word in run.prompt.words if not word.known):
        parts.append(("Not judged", ", ".join(unknown)))
    return about | {"right": found.right, "parts": parts, "reason": ""}


def later(run: RunRecord) -> dict | None:
    """What stands there until the picture is judged."""
    if not _known(run):
        return None
    return {"accuracy": verdict.accuracy(), "right": None, "parts": [], "reason": LATER}


def _known(run: RunRecord) -> bool:
    recipe = run.recipe
    return not (recipe.lora or fits.of(recipe.model).why_not("oracle"))
