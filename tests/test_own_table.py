"""The oracle's table for the visitor's own prompt: row by row, stopped, refused."""

import dataclasses

import numpy as np
import pytest
from lens import QUICK

from playground.page.guidance import own
from playground.recipe import Recipe
from playground.wording import wilson
from playground.world import measures

FAST = Recipe(prompt="a red square", steps=2)
OWN = "#own-table"


def test_the_cost_is_told_before():
    """Rows of the network: 1 at w = 0 and w = 1, 2 at w = 5, as the recipe's own w = 5."""
    assert own.cost(FAST, "0, 1, 5") == (
        "3 values × 8 seeds = 24 pictures, 16 times the work of drawing the recipe's picture."
    )


def test_every_row_is_what_its_pictures_measure(session):
    *frames, last = own.measure(FAST, "1, 6")
    assert [name for name, *_ in map(tuple, (r.values() for r in last["rows"]))] == ["1", "6"]
    for row in last["rows"]:
        recipes = [
            dataclasses.replace(FAST, guidance=float(row["name"]), seed=FAST.seed + i)
            for i in range(8)
        ]
        pictures = np.stack([session.engine.draw(recipe).image for recipe in recipes])
        found = measures.measure([FAST.prompt] * 8, pictures, 8)
        keys = [column["key"] for column in last["columns"]]
        assert row["values"] == pytest.approx([found[key] for key in keys], abs=0.02)
    assert "16 pictures" in last["text"]
    assert last["caption"] == "“a red square”, seeds 7 to 14, 8 a row"
    assert len({frame["run"] for frame in frames}) == 1
    assert last["run"] is None  # there is nothing more to stop
    chart = own.charted(last)
    points = chart["panels"][0]["points"]
    assert [(p["at"], p["values"]["strict"]["value"]) for p in points] == [
        (float(row["name"]), row["values"][1]) for row in last["rows"]
    ]
    low, _ = wilson(points[0]["values"]["lenient"]["value"], 8)
    assert (points[0]["values"]["lenient"]["low"], chart["text"]) == (low, last["caption"])


def test_stopping_keeps_finished_rows_and_frees_the_engine(session, monkeypatch):
    monkeypatch.setattr(own, "FRAME", 0.0)
    frames = own.measure(FAST, "1, 2, 3")
    for frame in frames:
        if frame.get("rows"):
            break
    assert [row["name"] for row in frame["rows"]] == ["1"]
    frames.close()
    assert not any(run.cells for run in session.engine._turns.runs)


def test_seeds_go_round_at_the_end():
    last = Recipe(prompt="a cat", seed=2**32 - 2)
    ((*recipes,),) = own.plan(last, "5")
    assert [r.seed for r in recipes] == [2**32 - 2, 2**32 - 1, *range(6)]


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        (2**32 - 8, "seeds 4294967288 to 4294967295, 8 a row"),
        (2**32 - 7, "seeds 4294967289 to 0 (after 4294967295 comes 0), 8 a row"),
        (2**32 - 1, "seeds 4294967295 to 6 (after 4294967295 comes 0), 8 a row"),
    ],
)
def test_the_seeds_are_told_round_the_end(seed, said, session):
    *_, last = own.measure(dataclasses.replace(FAST, seed=seed), "1")
    assert said in last["caption"]


@pytest.mark.parametrize(
    ("recipe", "text", "words"),
    [
        (FAST, "", "is empty"),
        (FAST, None, "is empty"),
        (FAST, ["1"], "is empty"),
        (FAST, "1, NaN", "not a number"),
        (FAST, "1e9", "between 0 and 30"),
        (FAST, ", ".join(map(str, range(40))), "at most 16"),
        (Recipe(prompt="quantum chromodynamics"), "5", "knows none of these words"),
        (Recipe(prompt=""), "5", "knows none of these words"),
        (Recipe(prompt="a cat", width=64, height=64), "5", "of 128×128 pixels only"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(recipe, text, words, session):
    with pytest.raises(ValueError, match=words) as caught:
        list(own.measure(recipe, text))
    assert str(caught.value).endswith(".")


def test_one_measure_for_the_page_and_the_card():
    """Groups of two: diversity is within a group, adherence over all."""
    pictures = np.zeros((4, 128, 128, 3), np.uint8)
    pictures[2:] = 255
    found = measures.measure(["a cat"] * 4, pictures, 2)
    assert found["diversity"] == pytest.approx(0, abs=1e-4)
    assert (found["lenient"], found["saturation"]) == (0, 0)


@pytest.mark.slow
def test_the_visitors_table_fills_and_refuses_on_the_page(lens):
    page = lens(Recipe(**QUICK | {"steps": 2}))
    page.fill("#own-values textarea, #own-values input", "1, <b>x</b>")
    page.click("#own-start")
    said = f"w => document.querySelector('{OWN} .status').textContent.includes(w)"
    page.wait_for_function(said, arg="“<b>x</b>” in the list")
    page.fill("#own-values textarea, #own-values input", "1, 7")
    page.wait_for_function(
        "document.querySelector('#own-cost').textContent.includes('2 values × 8 seeds')"
    )
    page.click("#own-start")
    page.wait_for_function(said, arg="16 pictures in")
    rows = page.locator(f"{OWN} tbody th")
    assert rows.all_text_contents() == ["1", "7"]
    page.click("#own-stop")  # there is nothing to stop
    page.fill("#recipe-prompt textarea", "zzz")
    page.click("#own-start")
    page.wait_for_function(said, arg="The oracle knows none of these words")
    assert rows.all_text_contents() == ["1", "7"]  # of what its caption says
    assert page.text_content(f"{OWN} caption").startswith("“a red square”, seeds 3 to 10")
    assert page.locator("#own-curves figure").count() == 4
    page.click(f"{OWN} .name")
    page.click(f"{OWN} .help summary")
    assert "in the oracle's features" in page.text_content(f"{OWN} .columns")
