"""Whatever a stranger sends as a recipe: one sentence comes back, soon, and without much memory."""

import base64
import functools
import io
import json
import math
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from test_links import GOLDEN, ODD, png_of
from test_pngtext import KEY, chunk, chunks_of, png_from
from test_recipe import check_message

from playground import pngtext
from playground.recipe import (
    FIELDS,
    FORMER,
    GRID_KEY,
    VERSION,
    Recipe,
    RecipeError,
    grid_from_png,
)

# HOSTILE_EXAMPLES=10000 tries more of each kind.
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "400"))
hundreds = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
MEGABYTE = 2**20
SCHEMA = Draft202012Validator(Recipe.json_schema())


def read_or_refused(read, value):
    """What was read, or None after a sentence that fits on the page; no other error."""
    try:
        return read(value)
    except RecipeError as error:
        refusal = error
    check_message(refusal)
    assert len(str(refusal)) < 500
    return None


def query_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode().rstrip("=")


# ---- links and JSON ------------------------------------------------------------------------------
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 2**32, 0, -0.0])
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=20)
LISTS = st.lists(LEAVES, max_size=3)
NAMES = st.sampled_from(["v", *FIELDS])
VALUES = LEAVES | LISTS | st.dictionaries(NAMES | LEAVES, LEAVES | LISTS, max_size=5)


def within(f) -> st.SearchStrategy:
    """Mostly what the field allows, also at its bounds."""
    low, high = f.metadata["low"], f.metadata["high"]
    if type(f.default) is str:
        return st.text(min_size=low, max_size=9) | st.sampled_from(["🦊" * high, "x" * (high + 1)])
    if type(f.default) is int:
        step = f.metadata["step"]
        return st.integers(low // step, high // step).map(lambda n: n * step) | st.just(low * 1.0)
    return st.floats(low, high) | st.sampled_from([low, high, math.nextafter(high, math.inf)])


SOUND = st.fixed_dictionaries(
    {},
    optional={"v": st.sampled_from([*FORMER, float(VERSION)])}
    | {name: within(f) for name, f in FIELDS.items()},
)
ODD_VALUES = st.dictionaries(NAMES, LEAVES, max_size=1)
RECIPES = st.builds(dict.__or__, SOUND, ODD_VALUES)
REPLACED = st.tuples(st.integers(0, 400), st.integers(0, 3), st.text(max_size=3))


def spliced(text, edits):
    """`text` with some characters or bytes replaced: where, how many, by what."""
    for at, length, new in edits:
        at %= len(text) + 1
        text = text[:at] + new + text[at + length :]
    return text


@hundreds
@given(st.text() | st.binary())
def test_any_text(text):
    read_or_refused(Recipe.from_json, text)
    read_or_refused(Recipe.from_query, text)
    read_or_refused(Recipe.from_query, query_of(str(text)))


@hundreds
@given(VALUES)
def test_any_value(value):
    for read in (Recipe.from_dict, Recipe.from_json, Recipe.from_query):
        read_or_refused(read, value)
    text = json.dumps(value, skipkeys=True)
    recipe = read_or_refused(Recipe.from_json, text)
    assert recipe == read_or_refused(Recipe.from_query, query_of(text))


@hundreds
@given(st.lists(REPLACED, min_size=1, max_size=4))
def test_typing_errors(edits):
    read_or_refused(Recipe.from_query, spliced(GOLDEN, edits))
    read_or_refused(Recipe.from_json, spliced(ODD.to_json(), edits))


@hundreds
@given(RECIPES)
def test_almost_recipes(data):
    """The JSON Schema allows what a recipe allows."""
    recipe = read_or_refused(Recipe.from_dict, data)
    if recipe is not None:  # then it is one in every way
        assert Recipe.from_query(recipe.to_query()) == recipe
        assert SCHEMA.is_valid(recipe.to_dict())
    numbers = [value for value in data.values() if isinstance(value, float)]
    if all(map(math.isfinite, numbers)):  # JSON knows no others
        ordered = data.get("guidance_start", 0), data.get("guidance_stop", 1)
        # What a schema cannot say: one field may not exceed another.
        allowed = SCHEMA.is_valid(data) and ordered[0] <= ordered[1]
        assert allowed == (recipe is not None)


HUGE = {
    "number": {"v": 2, "seed": 10**5000},
    "version": {"v": -(10**5000)},
    "name": {"v": 2, 10**5000: 1},
    "many long names": {"v": 2} | {f"x{i}" * 1000: i for i in range(10_000)},
    "text": {"v": 2, "prompt": "x" * 10_000_000},
}


@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE.keys())
def test_what_is_huge_is_not_shown(data):
    """Python refuses to write integers of more than 4,300 digits."""
    assert read_or_refused(Recipe.from_dict, data) is None


def test_a_link_is_not_read_to_its_end_whatever_its_length():
    long = " " * 2 * MEGABYTE + Recipe().to_json()
    assert read_or_refused(Recipe.from_json, long) is None
    link = "e" * 20 * MEGABYTE
    tracemalloc.start()
    try:
        assert read_or_refused(Recipe.from_query, link) is None
        assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("depth", [*range(300, 1000, 25), 10**5])
def test_json_of_any_depth(depth):
    """Near Python's limit reading may succeed where showing would not."""
    for nested in ("[" * depth + "]" * depth, '{"v":' * depth + "1" + "}" * depth):
        for text in (nested, f'{{"v":{nested}}}', f'{{"v":2,"prompt":{nested}}}'):
            assert read_or_refused(Recipe.from_json, text) is None


