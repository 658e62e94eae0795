"""The attention laboratory: every step, level and head of a run, explored in the browser alone."""

import base64
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from playground.models.words import Word
from playground.page.shared.view import Summing, chips, data_url, pack, raster, read

VIEW = read(Path(__file__).parent, overlay=True)
LARGEST = 10_000_000  # bytes of codes that a page keeps
TOO_MANY = "These are too many numbers for a page: only the mean over heads is kept."


@dataclass(frozen=True, eq=False)
class Level:
    """The heads of one grid: uint8 codes [steps, heads, columns, h, w], p = (code/255)².

    `layers` names the layers, each with as many heads as the next. Columns: start token, words,
    what is between words, end token and, if there is any, padding.
    """

    layers: tuple[str, ...]
    codes: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        return self.codes.shape[3:]

    def probabilities(self, number: int) -> np.ndarray:
        """float32 [heads, columns, h, w] of one of the steps."""
        return (self.codes[number].astype(np.float32) / 255) ** 2


@dataclass(frozen=True, eq=False)
class Branch:
    """The rows of the network that were given these words; `steps` are those that had one.

    `levels` come with the finest first; `whole` is whether they hold every head.
    """

    name: str
    words: Sequence[Word]
    steps: Sequence[int]
    levels: Sequence[Level]
    whole: bool = True


def message(text: str, share: float | None = None, error: bool = False) -> dict:
    """Only a sentence, with the `share` 0 … 1 that is recorded; the view stays as it is."""
    return {"kind": "message", "text": text, "share": share, "error": error}


def stopped() -> dict:
    return message("Stopped.") | {"stopped": True}


def finished(
    png: bytes,
    size: tuple[int, int],
    previews: Sequence[np.ndarray],
    branches: Sequence[Branch],
    text: str,
    name: str,
    link: str,
    summing: Summing,
    moments: Sequence[str] = (),
    stills: Sequence[tuple[str, np.ndarray]] = (),
    notes: Sequence[str] = (),
    joint: bool = False,
) -> dict:
    """Everything the laboratory shows of a run.

    `previews` uint8 [h, w, 3] are those of pred_x0 (x̂0), one a step; `link` is the recipe for
    `?r=`; without one nothing more can be asked of the run. `moments` are what its steps are
    called, `stills` pictures uint8 that stand beside it, each with its caption. In `joint`
    attention a position's columns sum to the text's part of its attention, else to 1.
    """
    return {
        "kind": "finished",
        "png": base64.b64encode(png).decode(),
        "name": name,
        "link": link,
        "summing": asdict(summing),
        "joint": joint,
        "height": size[0],
        "width": size[1],
        "previews": [raster(p) for p in previews],
        "branches": [_branch(branch) for branch in branches],
        "text": text,
        "moments": list(moments),
        "stills": [{"text": text, "image": data_url(still)} for text, still in stills],
        "notes": [*notes, *([] if all(branch.whole for branch in branches) else [TOO_MANY])],
    }


def light(branch: Branch) -> Branch:
    """The branch itself or, if its heads are more than a page should keep, the mean over them."""
    if sum(level.codes.size for level in branch.levels) <= LARGEST:
        return branch
    levels = [_mean_over_heads(level) for level in branch.levels]
    return Branch(branch.name, branch.words, branch.steps, levels, whole=False)


def _mean_over_heads(level: Level) -> Level:
    steps = range(len(level.codes))  # one by one: as floats they are four times as large
    means = [_encode(level.probabilities(i).mean(0, keepdims=True)) for i in steps]
    return Level(("all layers",), np.stack(means))


def _encode(probabilities: np.ndarray) -> np.ndarray:
    return np.round(np.sqrt(probabilities) * 255).astype(np.uint8)


def _branch(branch: Branch) -> dict:
    return {
        "name": branch.name,
        "words": chips(branch.words),
        "steps": list(branch.steps),
        "levels": [
            {
                "h": level.size[0],
                "w": level.size[1],
                "layers": [label(name) for name in level.layers],
                "heads": level.codes.shape[1],
                "columns": level.codes.shape[2],
                "codes": pack(level.codes),
            }
            for level in branch.levels
        ],
    }


def label(layer: str) -> str:
    """up_blocks.2.attentions.1.transformer_blocks.0.attn2 → up 3.2"""
    found = re.match(r"(down|up)_blocks\.(\d+)\.attentions\.(\d+)\.", layer)
    if found:
        return f"{found[1]} {int(found[2]) + 1}.{int(found[3]) + 1}"
    return "middle" if layer.startswith("mid_block") else layer
