"""What edits through attention do, by the share of the steps that read the original's attention.

Per kind of edit and share: how often the oracle sees all that the edited words ask for, how far the
first thing of the picture has moved, and how far the picture is from the original, and from the
edited words drawn without reading its attention.
"""

from dataclasses import replace

import numpy as np

from playground.engine.events import Picture
from playground.engine.local import open_session
from playground.engine.session import Edit, Session
from playground.recipe import Recipe
from playground.training import export
from playground.world import asked, measures, oracle

SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SEEDS = 4
SWAPS = (  # words, the word that is swapped, and the one in its place
    ("a cat on the grass", "cat", "dog"),
    ("a red square on a white background", "red", "blue"),
    ("a panda wearing a crown at sunset", "panda", "lion"),
    ("a fox left of a pizza on the grass", "pizza", "cake"),
    ("a green star on a black background", "star", "heart"),
    ("two penguins in the snow", "penguins", "rabbits"),
    ("a monkey wearing a cap at the beach", "cap", "crown"),
    ("a robot and a tree in the snow", "tree", "rocket"),
)
ADDED = (  # words, and the same with more
    ("a cat on the grass", "a cat wearing a crown on the grass"),
    ("a dog at the beach", "a dog wearing sunglasses at the beach"),
    ("a star on a black background", "a yellow star on a black background"),
    ("a lion at sunset", "a lion and a tree at sunset"),
    ("a rabbit in the snow", "a rabbit left of a ball in the snow"),
    ("a bear on the grass", "a bear astronaut on the grass"),
    ("a pig", "a pig wearing a top hat"),
    ("a fox", "a fox in the night sky"),
)


def edits(share: float) -> dict[str, list[tuple[Recipe, Edit]]]:
    """The edits of each kind at this share, without their seeds."""
    swaps = [(Recipe(prompt=p), Edit("swap", share, word=w, by=by)) for p, w, by in SWAPS]
    added = [(Recipe(prompt=p), Edit("refine", share, prompt=more)) for p, more in ADDED]
    return {"swap": swaps, "refine": added}


def drawn(session: Session, source: Recipe, wanted: list[Edit]) -> list[list[Picture]]:
    """Original, edit and the edited words drawn alone, for each of these edits together."""
    runs = [session.submit([source], edit=edit) for edit in wanted]
    return [
        sorted((e for e in run if isinstance(e, Picture)), key=lambda e: e.cell) for run in runs
    ]


def judged(pictures: list[Picture]) -> dict[str, float]:
    """What one edit did."""
    before, after, alone = (p.image.astype(float) for p in pictures)
    seen = oracle.read(measures.judge(), np.stack([p.image for p in pictures]))
    faults = asked.faults(asked.read(pictures[1].recipe.prompt), seen[1])
    found = {
        "happened": float(faults <= {"extra"}),
        "from_original": float(np.abs(after - before).mean()),
        "from_alone": float(np.abs(after - alone).mean()),
    }
    if seen[0].items and seen[1].items:
        first, second = (np.array(scene.items[0].center) for scene in seen[:2])
        found["moved"] = float(np.linalg.norm(first - second))
    return found


def measure(count: int = SEEDS) -> None:
    """Draw every edit with `count` seeds at every share, and write the table into the card."""
    session = open_session(Recipe().model)
    found: dict[tuple[str, float], list[dict]] = {}
    for kind in ("swap", "refine"):
        for number in range(len(edits(0.0)[kind])):
            for seed in range(count):
                cases = [edits(share)[kind][number] for share in SHARES]
                source = replace(cases[0][0], seed=seed)
                for share, trio in zip(
                    SHARES, drawn(session, source, [edit for _, edit in cases]), strict=True
                ):
                    found.setdefault((kind, share), []).append(judged(trio))
            print(kind, number + 1, flush=True)
    rows = [
        {"kind": kind, "share": share, "count": len(each)} | _means(each)
        for (kind, share), each in found.items()
    ]
    export.update_card(edits={"seeds": count, "rows": rows})


def _means(found: list[dict]) -> dict[str, float]:
    names = ("happened", "from_original", "from_alone", "moved")
    return {name: round(float(np.mean([f[name] for f in found if name in f])), 3) for name in names}
