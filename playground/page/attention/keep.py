"""Files of a run to keep, made from the data that the page shows: {name: (file name, maker)}."""

import base64
import io

import numpy as np
from PIL import Image, ImageDraw

from playground.page.attention.views import attention
from playground.page.shared.view import standalone

TILE = 128  # pixels of a map in a sheet or GIF
CAPTION = 16


def probabilities(branch: dict) -> dict[str, np.ndarray]:
    """Per grid "h×w", float32 [steps, heads, columns, h, w]."""
    return {f"{level['h']}x{level['w']}": _decoded(branch, level) for level in branch["levels"]}


def _decoded(branch: dict, level: dict) -> np.ndarray:
    codes = np.frombuffer(base64.b64decode(level["codes"]), np.uint8)
    shape = (len(branch["steps"]), level["heads"], level["columns"], level["h"], level["w"])
    return (codes.reshape(shape).astype(np.float32) / 255) ** 2


def html(data: dict) -> bytes:
    """The laboratory itself, for a browser without network."""
    return standalone(attention.VIEW, data, f"Attention: {_caption(data)}").encode()


def npz(data: dict) -> bytes:
    """Probabilities as uint8 codes, p = (code/255)², with their words, steps and layers."""
    arrays = {"readme": np.array(npz.__doc__)}
    for branch, short in zip(data["branches"], ("first", "second"), strict=False):
        arrays[f"{short}_name"] = np.array(branch["name"])
        arrays[f"{short}_words"] = np.array([word["text"] for word in branch["words"]], str)
        arrays[f"{short}_steps"] = np.array(branch["steps"])
        for level in branch["levels"]:
            key = f"{short}_{level['h']}x{level['w']}"
            codes = np.frombuffer(base64.b64decode(level["codes"]), np.uint8)
            arrays[key] = codes.reshape(_decoded(branch, level).shape)
            arrays[f"{key}_layers"] = np.array(level["layers"], str)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def sheet(data: dict) -> bytes:
    """A PNG: the picture under each word's map, a row per level; means over steps and heads."""
    branch, picture = data["branches"][0], _picture(data)
    words = branch["words"]
    rows = [(key, _shares(maps.mean((0, 1)), len(words))) for key, maps in _some(branch)]
    width, height = max(1, len(words)) * TILE, len(rows) * (TILE + CAPTION) or TILE
    canvas = Image.new("RGB", (width, height), "white")
    for row, (key, shares) in enumerate(rows):
        for column, word in enumerate(words):
            _place(canvas, column, row, _veiled(picture, shares[column]), f"{word['text']}  {key}")
    return _saved(canvas, "PNG")


def gif(data: dict) -> bytes:
    """The finest level's maps over the prediction of the end, a frame a step."""
    branch = data["branches"][0]
    words, frames = branch["words"], []
    (_, maps), *_ = _some(branch)
    for step, heads in zip(branch["steps"], maps, strict=True):
        shares, preview = _shares(heads.mean(0), len(words)), _preview(data, step)
        frame = Image.new("RGB", ((len(words) + 1) * TILE, TILE + CAPTION), "white")
        _place(frame, 0, 0, preview, f"step {step + 1} of {len(data['previews'])}")
        for column, word in enumerate(words, 1):
            _place(frame, column, 0, _veiled(preview, shares[column - 1]), word["text"])
        frames.append(frame)
    options = {"save_all": True, "append_images": frames[1:], "duration": 150, "loop": 0}
    return _saved(frames[0], "GIF", **options)


def _some(branch: dict) -> list[tuple[str, np.ndarray]]:
    found = list(probabilities(branch).items())
    if not found or not branch["words"]:
        raise ValueError("There are no words whose maps could be kept.")
    return found


def _shares(maps: np.ndarray, words: int) -> np.ndarray:
    """[columns, h, w] → each word's share of the words' attention [words, h, w]."""
    said = maps[1 : words + 1]
    return said / np.maximum(said.sum(0), 1e-12)


def _veiled(picture: Image.Image, share: np.ndarray) -> Image.Image:
    """Dark where the word has little, by the map's own extremes."""
    low, high = share.min(), share.max()
    light = Image.fromarray(np.uint8(255 * (share - low) / max(high - low, 1e-9)))
    mask = light.resize(picture.size, Image.Resampling.BILINEAR).point(
        lambda v: 30 + v * 225 // 255
    )
    return Image.composite(picture, Image.new("RGB", picture.size), mask)


def _picture(data: dict) -> Image.Image:
    return _fitted(Image.open(io.BytesIO(base64.b64decode(data["png"]))).convert("RGB"))


def _preview(data: dict, step: int) -> Image.Image:
    raster = data["previews"][step]
    pixels = np.frombuffer(base64.b64decode(raster["rgb"]), np.uint8)
    return _fitted(Image.fromarray(pixels.reshape(raster["h"], raster["w"], 3)))


def _fitted(image: Image.Image) -> Image.Image:
    scale = TILE / max(image.size)
    size = tuple(max(1, round(side * scale)) for side in image.size)
    return image.resize(size, Image.Resampling.BILINEAR)


def _place(canvas: Image.Image, column: int, row: int, tile: Image.Image, text: str) -> None:
    x, y = column * TILE, row * (TILE + CAPTION)
    canvas.paste(tile, (x, y + CAPTION))
    # Pillow's built-in font knows Latin letters only.
    ImageDraw.Draw(canvas).text((x + 3, y + 2), text[:22].encode("ascii", "replace"), fill="black")


def _saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _caption(data: dict) -> str:
    return " ".join(word["text"] for word in data["branches"][0]["words"]) or "no words"


KEPT = {"html": html, "png": sheet, "gif": gif, "npz": npz}


def file(kind: str, data: dict) -> tuple[str, bytes]:
    """Name and content of one kind of file. Raises ValueError for kinds that there are not."""
    if kind not in KEPT:
        raise ValueError(f"There is no {kind!r} to keep; there are: {', '.join(KEPT)}.")
    return f"{data['name'].rsplit('.', 1)[0]}-attention.{kind}", KEPT[kind](data)
