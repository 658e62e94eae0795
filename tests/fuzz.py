"""Coverage-guided fuzzing of what reads strangers' bytes: python tests/fuzz.py PARSER -runs=100000

Needs atheris (pip install atheris), which is not among the requirements. It begins with sound
examples and changes them. What follows the parser's name are libFuzzer's options:
-max_total_time=60 ends after a minute, a folder keeps what was found. Anything but a value or a
refusal in one sentence ends it with the bytes that did it.
"""

import asyncio
import base64
import io
import json
import re
import sys
import tempfile
import zlib
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))
with atheris.instrument_imports(include=["playground", "PIL", "json"]):
    from PIL import Image
    from starlette.datastructures import Headers

    from playground import a1111, pngtext, weighting
    from playground.hosting import uploads
    from playground.hosting.settings import Settings
    from playground.page import listed
    from playground.page.remembering import connecting
    from playground.recipe import FIELDS, Recipe, grid_from_png, save_grid

SENTENCE = re.compile(r"[^\n]{5,500}\.")
PIXELS = 100_000
SMALL = Settings(upload_megabytes=0.2, upload_megapixels=PIXELS / 1e6)
FORM = Headers({"content-type": "multipart/form-data; boundary=x"})
ASKED = Recipe(prompt="a (red:1.2) fox 🦊", negative="", steps=7, seed=3, guidance=2.5)
WRITTEN = (
    "a cat\nNegative prompt: text\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 8x8"
)


# ---- what is read --------------------------------------------------------------------------------
def text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def link(data: bytes) -> None:
    """As it is, and what it says inside: few changes of letters leave it readable."""
    refused(Recipe.from_query, text(data))
    refused(Recipe.from_query, base64.urlsafe_b64encode(data).decode().rstrip("="))


def png(data: bytes) -> None:
    """As it is, and with checksums that fit: else it is refused before its text is read."""
    for file in (data, with_checksums(data)):
        for read in (Recipe.from_png, grid_from_png, a1111.from_png):
            refused(read, io.BytesIO(file))


def with_checksums(data: bytes) -> bytes:
    made, at = pngtext.SIGNATURE, 8
    while at + 8 <= len(data):
        end = min(at + 8 + int.from_bytes(data[at : at + 4], "big"), len(data))
        kind_and_body = data[at + 4 : end]
        made += (end - at - 8).to_bytes(4, "big") + kind_and_body
        made += zlib.crc32(kind_and_body).to_bytes(4, "big")
        at = end + 4
    return made


def typed(data: bytes) -> None:
    for read in (weighting.read, listed.numbers, listed.names):
        refused(read, text(data))
    weighting.plain(text(data))


def upload(data: bytes) -> None:
    refused(lambda form: asyncio.run(uploads.check(form, FORM, SMALL)), data)
    refused(lambda file: uploads.check_picture(io.BytesIO(file), PIXELS), data)


def kept(data: bytes) -> None:
    """What a browser remembers."""
    refused(lambda said: connecting.wanted_recipe(said, [*FIELDS]), text(data))


# ---- what it begins with -------------------------------------------------------------------------
def picture(save=lambda image, file: image.save(file, "PNG")) -> bytes:
    file = io.BytesIO()
    save(Image.new("RGB", (4, 4)), file)
    return file.getvalue()


def form(file: bytes) -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    return head + file + b"\r\n--x--\r\n"


def pngs() -> list[bytes]:
    grid = {(0, 0, 2, 4): ASKED, (2, 0, 4, 4): Recipe()}
    plain = picture()
    parameters = b"parameters\0" + WRITTEN.encode()
    said = len(parameters).to_bytes(4, "big") + b"tEXt" + parameters + bytes(4)
    return [picture(ASKED.save_png), picture(lambda i, f: save_grid(i, f, grid)),
            with_checksums(plain[:33] + said + plain[33:])]  # fmt: skip


def pictures() -> list[bytes]:
    kinds = ("PNG", "JPEG", "WEBP", "GIF")
    return [picture(lambda image, file, kind=kind: image.save(file, kind)) for kind in kinds]


JSON = [
    ASKED.to_json().encode(),
    b'{"v":1,"prompt":"a","seed":1e3,"sampler":"heun"}',
    b"[1.5,null]",
]
PARSERS = {  # what is done with bytes, and sound examples of them
    "link": (link, lambda: [ASKED.to_query().encode(), *JSON]),
    "json": (lambda data: refused(Recipe.from_json, data), lambda: JSON),
    "png": (png, pngs),
    "parameters": (lambda data: refused(a1111.read, text(data)), lambda: [WRITTEN.encode()]),
    "typed": (typed, lambda: [b"a ((cat:1.2)) [b]", b"1, 2.5; 3-9", b"0,5; \xe2\x88\x923"]),
    "upload": (upload, lambda: [*pictures(), *map(form, pictures())]),
    "kept": (kept, lambda: [
        json.dumps({"link": ASKED.to_query()}).encode(),
        json.dumps({"fields": ASKED.to_dict() | {"steps": None, "seed": "x"}}).encode(),
    ]),
}  # fmt: skip


def refused(read, value) -> None:
    """Read it; a ValueError must be a sentence that fits on the page."""
    try:
        read(value)
    except ValueError as error:
        said = str(error)
    else:
        return
    assert SENTENCE.fullmatch(said), said


def main(name: str, *options: str) -> None:
    tried, examples = PARSERS[name]
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(examples()):
            tried(data)
            (Path(folder) / str(number)).write_bytes(data)
        atheris.Setup([sys.argv[0], *options, folder], tried)
        atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in PARSERS:
        raise SystemExit(f"python tests/fuzz.py PARSER, one of: {', '.join(PARSERS)}")
    main(*sys.argv[1:])
