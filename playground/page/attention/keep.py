"""Files of a look to keep."""

import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from playground.page.attention import data
from playground.page.attention.look import Look, means
from playground.page.attention.views import attention
from playground.page.attention.views.attention import Level, label
from playground.page.figures import files, pictures
from playground.page.shared import labels, overlay
from playground.page.shared.view import standalone

TILE = 128  # pixels of a map in a sheet or GIF
MARGIN = 3
USUAL = overlay.KINDS[0]  # how maps are laid over pictures
Tile = tuple[Image.Image, Image.Image]  # a picture and its caption


def html(look: Look, kind: str = USUAL) -> bytes:
    """The laboratory itself, for a browser without network; the overlay is chosen in it."""
    words = " ".join(word.text for word in look.branches[0].words) or "no words"
    return standalone(attention.VIEW, data.laboratory(look), f"Attention: {words}").encode()


def npz(look: Look, kind: str = USUAL) -> bytes:
    """Probabilities as uint8 codes, p = (code/255)², with their words, steps and layers."""
    arrays = {"readme": np.array(npz.__doc__), "recipe": np.array(look.recipe.to_json())}
    for branch, short in zip(look.branches, ("first", "second"), strict=False):
        arrays[f"{short}_name"] = np.array(branch.name)
        arrays[f"{short}_words"] = np.array([word.text for word in branch.words], str)
        arrays[f"{short}_steps"] = np.array(branch.steps)
        for level in branch.levels:
            key = f"{short}_{_grid(level)}"
            arrays[key] = level.codes
            arrays[f"{key}_layers"] = np.array([label(name) for name in level.layers], str)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def sheet(look: Look, kind: str = USUAL) -> bytes:
    """A PNG with the recipe: the picture under each word's map with its colour bar, first as the
    page shows it, then one row per grid: means over steps and heads.
    """
    words, image, branch = _words(look), look.picture.image, look.branches[0]
    rows = [_mapped(image, look.finished_maps(), map(_caption, words), kind)]
    for level, found in zip(branch.levels, means(branch, branch.steps).values(), strict=True):
        captions = (_caption(f"{word}  {_grid(level)}") for word in words)
        rows.append(_mapped(image, _shares(found, len(words)), captions, kind))
    strips = [_strip(row, max(caption.height for _, caption in row)) for row in rows]
    whole = Image.new("RGB", (strips[0].width, sum(strip.height for strip in strips)), "white")
    top = 0
    for strip in strips:
        whole.paste(strip, (0, top))
        top += strip.height
    file = io.BytesIO()
    look.recipe.save_png(whole, file)
    return file.getvalue()


def gif(look: Look, kind: str = USUAL) -> bytes:
    """A GIF, one frame per step: the maps as the page shows them, over the preview of pred_x0."""
    steps, frames = look.branches[0].steps, []
    words = [_caption(word) for word in _words(look)]
    said = [_caption(f"step {step + 1} of {len(look.previews)}") for step in steps]
    height = max(caption.height for caption in (*said, *words))  # of every frame alike
    for step, caption in zip(steps, said, strict=True):
        preview = look.previews[step]
        maps = look.word_maps([step])
        tiles = [(_fitted(preview), caption), *_mapped(preview, maps, words, kind)]
        frames.append(_strip(tiles, height))
    file, comment = io.BytesIO(), look.recipe.to_json().encode()
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=150, loop=0, comment=comment
    )
    return file.getvalue()


def _words(look: Look) -> list[str]:
    words = [word.text for word in look.branches[0].words]
    if not words or not look.branches[0].levels:
        raise ValueError("There are no words whose maps could be kept.")
    return words


def _grid(level: Level) -> str:
    return "{}x{}".format(*level.size)


def _shares(maps: np.ndarray, words: int) -> np.ndarray:
    """[columns, h, w] → each word's share of the words' attention [words, h, w]."""
    said = maps[1 : words + 1]
    return said / np.maximum(said.sum(0), 1e-12)


def _mapped(
    pixels: np.ndarray, maps: np.ndarray, captions: Iterable[Image.Image], kind: str
) -> list[Tile]:
    """Per map [h, w] the picture under it, and below it the map's colour bar."""
    picture, tiles = _fitted(pixels), []
    for map_, caption in zip(maps, captions, strict=True):
        bar = overlay.bar(map_, TILE, kind)
        whole = Image.new("RGB", (TILE, TILE + bar.height), "white")
        whole.paste(overlay.laid(picture, map_, kind))
        whole.paste(bar, (0, picture.height + 1))
        tiles.append((whole, caption))
    return tiles


def _fitted(pixels: np.ndarray) -> Image.Image:
    image = Image.fromarray(pixels)
    scale = TILE / max(image.size)
    size = tuple(max(1, round(side * scale)) for side in image.size)
    return image.resize(size, Image.Resampling.BILINEAR)


def _caption(text: str) -> Image.Image:
    return labels.label(text, TILE - 2 * MARGIN, colour="black", lines=None)


def _strip(tiles: Sequence[Tile], height: int) -> Image.Image:
    """Side by side, each under its caption."""
    below = max(tile.height for tile, _ in tiles)
    canvas = Image.new("RGB", (len(tiles) * TILE, height + below), "white")
    for column, (tile, caption) in enumerate(tiles):
        canvas.paste(caption, (column * TILE + MARGIN, height - caption.height), caption)
        canvas.paste(tile, (column * TILE, height))
    return canvas


def svg(look: Look, kind: str = USUAL) -> bytes:
    """The finished picture's word maps for a document, its letters as letters."""
    return _figure(look, kind, "svg")


def pdf(look: Look, kind: str = USUAL) -> bytes:
    return _figure(look, kind, "pdf")


def _figure(look: Look, kind: str, file: str) -> bytes:
    words, recipe = _words(look), look.recipe
    title = f"“{recipe.prompt}”, seed {recipe.seed}, w = {recipe.guidance:g}"
    maps = look.finished_maps()
    return files.content(pictures.word_maps(look.picture.image, words, maps, title, kind), file)


KEPT = {"html": html, "png": sheet, "gif": gif, "npz": npz, "svg": svg, "pdf": pdf}


def check(kind) -> None:
    """Raises ValueError for an unknown kind of file."""
    if not isinstance(kind, str) or kind not in KEPT:
        raise ValueError(f"There is no {kind!r} to keep; there are: {', '.join(KEPT)}.")


def file(kind: str, look: Look, laid: object = None) -> tuple[str, bytes]:
    """Name and content of one kind of file; `laid` is how maps are laid over pictures, None for
    the usual way. ValueError if either is unknown.
    """
    check(kind)
    chosen = USUAL if laid is None else overlay.known(laid)
    return f"{look.name}-attention.{kind}", KEPT[kind](look, chosen)
