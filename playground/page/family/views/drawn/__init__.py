"""The models side by side: pictures, figures, and their paths in one plane, scrubbed together."""

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from playground.page.shared.view import raster, read

VIEW = read(Path(__file__).parent)
DIGITS = 4
Size = tuple[int, int]  # (height, width) in pixels


def message(text: str, share: float | None = None, error: bool = False) -> dict:
    """Only a sentence; what is shown stays."""
    return {"kind": "message", "text": text, "share": share, "error": error}


def stopped() -> dict:
    return message("Stopped.") | {"stopped": True}


def sampling(label: str, size: Size, previews: Sequence[np.ndarray], link: str) -> dict:
    """A model that has not finished; the last of its `previews`, uint8 [h, w, 3] of pred_x0."""
    shown = [raster(preview) for preview in previews]
    return {"label": label, "size": size, "previews": shown, "link": link, "png": None}


def finished(label: str, size: Size, previews: Sequence[np.ndarray], link: str, png: bytes) -> dict:
    """`previews` of every call; `link` is the recipe, which the PNG carries too."""
    found = sampling(label, size, previews, link)
    return found | {"png": base64.b64encode(png).decode()}


def plane(label: str, lines: list[dict], share: float) -> dict:
    """Each line has a `label` and `places` [calls + 1, 2], the last where the picture is; one that
    jumps has the place of every call's pred_x0 too, `jumps` [calls, 2].
    """
    return {"label": label, "lines": lines, "share": round(share, 4)}


def models(
    found: list[dict], text: str, share: float | None = None, rows: Sequence[dict] = (),
    notes: Sequence[str] = (), planes: Sequence[dict] = (),
) -> dict:  # fmt: skip
    """`share` 0 … 1 of the network calls until all are done; the rest is there at the end."""
    return {
        "kind": "models", "models": found, "text": text, "share": share, "rows": list(rows),
        "notes": list(notes), "planes": list(planes),
    }  # fmt: skip
