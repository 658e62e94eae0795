"""python -m playground.live.check [FOLDER] [PICTURES]: compare a folder's drawing with Python's.

Every recipe in a PNG (by default the golden pictures of the tests) is drawn by the browser's
modules in Node and by plain PyTorch here. Prints the largest differences of finished latents, of
pictures (of 255) and of the word maps of the last call, and 1 where verdicts differ; fails if
one is too large.
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from playground.engine.engine import Engine
from playground.engine.events import Picture, Step
from playground.live import export, node
from playground.models.load import load
from playground.recipe import Recipe, grid_from_png
from playground.world import measures

# Latents relative to their largest. In the most sensitive of the golden recipes PyTorch differs
# from itself by 7e-4 if it computes convolutions in another way.
CLOSE = {"latents": 1e-3, "picture": 2, "maps": 1e-3, "verdict": 0}
GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "pictures.png"


def differences(recipes: Sequence[Recipe], drawn: Sequence[dict]) -> list[dict[str, float]]:
    """Of each recipe, how far what Node drew (`node.draw`) is from what PyTorch draws."""
    found: list[dict[str, float]] = [{}] * len(recipes)
    for name, group in itertools.groupby(range(len(recipes)), lambda i: recipes[i].model):
        engine = Engine(load(name))
        for i in group:
            found[i] = _difference(list(engine.submit([recipes[i]], record=True)), drawn[i])
        engine.stop()
    return found


def _difference(events: list, drawn: dict) -> dict[str, float]:
    *steps, picture = events
    if not isinstance(picture, Picture) or "failure" in drawn:
        raise RuntimeError(drawn.get("failure", "PyTorch did not draw it."))
    last = next(s for s in reversed(steps) if isinstance(s, Step))
    maps = [
        np.abs(array(drawn["maps"][f"{size[0]}x{size[1]}"]) - expected).max()
        for size, expected in (last.maps or {}).items()
    ]
    latents = np.abs(array(drawn["latents"]) - picture.latents).max()
    image = array(drawn["image"])[..., :3]
    return {
        "latents": float(latents / max(1.0, np.abs(picture.latents).max())),
        "picture": float(np.abs(image - picture.image).max()),
        "maps": float(max(maps, default=0.0)),
        "verdict": float(drawn["verdict"] not in (None, verdict(picture.recipe, picture.image))),
    }


def verdict(recipe: Recipe, image: np.ndarray) -> dict:
    """What the oracle says of a picture, as the browser is told of it."""
    try:
        found = measures.judged(recipe.prompt, image)
    except measures.UnjudgeableError as reason:
        return {"reason": str(reason)}
    return {
        "asked": found.asked, "seen": found.seen, "missing": list(found.missing),
        "extra": list(found.extra), "right": found.right,
    }  # fmt: skip


def array(said: dict) -> np.ndarray:
    """An array as draw.mjs writes it."""
    return np.array(said["data"], np.float64).reshape(said["shape"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m playground.live.check", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build/live"))
    parser.add_argument("pictures", nargs="?", type=Path, default=GOLDEN)
    chosen = parser.parse_args()
    export.write(chosen.folder)
    recipes = list(grid_from_png(chosen.pictures).values())
    models = sorted({recipe.model for recipe in recipes})
    (drawn,) = node.draw(chosen.folder, models, [node.cells(*recipes, judged=True)])
    found = differences(recipes, drawn)
    for recipe, off in zip(recipes, found, strict=True):
        said = "  ".join(f"{name} {value:.2g}" for name, value in off.items())
        print(f"{said}  {recipe.to_json()}")
    worst = {name: max(off[name] for off in found) for name in CLOSE}
    print("worst: " + "  ".join(f"{name} {value:.2g}" for name, value in worst.items()))
    if any(worst[name] > most for name, most in CLOSE.items()):
        sys.exit("Too far from Python.")


if __name__ == "__main__":
    main()
