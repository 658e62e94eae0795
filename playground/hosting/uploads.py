"""Files that arrive: whether each is a picture of a size that is read, told from its header."""

import io
from collections.abc import AsyncGenerator
from typing import BinaryIO

from PIL import Image
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from playground.hosting.settings import MEGABYTE, Settings

FORMATS = ("PNG", "JPEG", "WEBP")
MOST = 4  # files of one request
NONE = "This is not a readable PNG, JPEG or WebP picture."


class UploadError(ValueError):
    """Why a file is refused, in one sentence."""


def check_picture(file: BinaryIO, pixels: float) -> None:
    """Raises UploadError unless the file begins as a picture of at most so many pixels."""
    try:
        with Image.open(file, formats=FORMATS) as image:  # reads the header alone
            width, height = image.size
    except Image.DecompressionBombError as error:
        raise UploadError(_many(pixels)) from error
    except Exception as error:  # a reader may stumble over foreign bytes in any way
        raise UploadError(NONE) from error
    finally:
        file.seek(0)
    if width * height > pixels:
        raise UploadError(_many(pixels))


def _many(pixels: float) -> str:
    return f"This picture has too many pixels: at most {pixels / 1e6:g} million are read."


async def check(body: bytes, headers: Headers, settings: Settings) -> None:
    """Raises UploadError unless the body of a form holds a few pictures that may be opened."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(headers, stream(), max_files=MOST)
    try:
        try:
            form = await parser.parse()
        except (MultiPartException, KeyError, ValueError) as error:
            raise UploadError("This upload is not a form with a file in it.") from error
        files = [file for _, file in form.multi_items() if isinstance(file, UploadFile)]
        if not files:
            raise UploadError("This upload holds no file.")
        for file in files:
            if (file.size or 0) > settings.upload_megabytes * MEGABYTE:
                raise UploadError(f"A file may have at most {settings.upload_megabytes:g} MB.")
            check_picture(io.BytesIO(await file.read()), settings.upload_megapixels * MEGABYTE)
    finally:  # also files of a form that is damaged, or breaks off within one of them
        for spooled in parser._files_to_close_on_error:
            spooled.close()