# ---- PNG files -----------------------------------------------------------------------------------
CHUNKS = chunks_of(png_of(ODD).getvalue())
KINDS = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tEXt", b"zTXt", b"iTXt", b"acTL", b"fcTL", b"fdAT",
    b"eXIf", b"iCCP", b"\0\0\0\0",
]  # fmt: skip
NAMED = st.sampled_from([KEY, GRID_KEY.encode() + b"\0", b"Comment\0", b"x" * 100, b""])
PACKED = st.binary(max_size=50).map(zlib.compress)
TEXTS = st.tuples(NAMED, st.sampled_from([b"", b"\0", b"\1\0\0\0", b"\0\0\0\0"]),
                  st.binary(max_size=50) | PACKED).map(b"".join)  # fmt: skip
ANY_CHUNKS = st.lists(
    st.sampled_from(CHUNKS) | st.tuples(st.sampled_from(KINDS), st.binary(max_size=100) | TEXTS),
    max_size=8,
)


def check_png(png: bytes) -> None:
    read_or_refused(Recipe.from_png, io.BytesIO(png))
    read_or_refused(grid_from_png, io.BytesIO(png))


@hundreds
@given(st.binary(), st.booleans())
def test_any_file(data, begins_well):
    check_png(pngtext.SIGNATURE * begins_well + data)


@hundreds
@given(ANY_CHUNKS, st.booleans())
def test_a_png_of_any_chunks(chunks, ends):
    check_png(png_from(chunks + CHUNKS[-1:] * ends).getvalue())


@hundreds
@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 9), st.binary(max_size=9)), max_size=4)
)
def test_a_png_with_damage(edits):
    png = spliced(png_of(ODD).getvalue(), edits)
    assert read_or_refused(Recipe.from_png, io.BytesIO(png)) in (None, ODD)


class Counted(io.BytesIO):
    """A file that knows how often, and how many bytes of it, have been read."""

    reads = taken = 0

    def read(self, size=-1):
        data = super().read(size)
        self.reads, self.taken = self.reads + 1, self.taken + len(data)
        return data


def sized(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)


@functools.cache
def bomb() -> bytes:
    return zlib.compress(b" " * 64 * MEGABYTE)


def plain(name: bytes, size: int) -> bytes:
    return chunk(b"tEXt", name + b" " * size)


SAID, END = (b"tEXt", KEY + json.dumps(ODD.to_dict()).encode()), (b"IEND", b"")
LISTED = b"[" + b"[]," * (MEGABYTE // 3 - 100) + b"1]"
COSTLY = {  # what stands between the signature and the end
    "a packed text of 64 MB": lambda: chunk(b"zTXt", KEY + b"\0" + bomb()),
    "the same, international": lambda: chunk(b"iTXt", KEY + b"\1\0\0\0" + bomb()),
    "a plain text of 20 MB": lambda: plain(KEY, 20 * MEGABYTE),
    "another name's text of 20 MB": lambda: plain(b"A\0", 20 * MEGABYTE),
    "20 MB without a name": lambda: plain(b"", 20 * MEGABYTE),
    "texts of 1 MB": lambda: plain(KEY, MEGABYTE - 99) * 20,
    "texts of another name": lambda: chunk(b"zTXt", b"A\0\0" + bomb()[:999]) * 20_000,
    "very many chunks": lambda: chunk(b"tEXt", b"") * 5 * pngtext.MOST_CHUNKS,
    "very many lists": lambda: chunk(b"tEXt", KEY + LISTED),
    "an end of 20 MB": lambda: chunk(b"IEND", b" " * 20 * MEGABYTE),
    "many pictures": lambda: chunk(b"acTL", b"\0\0\1\x90" * 2) + chunk(b"fdAT", b"?" * 9999) * 400,
}


@pytest.mark.parametrize("costly", COSTLY.values(), ids=COSTLY.keys())
def test_no_file_costs_much(costly):
    file = Counted(pngtext.SIGNATURE + chunk(*sized(4, 4)) + costly() + chunk(*END))
    tracemalloc.start()
    try:
        assert read_or_refused(Recipe.from_png, file) is None
        assert tracemalloc.get_traced_memory()[1] < 40 * MEGABYTE
    finally:
        tracemalloc.stop()
    assert file.reads < 5 * pngtext.MOST_CHUNKS
    assert file.taken < 10 * MEGABYTE


@pytest.mark.parametrize("size", [(0, 0), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_whatever_size_a_picture_claims_its_recipe_is_read_alone(size):
    """What is between the two texts is not even a packed picture: nobody looks."""
    pixels = (b"IDAT", b"no pixels at all")
    assert Recipe.from_png(png_from([sized(*size), SAID, pixels, END])) == ODD
    assert Recipe.from_png(png_from([sized(*size), pixels, SAID, END])) == ODD
    with pytest.raises(RecipeError, match="carries no recipe"):
        Recipe.from_png(png_from([sized(*size), pixels, END]))


def test_a_process_does_not_grow_by_the_pixels_of_a_file(tmp_path):
    """13,300² pixels, 708 MB as RGBA, in a file of about 700 kB that every program can open."""
    packer, line = zlib.compressobj(9), bytes(1 + 4 * 13_300)
    start = packer.compress(line * 10) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(line * 10) + packer.flush(zlib.Z_FULL_FLUSH)  # the same each time
    pixels = (b"IDAT", start + again * 1329 + b"\3\0")
    path = tmp_path / "large.png"
    path.write_bytes(png_from([sized(13_300, 13_300), pixels, SAID, END]).getvalue())
    assert path.stat().st_size < MEGABYTE
    code = (
        "import resource, sys; from playground.recipe import Recipe; "
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; before = used(); "
        "seed = Recipe.from_png(sys.argv[1]).seed; print(seed, used() - before)"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code, path], cwd=root, capture_output=True, text=True, check=True
    )
    seed, kilobytes = map(int, done.stdout.split())
    assert seed == ODD.seed
    assert kilobytes < 10_000
