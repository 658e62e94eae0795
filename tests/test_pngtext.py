"""The recipe in a PNG: other programs may save the picture again, and nobody decodes its pixels."""

import base64
import io
import json
import struct
import zlib

import pytest
from PIL import Image
from test_links import ODD, png_of

from playground.recipe import GRID_KEY, PNG_KEY, Recipe, RecipeError, grid_from_png, save_grid

# A saved picture after ImageMagick 6.9 made it smaller: the recipe, packed, behind the pixels.
RESIZED = (
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAEAQMAAACTPww9AAAAA1BMVEX/AAAZ4gk3AAAAC0lEQVQI12NggAAAAAgAAS8g"
    "3TEAAAC2elRYdGxhdGVudC1wbGF5Z3JvdW5kAAAImR3M3QrCMAyG4VsJAc+KdFNRdyvWg7pmP9i1s0v3g3jvRk/CR+B9"
    "3jhjVSocUxxGxgqDNVlramYCk0td1E1cafpPJx93OZBcd7EmGAOF1rCD2MCNOxruqHAiclgdhQzUWu5nEvThc0qbAqaV"
    "FSyWKQ02PRX4uMArW9/zJm2be2dDLcV5fxLKDqOnJH1HOfxspnHCqhB86R13Mq/l5wv/fT6vkUuwZQAAAABJRU5ErkJg"
    "gg=="
)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def chunks_of(png: bytes) -> list[tuple[bytes, bytes]]:
    """Type and body of each chunk."""
    chunks, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def png_from(chunks: list[tuple[bytes, bytes]]) -> io.BytesIO:
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks))


KEY = PNG_KEY.encode() + b"\0"
ASCII = json.dumps(ODD.to_dict()).encode()
UTF8 = ODD.to_json().encode()
WRITTEN = {  # the ways in which a PNG can say a text
    "text": (b"tEXt", KEY + ASCII),
    "packed text": (b"zTXt", KEY + b"\0" + zlib.compress(ASCII)),
    "international": (b"iTXt", KEY + b"\0\0\0\0" + UTF8),
    "international, translated": (b"iTXt", KEY + "\0\0de\0Spielwiese für Bilder\0".encode() + UTF8),
    "international, packed": (b"iTXt", KEY + b"\1\0\0\0" + zlib.compress(UTF8)),
}


@pytest.mark.parametrize("place", [1, -1], ids=["before the pixels", "after the pixels"])
@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN.keys())
def test_a_recipe_is_read_however_another_program_wrote_it(written, place):
    others = [(kind, body) for kind, body in chunks_of(png_of(ODD).getvalue()) if b"X" not in kind]
    others.insert(place, written)
    file = png_from(others)
    assert Recipe.from_png(file) == ODD
    assert Image.open(file).text.keys() == {PNG_KEY}  # it is a PNG as others read it, too


def test_imagemagick_leaves_the_recipe_in_a_smaller_picture():
    assert Recipe.from_png(io.BytesIO(base64.b64decode(RESIZED))) == Recipe(
        prompt="naïve “foxes” 🦊\n\\ 100 % of [them]",
        negative="blurry, text, watermark, low quality",
        guidance=7.5,
        sampler="heun",
        steps=12,
        seed=42,
        width=192,
    )


@pytest.mark.parametrize("lost", [b"iTXt", b"tEXt"])
def test_a_recipe_is_saved_twice_and_one_of_them_is_enough(lost):
    """The one in tEXt is plain ASCII: what others make of further letters differs."""
    kept = [each for each in chunks_of(png_of(ODD).getvalue()) if each[0] != lost]
    assert Recipe.from_png(png_from(kept)) == ODD
    ((_, said),) = [each for each in kept if b"X" in each[0]]
    assert said.isascii() == (lost == b"iTXt")

    cells, file = {(0, 0, 4, 4): ODD, (4, 0, 8, 4): Recipe()}, io.BytesIO()
    save_grid(Image.new("RGB", (8, 4)), file, cells)
    kept = [each for each in chunks_of(file.getvalue()) if each[0] != lost]
    assert grid_from_png(png_from(kept)) == cells


def test_the_way_to_a_file_may_be_a_path_or_an_open_file(tmp_path):
    path = tmp_path / "picture.png"
    ODD.save_png(Image.new("RGB", (4, 4)), path)
    assert Recipe.from_png(path) == Recipe.from_png(str(path)) == ODD
    with path.open("rb") as file:
        file.read()  # wherever it stands
        assert Recipe.from_png(file) == ODD
        assert not file.closed
        with pytest.raises(RecipeError, match="not a readable PNG"):
            Recipe.from_png(file.fileno())  # a number names no file, though Python could open it
    nowhere = (tmp_path, tmp_path / "none.png", "\0", "", None, 0, True, ["a.png"], b"a.png")
    for wrong in (*nowhere, io.StringIO("a")):
        with pytest.raises(RecipeError, match="not a readable PNG"):
            Recipe.from_png(wrong)


@pytest.mark.parametrize("start", [b"", b"\x89PNG\r\n\x1a\r", b"\x8aMNG\r\n\x1a\n", b"GIF89a\0\0"])
def test_only_a_png_is_read(start):
    """Line ends that a transfer as text has changed are found by the signature."""
    with pytest.raises(RecipeError, match="not a readable PNG"):
        Recipe.from_png(io.BytesIO(start + png_of(ODD).getvalue()[8:]))


def test_of_two_recipes_the_first_counts_and_a_damaged_one_is_not_passed_over():
    first, second = ((b"tEXt", KEY + r.to_json().encode()) for r in (Recipe(), Recipe(seed=8)))
    ihdr, *rest = [each for each in chunks_of(png_of(ODD).getvalue()) if b"X" not in each[0]]
    assert Recipe.from_png(png_from([ihdr, first, second, *rest])) == Recipe()
    assert Recipe.from_png(png_from([ihdr, second, first, *rest])) == Recipe(seed=8)
    whole = png_from([ihdr, first, second, *rest]).getvalue()
    at = whole.index(b'"seed":7')
    damaged = whole[:at] + b'"seed":9' + whole[at + 8 :]  # its checksum is that of 7
    with pytest.raises(RecipeError, match="not a readable PNG"):
        Recipe.from_png(io.BytesIO(damaged))


@pytest.mark.parametrize(
    "grid",
    [
        5, None, "a grid", {"box": [0, 0, 1, 1]}, [5], [[]], [{}], [{"box": [0, 0, 1, 1]}],
        [{"recipe": {"v": 2}}],
        *([{"box": box, "recipe": {"v": 2}}] for box in
          (5, None, "abcd", [1, 2, 3], [1, 2, 3, 4, 5], [0, 0, 1, 1.5], [0, 0, 1, True], [[]] * 4)),
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_grid_is_refused_in_words(grid):
    said = (b"tEXt", GRID_KEY.encode() + b"\0" + json.dumps(grid).encode())
    ihdr, *rest = chunks_of(png_of(ODD).getvalue())
    with pytest.raises(RecipeError, match=r"This grid is damaged: its recipes cannot be read\."):
        grid_from_png(png_from([ihdr, said, *rest]))
