"""Text in saved pictures: in every script for which the machine has a font, wrapped to a width, and
cut with … where it is too long.
"""

import functools
import unicodedata
from collections.abc import Callable

import numpy as np
from PIL import Image

FONT = "DejaVu Sans"  # comes with matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic, many signs
UNKNOWN = "□"  # replaces a letter that no installed font has
LEADING = 1.35  # height of a line for a font size of 1
DPI = 72  # at which a point of font size is a pixel


def label(
    text: str, width: int, size: int = 12, colour: str = "#1f2937", lines: int | None = 1
) -> Image.Image:
    """RGBA, `width` pixels wide and as high as its lines; `size` is the font's, in pixels.

    `lines` is the largest number of lines, None for no limit. Line breaks count as spaces.
    """
    families, said = _families(_visible(text))
    wrapped = _wrapped(said, width, _measure(families, size), lines)
    return _drawn(wrapped, width, families, size, colour)


def _visible(text: str) -> str:
    """The text without control, format and variation characters, which no font draws."""
    spaced = " ".join(text.split())
    hidden = (c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return "".join(c for c in hidden if not "\ufe00" <= c <= "\ufe0f")


@functools.lru_cache(maxsize=1)
def _fonts() -> list[tuple[str, str]]:
    """Family and file of every upright font of usual weight: DejaVu Sans, then the machine's own.

    The other fonts that matplotlib brings are for formulas; their codes are not Unicode's.
    """
    import matplotlib
    from matplotlib import font_manager

    own = str(matplotlib.get_data_path())
    found = [(FONT, font_manager.findfont(FONT))]
    for font in font_manager.fontManager.ttflist:
        usual = font.style == "normal" and font.weight in (400, "normal", "regular", "book")
        if usual and font.name != FONT and not font.fname.startswith(own):
            found.append((font.name, font.fname))
    return found


@functools.lru_cache(maxsize=256)
def _families(text: str) -> tuple[tuple[str, ...], str]:
    """The families that have its letters, and the text with UNKNOWN for letters that none has."""
    from matplotlib import font_manager

    families, missing = [FONT], set(text)
    for name, file in _fonts():
        font = font_manager.get_font(file)
        known = {c for c in missing if font.get_char_index(ord(c))}
        families += [name] if known and name not in families else []
        missing -= known
        if not missing:
            break
    return tuple(families), "".join(UNKNOWN if c in missing else c for c in text)


def _measure(families: tuple[str, ...], size: int) -> Callable[[str], float]:
    """How wide a line is, in pixels."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    renderer, font = RendererAgg(1, 1, DPI), FontProperties(family=families, size=size)
    return lambda line: renderer.get_text_width_height_descent(line, font, ismath=False)[0]


def _wrapped(text: str, width: int, measure: Callable[[str], float], most: int | None) -> list[str]:
    """The lines of a text, broken between words, or inside a word that is wider than a line."""
    lines, rest = [], text
    while rest:
        fits = _fitting(rest, width, measure)
        if fits == len(rest):
            return [*lines, rest]
        if most and len(lines) == most - 1:
            return [*lines, _ended(rest, width, measure)]
        space = rest.rfind(" ", 0, fits + 1)
        lines.append(rest[: space if space > 0 else fits])
        rest = rest[len(lines[-1]) :].lstrip()
    return lines or [""]


def _fitting(text: str, width: int, measure: Callable[[str], float]) -> int:
    """How many first letters of a text fit into a line, at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle]) <= width else (low, middle - 1)
    return low


def _ended(text: str, width: int, measure: Callable[[str], float]) -> str:
    while text and measure(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _drawn(
    lines: list[str], width: int, families: tuple[str, ...], size: int, colour: str
) -> Image.Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    step = round(size * LEADING)
    height = step * len(lines)
    figure = Figure((width / DPI, height / DPI), DPI, facecolor="none")
    canvas = FigureCanvasAgg(figure)  # not pyplot, which keeps global state
    for number, line in enumerate(lines):
        figure.text(
            0, height - step * number - size, line, transform=None, va="baseline",
            fontfamily=list(families), fontsize=size, color=colour, parse_math=False,
        )  # fmt: skip
    canvas.draw()
    return Image.fromarray(np.array(canvas.buffer_rgba()))
