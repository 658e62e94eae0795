"""Browser views: arrays and words in, data for the page out.

Each folder holds a template, a style and a behaviour file. What has been computed is explored in
the browser alone, without asking the server again.
"""

import base64
import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
from PIL import Image

from playground.models.words import Word

HERE = Path(__file__).parent
SHARED = HERE / "shared.js"  # what every behaviour has at hand
OVERLAY = HERE / "overlay.js", HERE / "overlay.css"  # of views that lay maps over pictures
COLOURMAP = HERE / "viridis.json"  # matplotlib's, 256 colours as hexadecimal digits
STYLE = HERE / "shared.css"  # what looks alike in every view


@dataclass(frozen=True)
class View:
    """The three files of a view, as `gr.HTML` wants them; its style begins with shared.css, its
    behaviour with shared.js.
    """

    html_template: str
    css_template: str
    js_on_load: str


@dataclass(frozen=True)
class Summing:
    """How a run's maps are summed to one per word (see `heatmaps.Aggregation`), for the browser.

    `calls` are the steps that count, `weights` the exponents of the grids from the finest on,
    `edges` the guided filter's radius; `text` says this. `claim` is what was measured of the
    finished maps of all heads, summed this way; empty if nothing was.
    """

    calls: tuple[int, ...]
    weights: tuple[float, ...]
    edges: float
    text: str
    claim: str = ""


def chips(words: Sequence[Word]) -> list[dict]:
    """What a view knows of a prompt's words."""
    return [{"text": w.text, "known": w.known, "content": w.content} for w in words]


def read(folder: Path, overlay: bool = False) -> View:
    """The view in a folder; `overlay` is whether it lays maps over pictures (see overlay.js).

    A long behaviour is several scripts, which are one: behaviour.js is the last.
    """
    css, js, names = [STYLE], [SHARED], ("template.html", "style.css", "behaviour.js")
    template, style, behaviour = (folder / name for name in names)
    behaviours = [*sorted(set(folder.glob("*.js")) - {behaviour}), behaviour]
    if overlay:
        js, css = [*js, OVERLAY[0]], [*css, OVERLAY[1]]
    return View(_text(template), _text(*css, style), _colourmap(overlay) + _text(*js, *behaviours))


def _text(*files: Path) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in files)


def _colourmap(needed: bool) -> str:
    return f"const COLOURMAP = {_text(COLOURMAP).strip()};\n" if needed else ""


def standalone(view: View, data: dict, title: str) -> str:
    """A view and its data as a single HTML file that needs no network."""
    return _pages().get_template("page.html").render(view=view, data=data, title=title)


@functools.lru_cache(maxsize=1)
def _pages() -> jinja2.Environment:
    """Titles and data are escaped; a view's own three files are marked as safe in the template."""
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True)
    pages.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return pages


def raster(pixels: np.ndarray) -> dict:
    """uint8 [h, w, 3] as plain data for a canvas."""
    height, width, _ = pixels.shape
    return {"h": height, "w": width, "rgb": pack(pixels)}


def pack(array: np.ndarray) -> str:
    """Base64 of the array's bytes, row by row, little-endian."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(np.ascontiguousarray(little).tobytes()).decode()


def data_url(pixels: np.ndarray) -> str:
    """uint8 [h, w, 3] as a small WebP for an `img`; to keep a picture, save its PNG instead."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="WEBP", quality=90)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
