"""Files that visitors bring: seen as a viewer shows them, or refused in one sentence."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from playground.models import pictures
from playground.models.pictures import PictureError

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
UNREADABLE = "This file is not a readable PNG, JPEG or WebP picture."


def file_of(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def opened(tmp_path):
    def opener(content: bytes, side: int = 8) -> np.ndarray:
        (tmp_path / "picture").write_bytes(content)
        return pictures.opened(tmp_path / "picture", side)

    return opener


def halves(first, second, size=(32, 32), mode="RGB") -> Image.Image:
    """`first` in the upper half, `second` in the lower one."""
    image = Image.new(mode, size, first)
    image.paste(second, (0, size[1] // 2, *size))
    return image


@pytest.mark.parametrize("kind", pictures.FORMATS)
@pytest.mark.parametrize("size", [(32, 32), (96, 32), (32, 320), (5, 4)])
def test_the_middle_square_of_every_format(kind, size, opened):
    found = opened(file_of(halves(RED, BLUE, size), kind, quality=100)).astype(int)
    assert found.shape == (8, 8, 3)
    assert abs(found[1] - RED).max() < 30
    assert abs(found[-2] - BLUE).max() < 30


def test_a_turned_photo_stands_upright(opened):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise: the left column is the top row
    image = halves(RED, BLUE).transpose(Image.Transpose.ROTATE_90)
    found = opened(file_of(image, "JPEG", quality=100, exif=exif))
    assert abs(found[1].astype(int) - RED).max() < 30


def test_what_is_transparent_is_white(opened):
    clear = halves((*RED, 255), (*BLUE, 0), mode="RGBA")
    assert (opened(file_of(clear, "PNG"))[-1] == WHITE).all()
    palette = halves(0, 1, mode="P")
    palette.putpalette([*RED, *BLUE])
    for transparent in (1, b"\xff\x00"):
        found = opened(file_of(palette, "PNG", transparency=transparent))
        assert (found[0] == RED).all()
        assert (found[-1] == WHITE).all()
    keyed = opened(file_of(halves(RED, BLUE), "PNG", transparency=BLUE))
    assert (keyed[-1] == WHITE).all()


def test_a_half_transparent_edge_does_not_show_the_hidden_colour(opened):
    image = halves((*RED, 255), (*BLUE, 0), (32, 28), "RGBA")  # the edge lies within a pixel
    assert (opened(file_of(image, "PNG"))[..., 2] < 250).any()
    between = opened(file_of(image, "PNG"))[4].astype(int)
    assert (between[:, 0] >= between[:, 2]).all()  # from red to white, without blue


def test_sixteen_bits_and_gray(opened):
    deep = Image.fromarray(np.full((16, 16), 32768, np.uint16))
    assert (opened(file_of(deep, "PNG")) == 127).all()
    assert (opened(file_of(Image.new("L", (9, 9), 40), "PNG")) == 40).all()
    assert opened(file_of(Image.new("CMYK", (9, 9)), "JPEG")).min() > 250


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def claiming(width: int, height: int) -> bytes:
    """A PNG's header, and nothing behind it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


@pytest.mark.parametrize(
    "size", [(10_000, 6_000), (20_000, 6_000), (2**31 - 1, 2**31 - 1)], ids=str
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_many_pixels_are_refused_by_the_header_alone(size, opened):
    with pytest.raises(PictureError, match="too many pixels: at most 50 million"):
        opened(claiming(*size))


def test_too_many_bytes_are_refused_before_they_are_read(opened, monkeypatch):
    monkeypatch.setattr(pictures, "HEAVIEST", 1e6)
    with pytest.raises(PictureError, match="This file has 2 MB; at most 1 are read"):
        opened(bytes(2_000_000))


def test_a_large_jpeg_is_decoded_small(opened, monkeypatch):
    seen = []
    monkeypatch.setattr(pictures, "middle_square", lambda image, side: seen.append(image.size))
    opened(file_of(Image.new("RGB", (2048, 1024)), "JPEG"), 128)
    assert seen == [(256, 128)]


def texts() -> bytes:
    """A PNG with a text that is a thousand times as long as the file."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "a" * 2**22, zip=True)
    return file_of(Image.new("RGB", (8, 8)), "PNG", pnginfo=info)


def whole() -> bytes:
    return file_of(Image.effect_noise((64, 64), 50), "PNG")


HOSTILE = {
    "nothing": lambda: b"",
    "a page": lambda: b"<html><script>alert(1)</script></html>",
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "gif": lambda: file_of(Image.new("RGB", (8, 8)), "GIF"),
    "tiff": lambda: file_of(Image.new("RGB", (8, 8)), "TIFF"),
    "cut off": lambda: whole()[:500],
    "no size": lambda: claiming(0, 0),
    "no pixels": lambda: claiming(64, 64),
    "a damaged chunk": lambda: whole().replace(b"IDAT", b"IDAX", 1),
    "much text": texts,
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_picture_is_one_sentence(make, opened):
    with pytest.raises(PictureError) as error:
        opened(make())
    assert str(error.value) == UNREADABLE


@pytest.mark.parametrize("exif", [b"II*\0\x08\0\0\0\xff\xff", b"II", b"\xff" * 64])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_broken_exif_does_not_hide_the_picture(exif, opened):
    content = file_of(Image.new("RGB", (32, 32), RED), "JPEG", exif=b"Exif\0\0" + exif)
    assert abs(opened(content).astype(int) - RED).max() < 5
