"""Prepare a visitor's own pictures for a model's autoencoder."""

import numpy as np
from PIL import Image, ImageOps


def opaque(image: Image.Image) -> Image.Image:
    """8 bits a colour, white where it is transparent; ValueError if its range is unknown."""
    if image.mode.startswith("I;16"):  # Pillow would clip values above 255
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"The range of values in a picture of mode {image.mode!r} is unknown.")
    with_alpha = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, with_alpha).convert("RGB")


def middle_square(image: Image.Image, side: int) -> np.ndarray:
    """uint8 [side, side, 3]: the middle square of a picture, as a viewer shows it."""
    return np.array(ImageOps.fit(opaque(ImageOps.exif_transpose(image)), (side, side)))
