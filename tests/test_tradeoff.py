"""The measured table says what the numbers are."""

import numpy as np
import pytest

from playground import Playground
from playground.diffusion import guidance
from playground.measuring import sweeps, tables
from playground.models import specs
from playground.page.guidance.measured import _difference, measured, variants
from playground.recipe import Recipe
from playground.wording import percent

NAMES = ("guidance", "count", "lenient", "strict", "diversity", "saturation")
NUMBERS = [(0, 8, 0.1, 0.0, 2.0, 0.4), (1, 8, 0.5, 0.25, 1.0, 0.4), (25, 8, 1.0, 0.75, 0.5, 0.6)]
ROWS = [dict(zip(NAMES, numbers, strict=True)) for numbers in NUMBERS]


def test_the_table_and_its_sentence_are_the_numbers():
    data = measured(ROWS)
    assert [row["name"] for row in data["rows"]] == ["0", "1", "25"]
    assert data["rows"][1]["values"] == [0.5, 0.25, 1.0, 0.4]
    for part in (
        "w = 25 (75 %, 95 % interval 41 to 93 %; 25 % at w = 1",
        "Diversity falls from 1.00 at w = 1 to 0.50 at w = 25. ",
        "from 40 % at w = 1 to 60 %",
        "same 8 pictures",
    ):
        assert part in data["text"]


def test_the_sentence_names_ties_and_where_diversity_turns():
    numbers = [NUMBERS[1], (5, 8, 1.0, 0.75, 0.4, 0.5), (25, 8, 0.125, 0.75, 2.0, 0.6)]
    text = measured([dict(zip(NAMES, row, strict=True)) for row in numbers])["text"]
    assert "most often at w = 5 and 25 (75 %" in text
    assert "falls from 1.00 at w = 1 to 0.40 at w = 5 and is 2.00 at w = 25, where" in text
    assert "is there in 13 %." in text


@pytest.mark.slow
def test_the_page_shows_the_cards_numbers(lens):
    rows = specs.get("emoji-world").card["guidance"]
    page = lens(Recipe(prompt="a red square", steps=4, seed=3))
    shown = page.locator("#tradeoff tbody tr").all_text_contents()
    assert len(shown) == len(rows)
    for row, text in zip(rows, shown, strict=True):
        assert text.startswith(f"{row['guidance']:g}{percent(row['lenient'])}")
    assert str(rows[0]["count"]) in page.text_content("#tradeoff .status")


@pytest.mark.parametrize("key", ["lenient", "strict", "diversity", "saturation"])
def test_every_measure_is_of_every_setting(key):
    card = specs.get("emoji-world").card
    assert all(key in row for row in card["guidance"] + card["samplers"])


def varied(start: float, stop: float, count: int = 400) -> list[dict]:
    """Rows in which the first (the last) two fifths without guidance leave so many right."""
    rest = {"count": count, "strict": 0.1, "diversity": 1.0, "saturation": 0.3}
    rows = [("guidance_start", 0.0, 40, 0.8), ("guidance_start", 0.4, 32, start)]
    rows += [("guidance_stop", 0.6, 32, stop), ("guider", "apg", 40, 0.7)]
    return [
        dict(zip(("field", "value", "rows", "lenient"), row, strict=True)) | rest for row in rows
    ]


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [(0.9, 0.3, 0.1705, 0.8090), (1.0, 0.0, 0.6075, 1.0)],  # Newcombe 1998, table II, method 10
)
def test_the_interval_of_a_difference_is_the_published_one(one, other, low, high):
    assert _difference(one, other, 10) == pytest.approx((low, high), abs=6e-5)
    assert _difference(other, one, 10) == pytest.approx((-high, -low), abs=6e-5)


def test_what_all_pictures_show_is_not_certain():
    """Eight of eight: the interval has a width, and so has a difference of two such shares."""
    text = measured([dict(zip(NAMES, (1, 8, 1.0, 1.0, 1.0, 0.4), strict=True))])["text"]
    assert "w = 1 (100 %, 95 % interval 68 to 100 %;" in text
    assert "the difference: -32 to 32 points; 8 pictures" in variants(varied(1.0, 1.0, 8))["text"]


@pytest.mark.parametrize(
    ("start", "stop", "said"),
    [
        (0.3, 0.6, "the first steps matter more"),
        (0.6, 0.3, "the last steps matter more"),
        (0.5, 0.53, "within chance"),
    ],
)
def test_which_end_matters_is_read_off_the_numbers(start, stop, said):
    data = variants(varied(start, stop))
    assert said in data["text"]
    assert f"{percent(start)} without it in the first 40 %" in data["text"]
    assert "both save 8 of 40 rows" in data["text"]
    assert [c["label"] for c in data["columns"]][:2] == ["rows a picture", "asked-for is there"]
    assert data["rows"][1]["name"] == "Guidance from: 0.4"
    assert data["rows"][3]["name"] == "Guider: APG (projected)"
    assert data["rows"][1]["values"] == [32, start, 0.1, 1.0, 0.3]


def test_every_variant_is_measured_and_plain_guidance_once(session, monkeypatch):
    drawn = []

    def all_black(_, recipes):
        drawn.extend(recipes)
        return np.zeros((len(recipes), 128, 128, 3), np.uint8)

    monkeypatch.setattr(sweeps, "draw_all", all_black)
    rows = list(sweeps.variants(Playground(session=session), ["a cat", "a red square"]))
    wanted = [(name, value) for name, values in sweeps.VARIANTS.items() for value in values]
    assert [(row["field"], row["value"]) for row in rows] == wanted
    assert len(drawn) == len(set(drawn)) == 4 * (len(wanted) - 4)  # five fields, one plain
    cost = {(row["field"], row["value"]): row["rows"] for row in rows}
    assert cost["guidance_start", 0.8] == cost["guidance_stop", 0.2] == 15 + 3
    assert {cost["guider", name] for name in guidance.GUIDERS} == {30}
    names = {"variants": rows, "guidance": [], "samplers": []}
    assert tables.variants(names).count("| 18 |") == 2


def test_offered_sweeps_are_the_measured_ones():
    from playground.page.guidance.axis import AXES
    from playground.page.guidance.sweeping import plan

    for name, values in sweeps.VARIANTS.items():
        recipes = plan(Recipe(), name, AXES[name])
        assert tuple(getattr(recipe, name) for recipe in recipes) == values
