"""What a run looks like in a notebook: the Studio's explorer, and figures of matplotlib."""

import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from playground.engine.record import RunRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 640  # pixels of the frame
ACROSS = 8  # pictures side by side
INCHES, DPI = 1.6, 100  # of a picture
# No address but the frame's own: what is shown is in it, and nothing is sent.
POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)


def explorer(run: RunRecord) -> str:
    """A frame with the page's explorer of this run: point at a word for its pixels, at a pixel for
    its words. It needs no server, and its scripts reach nothing outside of it.
    """
    from playground.page.shared.view import standalone
    from playground.page.studio import data
    from playground.page.studio.views import explorer as view

    shown = data.finished(run, sum(run.picture.seconds.values()))["explorer"]
    page = standalone(view.VIEW, shown, run.prompt.text or "No words")
    policy = f'<meta http-equiv="content-security-policy" content="{POLICY}">'
    page = page.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{policy}', 1)
    return (
        '<iframe sandbox="allow-scripts allow-downloads" title="Explorer" '
        f'style="width: 100%; height: {HEIGHT}px; border: 0" srcdoc="{html.escape(page)}"></iframe>'
    )


def row(pictures: Sequence[np.ndarray], titles: Sequence[str]) -> "Figure":
    """Pictures uint8 [h, w, 3] side by side, each under its title."""
    from matplotlib.figure import Figure  # not pyplot: nothing global is changed

    across = min(ACROSS, len(pictures))
    down = -(-len(pictures) // across)
    figure = Figure((across * INCHES, down * (INCHES + 0.3)), DPI, layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).flat
    for place in axes:
        place.set_axis_off()
    for place, picture, title in zip(figure.axes, pictures, titles, strict=False):
        place.imshow(picture)
        place.set_title(title, fontsize=9, parse_math=False)
    return figure


def maps(picture: np.ndarray, words: Sequence[str], found: np.ndarray) -> "Figure":
    """A picture, and it in grey under the map of each word: `found` [words, h, w]."""
    from PIL import Image

    from playground.page.shared import overlay

    image = Image.fromarray(picture)
    laid = [np.asarray(overlay.laid(image, map_, "colour")) for map_ in found]
    return row([picture, *laid], ["", *words])


def png(figure: "Figure") -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
