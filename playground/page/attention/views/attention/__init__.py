"""The attention laboratory: every step, level and head of a run, explored in the browser alone."""

import base64
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from playground.models.words import Word
from playground.page.shared.view import Summing, chips, pack, raster, read

VIEW = read(Path(__file__).parent)
LARGEST = 10_000_000  # bytes of codes that a page keeps


@dataclass(frozen=True, eq=False)
class Level:
    """The heads of one grid: uint8 codes [steps, heads, columns, h, w], p = (code/255)².

    `layers` names the layers, each with as many heads as the next. Columns: start token, words,
    what is between words, end token and, if there is any, padding.
    """

    layers: tuple[str, ...]
    codes: np.ndarray


@dataclass(frozen=True, eq=False)
class Branch:
    """The rows of the network that were given these words; `steps` are those that had one."""

    name: str
    words: Sequence[Word]
    steps: Sequence[int]
    levels: Sequence[Level]


def message(text: str, share: float | None = None, error: bool = False) -> dict:
    """Only a sentence, with the `share` 0 … 1 that is recorded; what is there stays."""
    return {"kind": "message", "text": text, "share": share, "error": error}


def stopped() -> dict:
    return message("Stopped.") | {"stopped": True}


def finished(
    png: bytes,
    size: tuple[int, int],
    previews: Sequence[np.ndarray],
    noisy: Sequence[np.ndarray],
    timesteps: Sequence[float],
    branches: Sequence[Branch],
    text: str,
    name: str,
    link: str,
    summing: Summing,
) -> dict:
    """Everything the laboratory shows of a run.

    `previews` and `noisy`: per step, the x̂0 preview uint8 [h, w, 3] and what the network saw
    [channels, h, w], with which a place can be worked out later. `link` is the recipe for `?r=`.
    """
    light = [_light(branch) for branch in branches]
    return {
        "kind": "finished",
        "png": base64.b64encode(png).decode(),
        "name": name,
        "link": link,
        "summing": asdict(summing),
        "height": size[0],
        "width": size[1],
        "previews": [raster(p) for p in previews],
        "noisy": [pack(np.asarray(x, np.float32)) for x in noisy],
        "timesteps": list(timesteps),
        "branches": [_branch(branch) for branch in light],
        "text": text,
        "notes": ["So many numbers: only the mean over heads is kept."]
        if any(a is not b for a, b in zip(light, branches, strict=True))
        else [],
    }


def _light(branch: Branch) -> Branch:
    """The branch itself or, if its heads are more than a page should keep, the mean over them."""
    if sum(level.codes.size for level in branch.levels) <= LARGEST:
        return branch
    levels = [
        Level(
            ("all layers",), np.stack([_encode(_mean_over_heads(s)) for s in level.codes])[:, None]
        )
        for level in branch.levels
    ]
    return Branch(branch.name, branch.words, branch.steps, levels)


def _mean_over_heads(codes: np.ndarray) -> np.ndarray:
    return np.mean((codes.astype(np.float32) / 255) ** 2, axis=0)


def _encode(probabilities: np.ndarray) -> np.ndarray:
    return np.round(np.sqrt(probabilities) * 255).astype(np.uint8)


def _branch(branch: Branch) -> dict:
    return {
        "name": branch.name,
        "words": chips(branch.words),
        "steps": list(branch.steps),
        "levels": [
            {
                "h": level.codes.shape[3],
                "w": level.codes.shape[4],
                "layers": [label(name) for name in level.layers],
                "heads": level.codes.shape[1],
                "columns": level.codes.shape[2],
                "codes": pack(level.codes),
            }
            for level in sorted(branch.levels, key=lambda level: -level.codes.shape[3])
        ],
    }


def label(layer: str) -> str:
    """up_blocks.2.attentions.1.transformer_blocks.0.attn2 → up 3.2"""
    found = re.match(r"(down|up)_blocks\.(\d+)\.attentions\.(\d+)\.", layer)
    if found:
        return f"{found[1]} {int(found[2]) + 1}.{int(found[3]) + 1}"
    return "middle" if layer.startswith("mid_block") else layer
