"""Draw a scene, and the exact pixels of everything a caption can name."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from playground.paths import ASSETS
from playground.world.scene import SIDE, Caption, Item, Scene, Span
from playground.world.vocabulary import COLORS, COSTUME, NOUNS, WEARABLE

SPRITES = ASSETS / "sprites"
OVERSAMPLE = 4  # shapes and helmets are drawn larger and reduced, for smooth edges
FACE_IN_HELMET = 0.62  # side of the face relative to the whole costume


@lru_cache(maxsize=4096)
def _sprite(name: str, width: int) -> Image.Image:
    """The sprite `width` pixels wide, RGBA, cropped to what is visible for worn things."""
    image = Image.open(SPRITES / f"{name.replace(' ', '-')}.webp").convert("RGBA")
    if name in WEARABLE:
        image = image.crop(image.getchannel("A").point(lambda a: 255 * (a > 40)).getbbox())
    return image.resize((width, round(width * image.height / image.width)), Image.LANCZOS)


@lru_cache(maxsize=1024)
def _shape(name: str, color: str, size: int) -> Image.Image:
    side = size * OVERSAMPLE
    image = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(image)
    fill = COLORS[color] + (255,)
    if name == "circle":
        draw.ellipse((0.06 * side, 0.06 * side, 0.94 * side, 0.94 * side), fill=fill)
    else:
        draw.polygon([(x * side, y * side) for x, y in _outline(name)], fill=fill)
    return image.resize((size, size), Image.LANCZOS)


def _outline(name: str) -> list[tuple[float, float]]:
    """Corners in fractions of the side."""
    if name == "square":
        return [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
    if name == "triangle":
        return [(0.5, 0.06), (0.96, 0.9), (0.04, 0.9)]
    if name == "diamond":
        return [(0.5, 0.02), (0.86, 0.5), (0.5, 0.98), (0.14, 0.5)]
    if name == "star":
        angles = np.pi * np.arange(10) / 5
        radii = np.where(np.arange(10) % 2, 0.21, 0.5)
        return list(zip(0.5 + radii * np.sin(angles), 0.53 - radii * np.cos(angles), strict=True))
    # heart: x = 16 sin³t, y = 13 cos t − 5 cos 2t − 2 cos 3t − cos 4t, scaled to the unit square
    t = np.linspace(0, 2 * np.pi, 60)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return list(zip(0.5 + x / 35, 0.47 - y / 35, strict=True))


@lru_cache(maxsize=64)
def _helmet(size: int) -> tuple[Image.Image, Image.Image]:
    """The astronaut costume as two RGBA layers: (behind the face, in front of it)."""
    s = size * OVERSAMPLE
    back, front = (Image.new("RGBA", (s, s)) for _ in range(2))
    glass, ring = (0.10, 0.02, 0.90, 0.82), (0.04, -0.04, 0.96, 0.88)
    box = lambda b: tuple(v * s for v in b)  # noqa: E731
    draw = ImageDraw.Draw(back)
    draw.ellipse(box(ring), fill=(236, 238, 243, 255))
    draw.ellipse(box(glass), fill=(40, 58, 104, 255))
    draw = ImageDraw.Draw(front)
    draw.rounded_rectangle(box((0.16, 0.80, 0.84, 1.0)), 0.09 * s, fill=(236, 238, 243, 255))
    draw.rounded_rectangle(box((0.28, 0.86, 0.42, 0.94)), 0.03 * s, fill=(226, 60, 60, 255))
    draw.rounded_rectangle(box((0.58, 0.86, 0.72, 0.94)), 0.03 * s, fill=(60, 110, 226, 255))
    draw.arc(box((0.17, 0.08, 0.83, 0.76)), 205, 250, fill=(255, 255, 255, 210), width=s // 28)
    small = [layer.resize((size, size), Image.LANCZOS) for layer in (back, front)]
    return small[0], small[1]


@lru_cache(maxsize=64)
def _background(place: str) -> Image.Image:
    y = np.linspace(0, 1, SIDE)[:, None, None]
    if place.endswith(" background"):
        rgb = np.array(COLORS[place.removesuffix(" background")], float)
        # A soft fall-off, and a little paler than shapes of the same name.
        flat = (0.86 * rgb + 0.14 * 255) * (1.04 - 0.10 * y)
        return _to_image(np.broadcast_to(flat, (SIDE, SIDE, 3)))
    blend = lambda top, bottom: np.array(top) * (1 - y) + np.array(bottom) * y  # noqa: E731
    canvas = np.broadcast_to(
        {
            "night sky": blend((12, 14, 44), (36, 34, 84)),
            "sunset": blend((88, 58, 140), (255, 148, 74)),
            "beach": blend((124, 200, 250), (190, 228, 252)),
            "grass": blend((130, 196, 250), (206, 232, 252)),
            "snow": blend((160, 184, 214), (206, 216, 230)),
        }[place],
        (SIDE, SIDE, 3),
    ).copy()
    if place == "beach":
        canvas[72:96], canvas[96:] = (38, 128, 200), (244, 216, 152)
    if place == "grass":
        canvas[80:] = (92, 180, 78)
    if place == "snow":
        canvas[80:] = (248, 250, 254)
    image = _to_image(canvas)
    draw = ImageDraw.Draw(image)
    if place == "night sky":
        for x, top in ((14, 20), (38, 44), (58, 10), (84, 30), (108, 14), (116, 58),
                       (22, 78), (96, 88), (12, 116), (52, 106), (76, 68), (112, 114)):  # fmt: skip
            draw.ellipse((x - 1, top - 1, x + 1, top + 1), fill=(255, 250, 220))
    return image


def _to_image(array: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.round(array), 0, 255).astype(np.uint8))


Layer = tuple[Image.Image, tuple[int, int], str]  # picture, upper left corner, "body" or "worn"


def layers(item: Item) -> list[Layer]:
    """What an item is made of, from back to front."""
    x, y = item.center
    left, top = x - item.size // 2, y - item.size // 2
    if item.noun not in NOUNS:
        return [(_shape(item.noun, item.color, item.size), (left, top), "body")]
    if item.worn == COSTUME:
        back, front = _helmet(item.size)
        face = _sprite(item.noun, round(item.size * FACE_IN_HELMET))
        corner = (x - face.width // 2, y - round(0.10 * item.size) - face.height // 2)
        return [(back, (left, top), "worn"), (face, corner, "body"), (front, (left, top), "worn")]
    parts = [(_sprite(item.noun, item.size), (left, top), "body")]
    if item.worn:
        worn = WEARABLE[item.worn]
        ax, ay, width = getattr(NOUNS[item.noun], worn.anchor)
        picture = _sprite(item.worn, max(4, round(item.size * width * worn.scale)))
        above = 0.5 if worn.anchor == "eyes" else 1 - worn.sink
        corner = (
            left + round(ax * item.size - picture.width / 2),
            top + round(ay * item.size - above * picture.height),
        )
        parts.append((picture, corner, "worn"))
    return parts


def bounds(item: Item) -> tuple[int, int, int, int]:
    """Smallest box (left, top, right, bottom) around the visible pixels, worn things included."""
    x, y = item.center
    left, top, right, bottom = _bounds_at_origin(replace(item, center=(0, 0)))
    return x + left, y + top, x + right, y + bottom


@lru_cache(maxsize=8192)
def _bounds_at_origin(item: Item) -> tuple[int, int, int, int]:
    boxes = []
    for picture, (left, top), _ in layers(item):
        a, b, c, d = _visible_box(picture)
        boxes.append((left + a, top + b, left + c, top + d))
    a, b, c, d = zip(*boxes, strict=True)
    return min(a), min(b), max(c), max(d)


def _visible_box(picture: Image.Image) -> tuple[int, int, int, int]:
    return picture.getchannel("A").point(lambda alpha: 255 * (alpha > 60)).getbbox()


def draw(scene: Scene) -> np.ndarray:
    """The picture alone, uint8 [128, 128, 3]."""
    canvas = _background(scene.place).copy()
    for item in scene.items:
        for picture, corner, _ in layers(item):
            canvas.paste(picture, corner, picture)
    return np.asarray(canvas)


def owners(scene: Scene) -> np.ndarray:
    """What is visible at each pixel, int [128, 128].

    −1 the place, 2·i the body of item i, 2·i + 1 what it wears.
    """
    owner = np.full((SIDE, SIDE), -1)
    for index, item in enumerate(scene.items):
        for picture, corner, part in layers(item):
            stamp = Image.new("L", (SIDE, SIDE))
            stamp.paste(picture.getchannel("A"), corner)
            owner[np.asarray(stamp) > 127] = 2 * index + (part == "worn")
    return owner


def owned(span: Span) -> list[int]:
    """The numbers in `owners` of what a span of the caption names."""
    if span.kind == "place":
        return [-1]
    return [2 * i + (span.kind == "worn") for i in span.items]


def render(scene: Scene, caption: Caption) -> tuple[np.ndarray, dict[tuple[int, int], np.ndarray]]:
    """Picture uint8 [128, 128, 3] and, per named (start, end) of the caption, bool [128, 128].

    Masks hold visible pixels: a face does not include the hat in front of it, a place is what
    no item covers.
    """
    owner = owners(scene)
    masks = {(span.start, span.end): np.isin(owner, owned(span)) for span in caption.spans}
    return draw(scene), masks
