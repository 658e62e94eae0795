"""A race to keep: a PNG whose cells know their recipes, and a page that needs no network."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from races import SMALL, last, planned

from playground.page.samplers import lens, race_files, racing
from playground.page.serving import EXAMPLE
from playground.recipe import Recipe, RecipeError, grid_from_png, save_grid

HERE = "https://example.org/playground/"


def kept(kind: str, data: dict, **changes) -> bytes:
    ask = {"kind": kind, "rows": "sampler", "columns": "count", "page": HERE} | changes
    name, content = race_files.file(ask, data)
    assert name == f"race.{kind}"
    return content


@pytest.fixture
def raced(machine) -> dict:
    return last(racing.race(planned("ddim heun unipc", "2, 3", "1, 5"), "steps"))


def test_a_grid_reads_back_to_equal_recipes_each_on_its_picture(raced):
    file = kept("png", raced)
    cells = grid_from_png(io.BytesIO(file))
    links = {lane["link"]: lane for lane in raced["lanes"]}
    assert sorted(r.to_query() for r in cells.values()) == sorted(links)
    sheet = Image.open(io.BytesIO(file))
    for box, recipe in cells.items():
        picture = Image.open(io.BytesIO(base64.b64decode(links[recipe.to_query()]["png"])))
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


def test_what_is_not_finished_is_not_given_out_as_its_recipe(machine, raced):
    for lane in raced["lanes"][1:]:
        lane["state"] = "sampling"
        del lane["png"]
    (recipe,) = grid_from_png(io.BytesIO(kept("png", raced))).values()
    assert recipe.to_query() == raced["lanes"][0]["link"]


def test_any_words_can_be_written(machine):
    said = Recipe(prompt="ein Bär 熊 " * 30, width=64, height=64)
    data = last(racing.race(planned("ddim euler", "1", recipe=said), "steps"))
    cells = grid_from_png(io.BytesIO(kept("png", data)))
    assert {recipe.prompt for recipe in cells.values()} == {said.prompt}


def test_a_page_needs_no_network_and_words_cannot_break_out(machine):
    said = Recipe(prompt="</script><script>boo {{DATA}}", width=64, height=64)
    data = last(racing.race(planned("ddim euler", "1", recipe=said), "steps"))
    page = kept("html", data).decode()
    assert page.count("<script>") == 1
    assert re.findall(r"https?://[^\s\"']*", page) == [HERE]
    (held,) = re.findall(r"const props = \{ value: (.*) \}, watch", page)
    said = json.loads(json.dumps(data))
    assert json.loads(held) == said | {"layout": ["sampler", "count"], "page": HERE}


@pytest.mark.parametrize("page", ["javascript:alert(1)", "file:///x", None, "http://" + "x" * 300])
def test_links_lead_to_the_web_or_nowhere(page, raced):
    assert '"page":null' in kept("html", raced, page=page).decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "exe"}, "no 'exe' to keep; there are: png, html."),
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
def test_samplers_that_cannot_be_used_are_named_with_the_reason():
    assert lens.refusals("epsilon") == ""
    assert lens.refusals("v_prediction") == (
        "PNDM cannot sample a model that predicts v_prediction."
    )


def test_the_shipped_race_is_the_one_offered_and_small():
    shown = json.loads(EXAMPLE.read_text())["race"]
    assert [Recipe.from_query(lane["link"]) for lane in shown["lanes"]] == [
        lane.recipe for lane in lens.usual(Recipe())
    ]
    assert {lane["state"] for lane in shown["lanes"]} == {"finished"}
    assert shown["share"] == 1
    assert len(json.dumps(shown)) < 300_000
