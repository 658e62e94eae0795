"""A scene is plain data: a place and up to three items, each with a position and a size."""

from dataclasses import dataclass

SIDE = 128  # pixels, both ways
GRID = 8  # pixels: item centres sit on this grid, one latent cell


@dataclass(frozen=True)
class Item:
    noun: str
    center: tuple[int, int]  # (x, y) in pixels
    size: int  # side of the sprite in pixels, before anything is worn
    color: str | None = None  # shapes only
    worn: str | None = None  # a name of WORN, or COSTUME
    scale: str | None = None  # "small" or "large" when the size was chosen for the word


@dataclass(frozen=True)
class Scene:
    place: str
    items: tuple[Item, ...] = ()
    task: str = "place"  # which of the grammar's tasks it came from


@dataclass(frozen=True)
class Span:
    """Characters [start, end) of a caption and what they name: items, or the place if none."""

    start: int
    end: int
    kind: str  # noun, color, size, count, worn, place
    items: tuple[int, ...] = ()


@dataclass(frozen=True)
class Caption:
    text: str
    spans: tuple[Span, ...]
