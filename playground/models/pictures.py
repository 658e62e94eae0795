"""Prepare a visitor's own pictures for a model's autoencoder."""

import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST = 50_000_000  # pixels
HEAVIEST = 40_000_000  # bytes
ONE = threading.Lock()  # file at a time is decoded: a large one takes hundreds of megabytes


class PictureError(ValueError):
    """Why a file cannot be used as a picture, in one sentence."""


def opened(file: str | Path, side: int) -> np.ndarray:
    """uint8 [side, side, 3]: the middle square of a picture file that may hold anything.

    Its format, bytes and pixels are checked in its header, before a pixel is decoded; a JPEG is
    then decoded at the smallest of its own scales that is large enough.
    """
    try:
        size = Path(file).stat().st_size
    except FileNotFoundError as error:  # a page forgets its files after a while
        raise PictureError("This file is no longer here: open it again.") from error
    if size > HEAVIEST:
        raise PictureError(
            f"This file has {size / 1e6:.0f} MB; at most {HEAVIEST / 1e6:.0f} are read."
        )
    many = f"This picture has too many pixels: at most {LARGEST / 1e6:.0f} million are read."
    try:
        with ONE, Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > LARGEST:
                raise PictureError(many)
            image.draft("RGB", (side, side))
            return middle_square(image, side)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(many) from error
    except Exception as error:  # a decoder may stumble over foreign bytes in any way
        raise PictureError("This file is not a readable PNG, JPEG or WebP picture.") from error


def opaque(image: Image.Image) -> Image.Image:
    """8 bits a colour, white where it is transparent; ValueError if its range is unknown."""
    with_alpha = _averageable(image).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, with_alpha).convert("RGB")


def _averageable(image: Image.Image) -> Image.Image:
    """8 bits a colour, and pixels whose mean is a colour: no palette, no transparent colour."""
    if image.mode.startswith("I;16"):  # Pillow would clip values above 255
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"The range of values in a picture of mode {image.mode!r} is unknown.")
    plain = image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info
    return image if plain else image.convert("RGBA")


def middle_square(image: Image.Image, side: int) -> np.ndarray:
    """uint8 [side, side, 3]: the middle square of a picture, as a viewer shows it.

    `image` itself may be turned on the way. It is made small first, so that a large one is held in
    memory once.
    """
    with suppress(Exception):  # viewers show a picture whose EXIF is broken, too
        ImageOps.exif_transpose(image, in_place=True)
    return np.array(opaque(ImageOps.fit(_averageable(image), (side, side))))
