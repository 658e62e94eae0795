"""Prompt editing through attention: what to change, and both pictures side by side."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playground.models.words import Word
from playground.page.shared.view import pack, raster, read

VIEW = read(Path(__file__).parent, overlay=True)
FULL = 65535  # shares travel as uint16


@dataclass(frozen=True, eq=False)
class Side:
    """A picture with its words' maps: shares [words, h, w]; `touched` are words of the edit."""

    png: bytes
    words: Sequence[Word]
    shares: np.ndarray
    touched: Sequence[int]
    link: str


def message(text: str, error: bool = False) -> dict:
    """Only a sentence; the view stays as it is."""
    return {"kind": "message", "text": text, "error": error}


def unfit(text: str) -> dict:
    """Why there is none of the picture above; what was there of another one goes."""
    return message(text) | {"kind": "unfit"}


def stopped() -> dict:
    return message("Stopped.") | {"stopped": True}


def ready(prompt: str, words: Sequence[Word], link: str) -> dict:
    """A picture to edit, by its words; `link` is its recipe. `which` tells repeated words apart."""
    texts = [word.text for word in words]
    marked = [{"text": t, "which": texts[:i].count(t)} for i, t in enumerate(texts)]
    return {"kind": "ready", "prompt": prompt, "words": marked, "link": link}


def sampling(previews: Sequence[np.ndarray], step: int, count: int, left: float) -> dict:
    """The pred_x0 (x̂0) previews uint8 [h, w, 3] while they are drawn, and the seconds left."""
    rasters = [raster(preview) for preview in previews]
    text = f"Call {step} of {count}, about {left:.1f} s left"
    return {"kind": "sampling", "previews": rasters, "text": text, "share": step / count}


def edited(
    sides: Sequence[Side], difference: np.ndarray, text: str, verdict: str, happened: dict
) -> dict:
    """The source, the edited picture and the edited words drawn alone, if the words differ.

    `difference` uint8 [h, w, 3] is between the first two; `verdict` compares it with the words'
    map; `happened` is what the oracle says (see `happened.judged`).
    """
    return {
        "kind": "edited",
        "sides": [
            {
                "png": base64.b64encode(side.png).decode(),
                "words": [{"text": w.text, "known": w.known} for w in side.words],
                "h": side.shares.shape[1],
                "w": side.shares.shape[2],
                "shares": pack(np.round(side.shares.clip(0, 1) * FULL).astype(np.uint16)),
                "touched": list(side.touched),
                "link": side.link,
            }
            for side in sides
        ],
        "difference": raster(difference),
        "text": text,
        "verdict": verdict,
        "happened": happened,
    }
