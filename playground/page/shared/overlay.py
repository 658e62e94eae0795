"""Maps over pictures in saved files, as overlay.js lays them over pictures on the page."""

import functools
import json

import numpy as np
from PIL import Image, ImageDraw

from playground.page.shared import labels
from playground.page.shared.view import COLOURMAP
from playground.wording import percent

KINDS = ("colour", "contour", "light")
STRENGTH, LEVEL, DARKEST = 0.6, 0.4, 225  # as in overlay.js and shared.js: veil
BAR = 8  # pixels: the height of a colour bar


def known(kind) -> str:
    """The kind itself; ValueError if there is no such overlay."""
    if kind not in KINDS:
        raise ValueError(f"There is no overlay {kind!r}; there are: {', '.join(KINDS)}.")
    return kind


@functools.lru_cache(maxsize=1)
def ramp() -> np.ndarray:
    """viridis, uint8 [256, 3]: perceptually uniform, safe for colour-blind eyes."""
    return np.frombuffer(
        bytes.fromhex(json.loads(COLOURMAP.read_text(encoding="utf-8"))), np.uint8
    ).reshape(-1, 3)


def laid(picture: Image.Image, map_: np.ndarray, kind: str) -> Image.Image:
    """A picture under a map [h, w] that is stretched to its own range."""
    low, high = float(map_.min()), float(map_.max())
    share = Image.fromarray(((map_ - low) / max(high - low, 1e-9)).astype(np.float32))
    share = np.asarray(share.resize(picture.size, Image.Resampling.BILINEAR)).clip(0, 1)
    if kind == "contour":
        return _outlined(picture, share)
    pixels = np.asarray(picture.convert("RGB"), np.float32)
    if kind == "light":
        pixels = pixels * (1 - DARKEST / 255 * (1 - share[..., None]))
    else:
        grey = pixels @ np.array([0.3, 0.59, 0.11], np.float32)
        colours = ramp()[np.round(share * (len(ramp()) - 1)).astype(int)]
        pixels = (1 - STRENGTH) * grey[..., None] + STRENGTH * colours
    return Image.fromarray(np.round(pixels).astype(np.uint8))


def _outlined(picture: Image.Image, share: np.ndarray) -> Image.Image:
    """With a line where the share is LEVEL: black under white, so that one is seen on anything."""
    from contourpy import contour_generator  # comes with matplotlib

    outlined = picture.convert("RGB")
    brush = ImageDraw.Draw(outlined)
    lines = contour_generator(z=share).lines(LEVEL)
    for width, colour in ((4, "black"), (2, "white")):
        for line in lines:
            brush.line([tuple(point) for point in line], colour, width, joint="curve")
    return outlined


def bar(map_: np.ndarray, width: int, kind: str) -> Image.Image:
    """The colour bar of a map of shares, with its numbers: lowest, in the middle or at the contour,
    highest.
    """
    at = LEVEL if kind == "contour" else 0.5
    numbers = [_number(_attended(map_.min() + part * np.ptp(map_))) for part in (0, at, 1)]
    whole = Image.new("RGB", (width, BAR + numbers[0].height + 2), "white")
    places = np.linspace(0, 1, width - 2)
    colours = ramp()[np.round(places * 255).astype(int)]
    if kind != "colour":
        colours = np.repeat((255 - DARKEST * (1 - places[:, None])).astype(np.uint8), 3, 1)
    if kind == "contour":
        colours = np.where(abs(places - at)[:, None] < 2 / width, 0, 230).repeat(3, 1)
    strip = np.repeat(colours[None].astype(np.uint8), BAR, 0)
    whole.paste(Image.fromarray(strip), (1, 0))
    for part, number in zip((0, at, 1), numbers, strict=True):
        left, _, right, _ = number.getbbox() or (0, 0, 0, 0)
        x = min(max(round(part * width - (right + left) / 2), 1), width - right - 1)
        whole.paste(number, (x, BAR + 1), number)
    return whole


@functools.lru_cache(maxsize=256)  # a GIF has one for each word and step
def _number(text: str) -> Image.Image:
    return labels.label(text, 48, 10)


def _attended(share: float) -> str:
    """As `attended` in shared.js."""
    return percent(float(share), 1 if share < 0.1 else 0)
