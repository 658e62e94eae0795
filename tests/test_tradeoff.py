"""The measured table says what the numbers are."""

import pytest
from browser import ROOT

from playground import zoo
from playground.training import tables
from playground.ui.guidance_measured import measured

NAMES = ("guidance", "count", "lenient", "strict", "diversity", "saturation")
NUMBERS = [(0, 8, 0.1, 0.0, 2.0, 0.4), (1, 8, 0.5, 0.25, 1.0, 0.4), (25, 8, 1.0, 0.75, 0.5, 0.6)]
ROWS = [dict(zip(NAMES, numbers, strict=True)) for numbers in NUMBERS]


def test_the_table_and_its_sentence_are_the_numbers():
    data = measured(ROWS)
    assert [row["name"] for row in data["rows"]] == ["0", "1", "25"]
    assert data["rows"][1]["values"] == [0.5, 0.25, 1.0, 0.4]
    for part in ("w = 25 (75%; 25% at w = 1", "-50%", "from 40% to 60%", "same 8 pictures"):
        assert part in data["text"]


def test_the_page_shows_the_cards_numbers(lens):
    from playground.recipe import Recipe

    rows = zoo.get("emoji-world").card["guidance"]
    page = lens(Recipe(prompt="a red square", steps=4, seed=3))
    shown = page.locator("#tradeoff tbody tr").all_text_contents()
    assert len(shown) == len(rows)
    for row, text in zip(rows, shown, strict=True):
        assert text.startswith(f"{row['guidance']:g}{round(100 * row['lenient'])} %")
    assert str(rows[0]["count"]) in page.text_content("#tradeoff .text")


@pytest.mark.parametrize("key", ["lenient", "strict", "diversity", "saturation"])
def test_every_measure_is_of_every_setting(key):
    card = zoo.get("emoji-world").card
    assert all(key in row for row in card["guidance"] + card["samplers"])


def test_the_readme_holds_the_cards_numbers():
    readme, card = (ROOT / "README.md").read_text(), zoo.get("emoji-world").card
    for name, table in tables.TABLES.items():
        assert f"<!-- {name}: begin -->\n{table(card)}\n<!-- {name}: end -->" in readme
