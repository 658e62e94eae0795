"""Whether an edit happened, by the oracle, and what the share of its steps does, as measured."""

from collections.abc import Sequence

import numpy as np

from playground.engine.record import RunRecord
from playground.models import specs
from playground.page import fits
from playground.recipe import Recipe
from playground.wording import between, percent

KINDS = {"swap": "a word swapped", "refine": "words added"}


def judged(runs: Sequence[RunRecord]) -> dict:
    """What the oracle says of the original, the edit and, if it is there, the same words alone.

    `right` is whether the edit shows all that its words ask for, None if that cannot be said;
    `seen` has a phrase for each picture, `text` the sentences.
    """
    recipe = runs[1].recipe
    if recipe.lora or (why := fits.of(recipe.model).why_not("oracle")):
        return {"right": None, "seen": [], "text": "" if recipe.lora else f"Not judged: {why}"}
    from playground.world import measures  # torch: not before the page is up

    try:
        found = [measures.judged(recipe.prompt, run.picture.image) for run in runs]
    except measures.UnjudgeableError as reason:
        return {"right": None, "seen": [], "text": f"Not judged: {reason}"}
    seen = [one.seen or "nothing that it knows" for one in found]
    if len(runs) == 2:  # re-weighted: the words are the same
        same = f"The oracle sees the same in both: {seen[0]}."
        return {
            "right": None, "seen": seen,
            "text": same if seen[0] == seen[1] else f"The oracle sees {seen[0]}, then {seen[1]}.",
        }  # fmt: skip
    edit, alone = found[1:]
    said = "The edit happened: the oracle sees all that its words ask for."
    if not edit.right:
        said = f"The edit did not happen: the oracle misses {' and '.join(edit.missing)}."
    if edit.right and alone.right:
        said += " It sees it without the original’s attention, too"
    elif edit.right:
        said += f" Without the original’s attention it would miss {' and '.join(alone.missing)}"
    elif alone.right:
        said += " Without the original’s attention the same words show it"
    else:
        said += (
            f" Nor without the original’s attention, where it misses {' and '.join(alone.missing)}"
        )
    with_it, without = (_change(runs[0], run) for run in runs[1:])
    said += (
        f". From the original the edit differs by {with_it:.1f} of 255 on average, the same words "
        f"alone by {without:.1f}."
    )
    return {"right": edit.right, "seen": seen, "text": said}


def _change(before: RunRecord, after: RunRecord) -> float:
    return float(np.abs(after.picture.image.astype(float) - before.picture.image).mean())


def shares() -> tuple[str, str]:
    """What was measured of the share of the steps: in sentences, and as a table of Markdown. Empty
    if nothing was.
    """
    measured = specs.get(Recipe().model).card.get("edits")
    if not measured:
        return "", ""
    lines = [
        "| | steps that read | what was asked is there | the first thing moved | differs from the "
        "original | differs from the words alone |",
        "|---|---|---|---|---|---|",
        *(
            f"| {KINDS[row['kind']]} | {percent(row['share'])} | {percent(row['happened'])} "
            f"({between(row['happened'], row['count'])}) | {row['moved']:.1f} px | "
            f"{row['from_original']:.1f} | {row['from_alone']:.1f} |"
            for row in measured["rows"]
        ),
    ]
    about = "Differences are means over pixels, of 255; intervals are of 95 %."
    return _effect(measured["rows"]), "\n".join([*lines, "", about])


def _effect(rows: Sequence[dict]) -> str:
    by = {(row["kind"], row["share"]): row for row in rows}
    none, most, whole = (by["swap", share] for share in (0.0, 0.6, 1.0))
    added = by["refine", 1.0]
    return (
        f"Measured on {none['count']} swaps: the more steps read the original’s attention, the "
        f"less the first thing moves, on average {none['moved']:.0f} pixels at none of the steps, "
        f"{most['moved']:.0f} at {percent(most['share'])}, {whole['moved']:.0f} at all of them. "
        "The new thing itself looks alike at every share, because its looks come from its word; "
        "the share changes where it stands. Read at all steps, an edit happens less often: added "
        f"words were there in {percent(added['happened'])} "
        f"({between(added['happened'], added['count'])})."
    )
