"""A race to keep: a PNG whose cells know their recipes, and a page that needs no network."""

import dataclasses
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from races import SMALL, last, planned

from playground.diffusion.samplers import SAMPLERS
from playground.page.samplers import lens, race_files, racing
from playground.page.samplers.racing import Race
from playground.page.serving import EXAMPLE
from playground.page.shared import labels, sheet
from playground.recipe import Recipe, RecipeError, grid_from_png, save_grid

HERE = "https://example.org/playground/"


def kept(kind: str, data: Race, **changes) -> bytes:
    ask = {"kind": kind, "rows": "sampler", "columns": "count", "page": HERE} | changes
    name, content = race_files.file(ask, data)
    assert re.fullmatch(rf"race-[\w-]+-seed-\d+\.{kind}", name)
    return content


@pytest.fixture
def raced(session) -> Race:
    return last(racing.race(planned("ddim heun unipc", "2, 3", "1, 5"), "steps"))


def written(monkeypatch) -> list[str]:
    """Every text that is written from now on."""
    said, label = [], labels.label
    monkeypatch.setattr(sheet, "label", lambda t, *a, **k: said.append(t) or label(t, *a, **k))
    return said


def test_a_grid_reads_back_to_equal_recipes_each_on_its_picture(raced):
    file = kept("png", raced)
    cells = grid_from_png(io.BytesIO(file))
    pictures = {runner.lane.recipe: runner.picture.png for runner in raced.runners}
    assert set(cells.values()) == set(pictures)
    sheet = Image.open(io.BytesIO(file))
    for box, recipe in cells.items():
        picture = Image.open(io.BytesIO(pictures[recipe]))
        assert (np.asarray(sheet.crop(box)) == np.asarray(picture)).all()


@pytest.mark.parametrize(
    ("rows", "columns", "shape"),
    [
        ("sampler", "count", (3, 4)),  # each count with each w, since w varies too
        ("count", "sampler", (4, 3)),
        ("guidance", "sampler", (4, 3)),
        ("sampler", "guidance", (3, 4)),
    ],
)
def test_rows_and_columns_are_chosen(rows, columns, shape, raced):
    cells = grid_from_png(io.BytesIO(kept("png", raced, rows=rows, columns=columns)))
    across, down = ({box[side] for box in cells} for side in (0, 1))
    assert (len(down), len(across)) == shape
    field = {"sampler": "sampler", "count": "steps", "guidance": "guidance"}[columns]
    for left in across:  # one value in each column
        assert len({getattr(r, field) for box, r in cells.items() if box[0] == left}) == 1


def test_what_is_not_finished_is_not_given_out_as_its_recipe(session, raced, monkeypatch):
    first, *others = raced.runners
    half = [dataclasses.replace(runner, picture=None) for runner in others]
    said = written(monkeypatch)
    now = dataclasses.replace(raced, runners=(first, *half))
    assert list(grid_from_png(io.BytesIO(kept("png", now))).values()) == [first.lane.recipe]
    assert said.count("not finished") == len(others)


def drawn(recipe: Recipe, names="ddim euler", counts="1", **ask) -> Image.Image:
    race = last(racing.race(planned(names, counts, recipe=recipe), "steps"))
    file = io.BytesIO(kept("png", race, **ask))
    assert {r.prompt for r in grid_from_png(file).values()} == {recipe.prompt}
    return Image.open(file)


@pytest.mark.parametrize(
    "prompt", ["a cat\non two lines", "a\r\ncat", "ein Bär 熊 " * 25, "$x^2$ \\frac{", "",
               "🐱" * 150, "w" * 300],
)  # fmt: skip
def test_any_words_can_be_written(session, prompt, monkeypatch):
    said = written(monkeypatch)
    sheet = drawn(Recipe(prompt=prompt, width=64, height=64, seed=12345))
    assert said[:2] == [prompt or "no words", "seed 12345"]  # a line of its own
    ink = np.asarray(sheet.convert("L")) < 200
    assert not ink[:, -4:].any()  # nothing runs over the edge


def test_names_of_columns_are_whole_however_small_the_pictures(session, monkeypatch):
    """At 64 pixels "DPM-Solver++ 2M" and its two kin were cut until they read alike."""
    said, lines = written(monkeypatch), []
    wrapped = labels._wrapped
    monkeypatch.setattr(labels, "_wrapped", lambda *a: lines.extend(wrapped(*a)) or wrapped(*a))
    names = "dpmpp_2m dpmpp_2m_karras dpmpp_2m_sde"
    drawn(SMALL, names, "2 3", rows="count", columns="sampler")
    for label in (SAMPLERS[name].label for name in names.split()):
        assert label in said
    assert not any("…" in line for line in lines)
    assert "".join(said).replace(" ", "") == "".join(lines).replace(" ", "")


def test_a_page_needs_no_network_and_words_cannot_break_out(session):
    said = Recipe(prompt="</script><script>boo {{ data }}", width=64, height=64)
    race = last(racing.race(planned("ddim euler", "1", recipe=said), "steps"))
    page = kept("html", race).decode()
    assert page.count("<script>") == 1
    assert re.findall(r"https?://[^\s\"']*", page) == [HERE]
    (held,) = re.findall(r"const props = \{ value: (.*) \}, watch", page)
    told = json.loads(json.dumps(race.data()))
    assert json.loads(held) == told | {"layout": ["sampler", "count"], "page": HERE}


@pytest.mark.parametrize("page", ["javascript:alert(1)", "file:///x", None, "http://" + "x" * 300])
def test_links_lead_to_the_web_or_nowhere(page, raced):
    assert '"page":null' in kept("html", raced, page=page).decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "exe"}, "no 'exe' to keep; there are: png, html, svg, pdf."),
        ({"rows": "seed"}, "two of: sampler, count, guidance."),
        ({"rows": "count"}, "two of: sampler, count, guidance."),
        ({"columns": None}, "two of: sampler, count, guidance."),
    ],
)
def test_nonsense_to_keep_is_one_sentence(changes, words, raced):
    with pytest.raises(ValueError, match=re.escape(words)):
        kept(**{"kind": "png", "data": raced} | changes)


def test_grids_and_pictures_are_told_apart():
    picture, grid, damaged = io.BytesIO(), io.BytesIO(), io.BytesIO()
    SMALL.save_png(Image.new("RGB", (8, 8)), picture)
    save_grid(Image.new("RGB", (8, 8)), grid, {(0, 0, 8, 8): SMALL})
    save_grid(Image.new("RGB", (8, 8)), damaged, {5: SMALL})
    assert grid_from_png(grid) == {(0, 0, 8, 8): SMALL}
    with pytest.raises(RecipeError, match="carries no recipe"):
        grid_from_png(picture)
    with pytest.raises(RecipeError, match="This PNG is a grid"):
        Recipe.from_png(grid)
    with pytest.raises(RecipeError, match="This grid is damaged"):
        grid_from_png(damaged)
    with pytest.raises(RecipeError, match="not a readable PNG"):
        grid_from_png(io.BytesIO(b"GIF89a"))


# ---- what the lens offers ------------------------------------------------------------------------
def test_the_shipped_race_is_the_one_offered_and_small():
    shown = json.loads(EXAMPLE.read_text())["race"]
    assert [Recipe.from_query(lane["link"]) for lane in shown["lanes"]] == [
        lane.recipe for lane in lens.usual(Recipe())
    ]
    assert {lane["state"] for lane in shown["lanes"]} == {"finished"}
    assert shown["share"] == 1
    assert len(json.dumps(shown)) < 300_000
