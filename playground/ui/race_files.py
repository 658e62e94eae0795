"""A race to keep: one labelled PNG whose cells know their recipes, or one HTML file."""

import base64
import io

from PIL import Image, ImageDraw, ImageFont

from playground.recipe import Box, Recipe, save_grid
from playground.views import race, standalone

GAP, LINE, HEADER = 8, 16, 150  # pixels: between cells, of a line of text, of a row's name
INK, PALE = "#1f2937", "#6b7280"


def html(data: dict, rows: str, columns: str, page: str | None) -> bytes:
    """The grid itself, for a browser without network; `page` is where its links lead."""
    shown = data | {"layout": [rows, columns], "page": page}
    return standalone(race.VIEW, shown, "A race of samplers from one noise").encode()


def png(data: dict, rows: str, columns: str, page: str | None) -> bytes:
    """One picture: a row per name of `rows`, a column per name of `columns`."""
    lanes = data["lanes"]
    third = next(axis for axis in race.AXES if axis not in (rows, columns))
    several = len({lane[third] for lane in lanes}) > 1
    down = [(name(data, rows, lane), name(data, third, lane) if several else "") for lane in lanes]
    across = [name(data, columns, lane) for lane in lanes]
    ys, xs = list(dict.fromkeys(down)), list(dict.fromkeys(across))
    height, width = (max(lane["size"][side] for lane in lanes) for side in (0, 1))
    step = (width + GAP, height + LINE + GAP)
    title = _words(Recipe.from_query(lanes[0]["link"]))
    size = (max(HEADER + len(xs) * step[0], 360), 2 * LINE + GAP + len(ys) * step[1])
    sheet = Image.new("RGB", size, "white")
    write = _writer(sheet)
    write(GAP, 2, title, size[0] - GAP)
    cells: dict[Box, Recipe] = {}
    for x, column in enumerate(xs):
        write(HEADER + x * step[0], LINE + 2, column, width)
    for y, row in enumerate(ys):
        for line, text in enumerate(row):
            write(GAP, 2 * LINE + GAP + y * step[1] + line * LINE, text, HEADER - 2 * GAP)
    for lane, row, column in zip(lanes, down, across, strict=True):
        left = HEADER + xs.index(column) * step[0]
        top = 2 * LINE + GAP + ys.index(row) * step[1]
        if lane["state"] == "finished":
            tile = Image.open(io.BytesIO(base64.b64decode(lane["png"]))).convert("RGB")
            sheet.paste(tile, (left, top))
            cells[left, top, left + tile.width, top + tile.height] = Recipe.from_query(lane["link"])
        else:  # a preview is not what its recipe draws
            write(left, top + height // 2, "not finished", width)
        write(left, top + height, f"{lane['steps']} steps, {lane['calls']} calls", width, PALE)
    file = io.BytesIO()
    save_grid(sheet, file, cells)
    return file.getvalue()


def name(data: dict, axis: str, lane: dict) -> str:
    """What a lane is called along an axis."""
    if axis == "count":
        return f"{lane['count']} {'network calls' if data['unit'] == 'calls' else 'steps'}"
    return f"w = {lane['guidance']:g}" if axis == "guidance" else lane["sampler"]


def _words(recipe: Recipe) -> str:
    return f"{recipe.prompt or 'no words'}, seed {recipe.seed}"


def _writer(sheet: Image.Image):
    """Writes a line that is cut to `width`; Pillow's built-in font knows Latin letters only."""
    font, brush = ImageFont.load_default(12), ImageDraw.Draw(sheet)

    def write(x: int, y: int, text: str, width: int, colour: str = INK) -> None:
        text = text.encode("latin-1", "replace").decode("latin-1")
        while brush.textlength(text, font) > width:
            text = text[:-1]
        brush.text((x, y), text, fill=colour, font=font)

    return write


KEPT = {"png": png, "html": html}


def file(ask: dict, data: dict) -> tuple[str, bytes]:
    """Name and content of what the page asks for. Raises ValueError in words that fit the page.

    `ask`: `kind`, `rows` and `columns` (two of the axes), and `page`, the page's own address.
    """
    kind, rows, columns = (str(ask.get(key)) for key in ("kind", "rows", "columns"))
    if kind not in KEPT:
        raise ValueError(f"There is no {kind[:20]!r} to keep; there are: {', '.join(KEPT)}.")
    if {rows, columns} - set(race.AXES) or rows == columns:
        raise ValueError(f"Rows and columns are two of: {', '.join(race.AXES)}.")
    page = str(ask.get("page"))
    web = page.startswith(("http://", "https://")) and len(page) < 300
    return f"race.{kind}", KEPT[kind](data, rows, columns, page if web else None)
