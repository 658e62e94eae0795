"""While one types the picture alone follows every key; every lens follows at a pause."""

import json
from pathlib import Path

from modules import page_modules

from playground.live import node


def test_every_lens_follows_at_a_pause_whenever_it_comes(tmp_path):
    page_modules(tmp_path)
    script = Path(__file__).parent / "live" / "pausing.mjs"
    found = json.loads(node.run(script, str(tmp_path)))
    assert found["alone"] == [["first", True]]
    assert found["pause"] == [["first", False]]
    # it comes while the picture alone is being shown
    assert found["late"] == [["first", True], ["first", False]]
    # a newer picture waits: that is the one that every lens follows
    assert found["newer"] == [["first", True], ["second", False]]
    # after the pause typing goes on
    assert found["resumed"] == [["first", True], ["second", True]]
    # Draw draws what was typed, once
    assert found["pressed"] == [["second", False]]


def test_a_worker_that_cannot_be_started_is_told_to_whoever_asks_later(tmp_path):
    page_modules(tmp_path)
    script = Path(__file__).parent / "live" / "starting.mjs"
    reason = "The engine's worker could not be started."
    assert json.loads(node.run(script, str(tmp_path))) == {
        "nothing": ["", reason],
        "asked": [reason, reason],
        "heard": [reason, ""],  # it failed at one question, and may answer the next
    }
