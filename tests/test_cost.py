"""What recording costs is measured on the same pictures, and what is kept is counted."""

from dataclasses import replace

from playground.measuring import recording, tables
from playground.recipe import Recipe

SMALL = Recipe(prompt="a cat", steps=2)


def test_what_a_run_keeps_is_counted(session):
    assert recording._our_run(session, [SMALL]) == 0
    places = 16 * 16 + 8 * 8 + 4 * 4
    columns = 5  # start, two words, end, padding
    assert recording._our_run(session, [SMALL], record=True) == 2 * 4 * columns * places
    grid = [replace(SMALL, seed=i) for i in range(3)]
    assert recording._our_run(session, grid, record=True) == 3 * 2 * 4 * columns * places
    assert recording._our_run(session, [SMALL], heads=True) > 0


def test_pairs_alternate_and_the_ratio_is_of_both(monkeypatch):
    calls, clock = [], [0.0]
    monkeypatch.setattr(recording.time, "perf_counter", lambda: clock[0])

    def work(name, seconds, kept):
        def run():
            calls.append(name)
            clock[0] += seconds
            return kept

        return run

    found = recording.compare(work("off", 1.0, 0), work("on", 1.04, 2_500_000), 3)
    assert calls[2:] == ["on", "off", "off", "on", "on", "off"]
    assert found == {"off": 1.0, "on": 1.04, "ratio": 1.04, "megabytes": 2.5}
    table = tables.recording({"recording": {"pairs": 3, "threads": 2, "rows": {"maps": found}}})
    assert "| maps | 1.00 s | 1.04 s | 1.040 | 2.50 MB |" in table
