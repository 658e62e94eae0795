"""Long runs side by side: each with its preview or picture, calls and seconds."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from playground.page.shared.view import data_url, raster, read

VIEW = read(Path(__file__).parent)


@dataclass(frozen=True)
class Lane:
    """`preview` is a raster while it runs, `image` a data URL when it is done."""

    label: str
    done: int
    count: int
    seconds: float
    preview: dict | None = None
    image: str | None = None


def lane(label: str, done: int, count: int, seconds: float, preview: np.ndarray) -> Lane:
    """A run that is being drawn; `preview` uint8 [h, w, 3] of pred_x0 (x̂0)."""
    return Lane(label, done, count, seconds, preview=raster(preview))


def ended(label: str, count: int, seconds: float, picture: np.ndarray) -> Lane:
    return Lane(label, count, count, seconds, image=data_url(picture))


def lanes(found: list[Lane], text: str, share: float | None = None) -> dict:
    """`share` 0 … 1 of all network calls, while there are some to come."""
    return {"kind": "lanes", "lanes": [asdict(x) for x in found], "text": text, "share": share}


def message(text: str, share: float | None = None, error: bool = False) -> dict:
    return {"kind": "message", "text": text, "share": share, "error": error}


def stopped() -> dict:
    return message("Stopped.") | {"stopped": True}
