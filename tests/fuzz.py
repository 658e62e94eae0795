"""Coverage-guided fuzzing of what reads strangers' bytes: python tests/fuzz.py PARSER -runs=100000

Needs atheris (pip install atheris), which is not among the requirements. What follows the parser's
name are libFuzzer's options: -max_total_time=60 ends after a minute, a folder keeps what was found.
Anything but a value or a refusal in one sentence ends it with the bytes that did it.
"""

import io
import re
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))
with atheris.instrument_imports(include=["playground"]):
    from playground import a1111, pngtext, weighting
    from playground.hosting import uploads
    from playground.page import listed
    from playground.recipe import Recipe, grid_from_png

SENTENCE = re.compile(r"[^\n]{5,500}\.")
PIXELS = 100_000


def text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def png(data: bytes) -> None:
    file = io.BytesIO(data if data[:1] == b"\x89" else pngtext.SIGNATURE + data)
    for read in (Recipe.from_png, grid_from_png, a1111.from_png):
        refused(read, file)


def typed(data: bytes) -> None:
    for read in (weighting.read, listed.numbers, listed.names):
        refused(read, text(data))


PARSERS = {
    "link": lambda data: refused(Recipe.from_query, text(data)),
    "json": lambda data: refused(Recipe.from_json, data),
    "png": png,
    "parameters": lambda data: refused(a1111.read, text(data)),
    "typed": typed,
    "upload": lambda data: refused(lambda d: uploads.check_picture(io.BytesIO(d), PIXELS), data),
}


def refused(read, value) -> None:
    """Read it; a ValueError must be a sentence that fits on the page."""
    try:
        read(value)
    except ValueError as error:
        said = str(error)
    else:
        return
    assert SENTENCE.fullmatch(said), said


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in PARSERS:
        raise SystemExit(f"python tests/fuzz.py PARSER, one of: {', '.join(PARSERS)}")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], PARSERS[sys.argv[1]])
    atheris.Fuzz()
