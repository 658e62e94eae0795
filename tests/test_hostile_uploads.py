"""Whatever a stranger uploads or types: what is read of it, or one sentence, and no other error."""

import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from browser import ran
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.datastructures import Headers
from test_a1111 import USUAL, png
from test_hostile import ANY_CHUNKS, REPLACED, VALUES, spliced
from test_pngtext import png_from

from playground import a1111, weighting
from playground.hosting import uploads
from playground.hosting.settings import MEGABYTE, Settings
from playground.models import pictures
from playground.page import listed
from playground.page.remembering import connecting
from playground.recipe import FIELDS, RecipeError

# HOSTILE_EXAMPLES=10000 tries more of each kind.
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "50"))
some = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
SMALL = Settings(upload_megabytes=0.2, upload_megapixels=0.1)
SIDE = 16


def made(kind: str, mode: str = "RGB", **options) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(5).integers(0, 255, (20, 30, 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


SOUND = [
    made("PNG"), made("PNG", "RGBA"), made("PNG", "P", transparency=3), made("PNG", "I;16"),
    made("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"), made("JPEG", "CMYK", progressive=True),
    made("WEBP"), made("WEBP", lossless=True), made("GIF"), made("TIFF"),
]  # fmt: skip
EDITS = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 9), st.binary(max_size=9)), max_size=4
)
FILES = (
    st.builds(spliced, st.sampled_from(SOUND), EDITS)
    | st.builds(lambda png, end: png[:end], st.sampled_from(SOUND), st.integers(0, 3000))
    | ANY_CHUNKS.map(lambda chunks: png_from(chunks).getvalue())
    | st.binary(max_size=200)
)


def refused(error: ValueError) -> None:
    """In one sentence that fits on the page."""
    assert re.fullmatch(r"[^\n]{5,500}\.", str(error)), str(error)


# ---- uploads -------------------------------------------------------------------------------------
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\n"
)
TYPES = st.sampled_from(["multipart/form-data; boundary=x"] * 5 + [
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\xff",
    "image/png", "", "multipart/form-data; boundary=x; charset=nothing",
])  # fmt: skip


@some
@given(st.lists(FILES, max_size=5), EDITS, TYPES)
def test_any_form(files, edits, kind):
    """Also a form that is damaged itself."""
    body = b"".join(FORM + file + b"\r\n" for file in files) + b"--x--\r\n"
    headers = Headers(raw=[(b"content-type", kind.encode("latin-1"))])
    try:
        ran(uploads.check(spliced(body, edits[1:]), headers, SMALL))
    except uploads.UploadError as error:
        refused(error)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("uploads") / "a.png"


@some
@given(FILES)
def test_any_picture(path, data):
    """What passes the door is decoded small, or refused there."""
    try:
        uploads.check_picture(io.BytesIO(data), SMALL.upload_megapixels * MEGABYTE)
    except uploads.UploadError as error:
        refused(error)
        return
    path.write_bytes(data)
    try:
        pixels = pictures.opened(path, SIDE)
    except pictures.PictureError as error:
        refused(error)
    else:
        assert (pixels.shape, pixels.dtype) == ((SIDE, SIDE, 3), np.uint8)


# ---- pictures of other programs, and what is typed -----------------------------------------------
PIECES = st.sampled_from(
    ["(", ")", "\\", ":", "1.2", "-3", "1e999", ",", ";", " ", "\n", "−", "0,5", "1-9", "[4]",
     "(+3)", "9" * 400, "Steps: 3", "Seed: -1", "Size: 9x9", "CFG scale: x", "cat",
     "Negative prompt:"]
)  # fmt: skip
TYPED = st.text(max_size=60) | st.lists(PIECES | st.text(max_size=2), max_size=30).map("".join)


@some
@given(TYPED | st.builds(spliced, st.just(USUAL), st.lists(REPLACED, max_size=4)), st.booleans())
def test_what_another_program_wrote(text, into_a_file):
    try:
        found = a1111.from_png(png(parameters=text)) if into_a_file else a1111.read(text)
    except RecipeError as error:
        refused(error)
    else:
        assert all(isinstance(note, str) for note in found.notes)


@some
@given(TYPED, st.booleans())
def test_what_is_typed(text, whole):
    for read in (weighting.read, lambda text: listed.numbers(text, whole), listed.names):
        try:
            read(text)
        except RecipeError as error:
            refused(error)
    assert isinstance(weighting.plain(text), str)


@some
@given(st.dictionaries(st.sampled_from(["link", "fields", "x"]), VALUES, max_size=2) | VALUES)
def test_what_a_browser_kept(said):
    try:
        *_, typed = connecting.wanted_recipe(json.dumps(said, skipkeys=True), [*FIELDS])
    except RecipeError as error:
        refused(error)
    else:
        assert {*typed} <= {*FIELDS}
