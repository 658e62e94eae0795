"""A race to keep: one labelled PNG whose cells know their recipes, or one HTML file."""

import base64
import io

from PIL import Image, ImageDraw, ImageFont

from playground.page.samplers.views import race
from playground.page.shared.view import standalone
from playground.recipe import Box, Recipe, save_grid

GAP, LINE, HEADER = 8, 16, 150  # pixels: between cells, of a line of text, of a row's name
LEAST = 360  # pixels wide, for the title
INK, PALE = "#1f2937", "#6b7280"


def html(data: dict, rows: str, columns: str, page: str | None) -> bytes:
    """The grid itself, for a browser without network; `page` is where its links lead."""
    shown = data | {"layout": [rows, columns], "page": page}
    return standalone(race.VIEW, shown, "A race of samplers from one noise").encode()


def png(data: dict, rows: str, columns: str, page: str | None) -> bytes:
    """One picture: a row per name of `rows`, a column per name of `columns`."""
    lanes = data["lanes"]
    (down, ys), (across, xs) = _sides(data, rows, columns)
    height, width = (max(lane["size"][side] for lane in lanes) for side in (0, 1))
    step, top = (width + GAP, height + LINE + GAP), 3 * LINE + GAP
    size = (max(HEADER + len(xs) * step[0], LEAST), top + len(ys) * step[1])
    sheet = Image.new("RGB", size, "white")
    write = _writer(sheet)
    write(GAP, 2, _words(Recipe.from_query(lanes[0]["link"])), size[0] - GAP)
    for i, lines in enumerate(xs):
        for line, text in enumerate(lines, 1):
            write(HEADER + i * step[0], line * LINE + 2, text, width)
    for i, lines in enumerate(ys):
        for line, text in enumerate(lines):
            write(GAP, top + i * step[1] + line * LINE, text, HEADER - 2 * GAP)
    cells: dict[Box, Recipe] = {}
    for lane in lanes:
        x, y = HEADER + xs.index(across(lane)) * step[0], top + ys.index(down(lane)) * step[1]
        if lane["state"] == "finished":
            tile = Image.open(io.BytesIO(base64.b64decode(lane["png"]))).convert("RGB")
            sheet.paste(tile, (x, y))
            cells[x, y, x + tile.width, y + tile.height] = Recipe.from_query(lane["link"])
        else:  # a preview is not what its recipe draws
            write(x, y + height // 2, "not finished", width)
        write(x, y + height, f"{lane['steps']} steps, {lane['calls']} calls", width, PALE)
    file = io.BytesIO()
    save_grid(sheet, file, cells)
    return file.getvalue()


def _sides(data: dict, rows: str, columns: str) -> list[tuple]:
    """For either side of the table: a lane's name on it, in lines, and all names in order.

    If lanes also differ in the third axis, it joins the shorter side, as on the page.
    """
    third = next(axis for axis in race.AXES if axis not in (rows, columns))

    def values(axis: str) -> list[str]:
        return list(dict.fromkeys(name(data, axis, lane) for lane in data["lanes"]))

    joins = rows if len(values(rows)) <= len(values(columns)) else columns
    sides = []
    for axis in (rows, columns):
        on_it = (axis, third) if axis == joins and len(values(third)) > 1 else (axis,)
        orders = [values(one) for one in on_it]

        def called(lane: dict, on_it=on_it) -> tuple[str, ...]:
            return tuple(name(data, one, lane) for one in on_it)

        def order(lines: tuple[str, ...], orders=orders) -> list[int]:
            return [each.index(line) for each, line in zip(orders, lines, strict=True)]

        sides.append((called, sorted(set(map(called, data["lanes"])), key=order)))
    return sides


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
