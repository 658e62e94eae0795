"""Text inside a PNG: JSON that other programs keep, and that is read without decoding pixels."""

import json
import os
import struct
import zlib
from collections.abc import Collection
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:  # text is read without any library of pictures
    from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COMPRESSION = 2  # of zlib: a quarter of the usual level's time for a file that is a fifth larger
LONGEST = 2**20  # bytes of text that are read
MOST_CHUNKS = 100_000  # of one file, so that reading ends soon whatever the file is


def compact(data, ascii: bool = False) -> str:
    """`data` as JSON without spaces."""
    return json.dumps(data, ensure_ascii=ascii, separators=(",", ":"))


def save(image: "Image.Image", path, name: str, data) -> None:
    """Write `image` as a PNG with `data` as JSON under `name`; `path` may be an open file.

    It is said twice: ImageMagick drops iTXt when it saves a picture again, but keeps plain ASCII
    in tEXt.
    """
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    chunks.add_itxt(name, compact(data))
    chunks.add_text(name, compact(data, ascii=True))
    image.save(path, format="PNG", pnginfo=chunks, compress_level=COMPRESSION)


def read(file, names: Collection[str]) -> dict[str, str]:
    """The texts in a PNG (a path or an open file) that have one of the names, by name.

    Only these are read and kept, so that no file costs much, whatever size of picture it claims.
    Of two texts with one name the first one counts. Raises ValueError if the file is not a PNG, is
    cut off, or one of these texts is damaged or longer than `LONGEST`.
    """
    try:
        if hasattr(file, "read"):
            file.seek(0)
            return _read(file, names)
        with open(os.fspath(file), "rb") as opened:
            return _read(opened, names)
    except (OSError, TypeError, ValueError, struct.error, zlib.error) as error:
        raise ValueError(f"not a readable PNG: {error}") from error


def _read(file: BinaryIO, names: Collection[str]) -> dict[str, str]:
    """Chunk by chunk to the last one: length, type, body, checksum of type and body.

    PNG specification, third edition, section 5.3.
    """
    if file.read(len(SIGNATURE)) != SIGNATURE:
        raise ValueError("it does not begin as a PNG does")
    texts: dict[str, str] = {}
    for _ in range(MOST_CHUNKS):
        length, kind = struct.unpack(">I4s", file.read(8))
        start = file.read(min(length, 80)) if kind in TEXT_OF else b""  # a name has at most 79
        name = start.partition(b"\0")[0].decode("latin-1")
        wanted = kind in TEXT_OF and name in names and name not in texts
        if not wanted and kind != b"IEND":
            file.seek(length - len(start) + 4, os.SEEK_CUR)
            continue
        if length > LONGEST:
            raise ValueError("a text is too long")
        body = start + file.read(length - len(start))
        if file.read(4) != struct.pack(">I", zlib.crc32(kind + body)):
            raise ValueError("a chunk is damaged")
        if kind == b"IEND":
            return texts
        texts[name] = TEXT_OF[kind](body[len(name) + 1 :])
    raise ValueError("there are too many chunks")


def _international(body: bytes) -> str:
    """Compressed or not, the method, language and name translated (both end with 0), the text."""
    _, _, text = body[2:].split(b"\0", 2)
    return (_inflated(text) if body[0] else text).decode()


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    text = inflater.decompress(data, LONGEST + 1)
    if len(text) > LONGEST or not inflater.eof:
        raise ValueError("a text is too long, or cut off")
    return text


TEXT_OF = {  # by a text chunk's type: what it says after the name and a 0
    b"tEXt": lambda body: body.decode("latin-1"),
    b"zTXt": lambda body: _inflated(body[1:]).decode("latin-1"),
    b"iTXt": _international,
}
