"""The stage that holds families to their stock pipelines, and what it found."""

import re

import pytest
import torch

from playground.diffusion.levels import preserving
from playground.measuring import accelerated, checkpoint_tables, checkpoints, full, pairs, placed

FOUND = checkpoint_tables.figures()
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", pairs.MADE_FOR)
def test_every_family_was_measured_and_keeps_the_bars(name):
    row = FOUND["families"][name]
    assert max(row["own"], row["together"], *row["samplers"]["differences"].values()) <= 1e-4
    maps = row["maps"]
    assert maps["off"] <= 1e-4
    assert 0 < maps["least"] <= maps["most"] <= 1 + 1e-4
    assert maps["own"] > 10 * maps["others"]


def test_a_row_is_what_the_families_tests_hold(tiny_pipeline):
    row = checkpoints.row(tiny_pipeline("sana"), "sana", 1)
    assert row["label"] == "Sana"
    assert {"euler", "heun", "dpmpp_2m", "dpmpp_2s", "unipc"} == {
        *row["samplers"]["differences"], *row["samplers"]["refused"],
    }  # fmt: skip
    assert max(row["own"], row["together"]) <= 1e-4
    assert row["maps"]["least"] == pytest.approx(1, abs=1e-4)
    assert row["capture"]["ratio"] > 0


def test_a_word_that_is_looked_for_in_another_column_is_not_found(both, monkeypatch):
    model, level = both("sd15").model, preserving(0.5, 500.0)
    prompt, latents = model.encode("a photo of a cat"), torch.zeros(1, 4, 12, 16)
    own, others = placed.moved(model, latents, level, prompt, prompt.words[4])
    assert own > 10 * others
    right = placed.by_token
    monkeypatch.setattr(placed, "by_token", lambda *args: right(*args).roll(1, -1))
    own, others = placed.moved(model, latents, level, prompt, prompt.words[4])
    assert own < others


@pytest.mark.parametrize("table", checkpoint_tables.TABLES.values())
def test_tables_name_their_command_also_where_nothing_was_measured(table, monkeypatch):
    for figures in (FOUND, {}):
        monkeypatch.setattr(checkpoint_tables, "figures", lambda f=figures: f)
        assert re.search(r"`python -m playground\.measuring checkpoints[\w -]*`", table({}))


def test_the_ways_of_a_call_agree(tiny_pipeline):
    found = full.compared(full.ways(pairs.loaded(tiny_pipeline("sd15")), 128), 2)
    assert found["difference"] < 1e-5
    assert found["unchanged"]
    assert found["ratio"].keys() >= {"ours", "maps"}
    assert min(found[way]["cpu"] for way in ("stock", "ours", "maps")) > 0


@pytest.mark.slow
def test_the_accelerators_sweep_runs_and_is_written(tiny_pipeline, monkeypatch):
    ways = accelerated.ways(pairs.loaded(tiny_pipeline("sdxl")), 64, steps=2)
    row = accelerated.timed(ways, 2, "cpu", enough=0)
    assert row["rounds"] == 1
    measured = {"rows": {"SDXL": {"side": 64} | row}, "steps": 2, "device": "one", "torch": "2"}
    monkeypatch.setattr(checkpoint_tables, "figures", lambda: {"accelerator": measured})
    assert "| SDXL, 64 × 64 |" in checkpoint_tables.accelerator({})
