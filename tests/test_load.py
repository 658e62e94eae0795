"""What is said of a measured load, and a single picture beside what others have much of."""

import pytest

from playground.engine.local import LocalSession
from playground.measuring import beside, load, load_tables
from playground.measuring.load_client import Drawn, Form
from playground.recipe import Recipe

SMALL = {"width": 64, "height": 64}


def test_a_summary_counts_who_failed_and_how_unlike_visitors_were_served():
    fast = [Drawn(told=0.1, preview=0.2, picture=1.0), Drawn(told=0.1, preview=0.4, picture=3.0)]
    slow = [Drawn(told=0.3, preview=2.0, picture=3.0), Drawn(failed="503: busy")]
    found = load.summary([fast, slow], 4.0)
    assert (found["failed"], found["reasons"], found["per_second"]) == (1, ["503: busy"], 0.75)
    assert found["preview"] == [0.4, 2.0]
    assert found["unfair"] == 1.5
    empty = load.summary([[Drawn(failed="x")]], 1.0)
    assert (empty["picture"], empty["unfair"]) == (None, None)


def test_the_form_is_found_by_the_button_and_filled_by_name():
    config = {
        "components": [
            {"id": 1, "props": {"elem_id": "draw"}},
            {"id": 2, "props": {"elem_id": "recipe-prompt", "value": "a cat"}},
            {"id": 3, "props": {}},
        ],
        "dependencies": [
            {"id": 0, "targets": [[1, "click"]], "inputs": [], "backend_fn": False},
            {"id": 4, "targets": [[9, "load"], [1, "click"]], "inputs": [3, 2], "backend_fn": True},
        ],
    }
    form = Form.read(config)
    assert (form.handler, form.values) == (4, (None, "a cat"))
    assert form.filled(prompt="a fox") == [None, "a fox"]
    with pytest.raises(ValueError, match="no button to draw"):
        Form.read({"components": [], "dependencies": []})


def test_a_single_picture_beside_many_is_compared_with_alone(engine):
    many = [Recipe(**SMALL, steps=60, seed=n) for n in range(8)]
    found = beside.compare(LocalSession(engine), Recipe(**SMALL, steps=2), [many, many], 1)
    assert found["beside"] > 0
    assert found["times"] == pytest.approx(found["beside"] / found["alone"], rel=0.2)
    few = [Recipe(**SMALL, steps=1)]
    with pytest.raises(ValueError, match="ended too early"):
        beside.compare(LocalSession(engine), Recipe(**SMALL, steps=9), [few], 1)


def test_the_tables_are_those_of_the_figures(monkeypatch):
    where = {"threads": 2, "machine": "x86_64", "torch": "2.13.0"}
    row = load.summary([[Drawn(0.1, 0.2, 1.0)]], 1.0) | {"visitors": 1, "megabytes": 1500}
    state = {"megabytes": 1000, "threads": 90, "files": 50, "kept": 0}
    found = {
        "opening": where | {"visitors": 30, "first": 0.5, "last": 0.2, "again": 0.1,
                            "kilobytes": 1726},
        "load": {"U-Net, 15 steps": where | {"rows": [row], "each": 5, "steps": 15}},
        "beside": where | {"alone": 1.0, "beside": 2.0, "times": 2.0, "rounds": 5},
        "flood": where | {"answers": {"taken": 7, "503": 2}, "joins": 9, "uploads": 3,
                          "picture": 1.2, "before": state, "after": state},
        "soak": where | {"runs": 9, "said": "9 draws", "before": state, "after": state},
    }  # fmt: skip
    monkeypatch.setattr(load_tables, "figures", lambda: found)
    assert "| U-Net, 15 steps | 1 | 0 | 1.00 | 0.1 / 0.1 s |" in load_tables.load({})
    assert "times those of" not in load_tables.load({})
    ratios = {"page": {"15": [3.0, 3.2, 3.1], "20": [4.0, 4.4, 4.2]}, "API": {"20": [5.0, 5.2, 9]}}
    found["against"] = where | {"ratios": ratios, "each": 5}
    said = load_tables.load({})
    assert "16 visitors of the page get 3.1 times those of the U-Net with 15 steps and 4.2" in said
    assert "16 programs that ask the API get 5.2 times those of the U-Net with 20 steps" in said
    assert "had it after 0.2 s (1.7 MB each" in load_tables.opening({})
    assert "2.0 times as long as alone" in load_tables.beside({})
    assert "7 were taken and not computed, the others" in load_tables.flood({})
    assert "| memory, MB | 1,000 | 1,000 |" in load_tables.soak({})
