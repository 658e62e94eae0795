"""Several visitors at one engine: cancelling takes effect at once, and nobody waits long."""

import threading
import time
from collections import Counter

import pytest

from playground.engine.engine import Engine
from playground.engine.events import Ahead, Dropped, Picture, Step
from playground.recipe import Recipe

SMALL = {"width": 64, "height": 64}
LONG = Recipe(**SMALL, steps=100)


class Watched(Engine):
    """An engine that notes which runs each tick served."""

    def __init__(self, model):
        super().__init__(model)
        self.ticks = []

    def _choose(self):
        chosen = super()._choose()
        self.ticks.append({run for run, _ in chosen})
        return chosen


@pytest.fixture
def watched(tiny):
    engine = Watched(tiny)
    runs = []
    submit = engine.submit
    engine.submit = lambda *args, **named: runs.append(submit(*args, **named)) or runs[-1]
    yield engine
    for run in runs:
        run.cancel()
    rest(engine)


def rest(engine: Engine, seconds: float = 10) -> None:
    """Wait until the engine has nothing to do."""
    if thread := engine._thread:
        thread.join(seconds)
    assert engine._thread is None, "the engine is still at work"


def within(seconds: float, work):
    """What `work()` returns, if it returns in time."""
    result = []
    thread = threading.Thread(target=lambda: result.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert result, f"still waiting after {seconds} s"
    return result[0]


def after(run, steps: int) -> list:
    """Read that many events of a run."""
    return [event for event, _ in zip(run, range(steps), strict=False)]


def test_cancelling_ends_the_run_and_empties_the_engine(watched):
    run = watched.submit([LONG] * 8)
    assert all(isinstance(e, Step) for e in after(run, 3))
    run.cancel()
    served = len(watched.ticks)
    remaining = within(10, lambda: list(run))
    assert all(isinstance(e, Step) for e in remaining)  # read late; no picture
    rest(watched)
    assert len(watched.ticks) <= served + 1
    assert not run.cells
    assert not watched._turns.runs


def test_a_cancelled_run_stays_ended(watched):
    run = watched.submit([LONG])
    after(run, 1)
    run.cancel()
    run.cancel()
    within(10, lambda: list(run))
    rest(watched)
    assert within(3, lambda: list(run)) == []


def test_leaving_the_with_block_cancels(watched):
    with watched.submit([LONG] * 4) as run:
        after(run, 2)
    rest(watched)
    assert not run.cells


def test_a_reader_in_another_thread_is_released(watched):
    run = watched.submit([LONG] * 16)
    reader = threading.Thread(target=lambda: list(run), daemon=True)
    reader.start()
    run.cancel()
    reader.join(10)
    assert not reader.is_alive()


def test_other_runs_go_on_as_if_nothing_had_happened(watched):
    recipe = Recipe(**SMALL, steps=6, seed=3)
    cancelled, kept = watched.submit([LONG] * 4), watched.submit([recipe])
    after(cancelled, 2)
    cancelled.cancel()
    *steps, picture = within(20, lambda: list(kept))
    assert isinstance(picture, Picture)
    assert len(steps) == 6
    alone = watched.draw(recipe).image.astype(int)
    assert abs(picture.image - alone).max() <= 1  # of 255: batches round differently


def test_cancelling_what_is_finished_loses_nothing(watched):
    run = watched.submit([Recipe(**SMALL, steps=2)])
    rest(watched)
    run.cancel()
    *steps, picture = within(5, lambda: list(run))
    assert len(steps) == 2
    assert isinstance(picture, Picture)


@pytest.mark.parametrize("width", [64, 96])
def test_a_single_picture_does_not_wait_behind_a_large_run(width, watched):
    """Also of another size, which cannot share a tick with the large run."""
    large = watched.submit([LONG] * 64)
    after(large, 1)
    before = len(watched.ticks)
    single = watched.submit([Recipe(steps=10, width=width, height=64)])
    *_, picture = within(60, lambda: list(single))
    served = [i for i, runs in enumerate(watched.ticks[before:]) if single in runs]
    assert isinstance(picture, Picture)
    assert served[0] <= 2  # one tick may be under way and one of the large run before it
    assert len(served) == 10
    assert served[-1] <= 2 + 2 * 10  # every other tick at least


def test_an_owner_has_one_run_and_others_keep_theirs(watched):
    """A visitor who draws again before the first picture is there wants only the second."""
    old = watched.submit([LONG], visitor="ann")
    others = [watched.submit([LONG], visitor="ben"), watched.submit([LONG]), watched.submit([LONG])]
    new = watched.submit([LONG], visitor="ann")
    assert len(within(10, lambda: list(old))) < 100
    assert not old.cells
    assert all(run.cells for run in (*others, new))


class Idle(Engine):
    """An engine that takes orders and does not work on them."""

    def _work(self):
        pass


def test_a_visitor_has_one_run_in_each_section(watched):
    """A sweep does not end the picture that is drawn beside it."""
    picture = watched.submit([LONG], visitor="ann", section="draw")
    sweep = watched.submit([LONG] * 2, visitor="ann", section="sweep")
    again = watched.submit([LONG], visitor="ann", section="draw")
    assert len(within(10, lambda: list(picture))) < 100
    assert sweep.cells
    assert again.cells
    watched.cancel_cell("ann", "sweep", LONG)
    assert (sweep.cells, bool(again.cells)) == ([], True)


def test_turns_go_by_visitor_not_by_section(tiny):
    """Ann has seven runs of many rows, Ben one of two: he is in every other tick at least."""
    engine = Idle(tiny)
    for section in range(7):
        engine.submit([LONG] * 16, visitor="ann", section=str(section))
    ben = engine.submit([LONG], visitor="ben")
    served = [{run for run, _ in engine._choose()} for _ in range(20)]
    assert all(ben in runs for runs in served)  # of sixteen rows, two are his
    firsts = Counter(run.section for runs in served for run in runs if run.visitor == "ann")
    assert len(firsts) == 7  # and each of her runs gets on


def ended(engine: Engine, ticks: int) -> list:
    """Visitors in the order in which their runs end, and who was served in each of the ticks."""
    order, served = [], []
    for _ in range(ticks):
        engine._turns.forget_finished()
        chosen = engine._choose()
        served.append(Counter(run.visitor for run, _ in chosen))
        for run, cell in chosen:
            cell.call += 1
            if cell.done:
                run.cells.remove(cell)
                order += [] if run.cells else [run.visitor]
    return [order, served]


def test_single_pictures_end_in_the_order_of_asking_and_who_wants_many_goes_on(tiny):
    """Twenty-four pictures of five calls beside two sweeps: twelve rows of each call, and four."""
    engine, names = Idle(tiny), [str(n) for n in range(24)]
    for name in names[:12]:
        engine.submit([Recipe(**SMALL, steps=5)], visitor=name)
    for name in ("ann", "ben"):
        engine.submit([LONG] * 40, visitor=name)
    for name in names[12:]:
        engine.submit([Recipe(**SMALL, steps=5)], visitor=name)
    order, served = ended(engine, 20)
    assert order == names
    assert all(tick["ann"] + tick["ben"] == 2 for tick in served[:20])
    assert abs(sum(t["ann"] for t in served) - sum(t["ben"] for t in served)) <= 4


@pytest.mark.parametrize(
    ("singles", "w", "rows", "theirs"),
    [
        (1, 5.0, 4, 2), (1, 1.0, 3, 1), (2, 5.0, 6, 4), (3, 5.0, 8, 6), (4, 5.0, 12, 8),
        (6, 5.0, 16, 12), (8, 5.0, 16, 12),
    ],
)  # fmt: skip
def test_who_wants_many_takes_one_cell_beside_three_of_singles(singles, w, rows, theirs, tiny):
    """`rows` of each call, of which `theirs` are of single pictures; without these it is full."""
    engine = Idle(tiny)
    for name in ("ann", "ben"):
        engine.submit([LONG] * 40, visitor=name)
    recipe = Recipe(**SMALL, steps=8, guidance=w)
    drawn = [engine.submit([recipe], visitor=str(n)) for n in range(singles)]
    for _ in range(8):
        chosen = engine._choose()
        assert sum(len(cell.branches) for _, cell in chosen) == rows
        assert sum(len(cell.branches) for run, cell in chosen if run in drawn) == theirs
    for run in drawn:
        run.cancel()
    assert sum(len(cell.branches) for _, cell in engine._choose()) == 16


def test_an_edit_goes_on_beside_a_single_picture_and_does_not_stop_it(tiny):
    """An edited cell comes with its source: four rows, which must fit beside the picture's two."""
    engine = Idle(tiny)
    edit = engine.submit([LONG] * 3, visitor="ann")
    edit.cells[1].source = edit.cells[0]
    single = engine.submit([Recipe(**SMALL, steps=8)], visitor="ben")
    for _ in range(8):
        served = Counter(run for run, _ in engine._choose())
        assert served == {single: 1, edit: 2}


def test_who_asks_again_stands_at_the_end(tiny):
    """Who draws while typing does not keep the first place for ever."""
    engine = Idle(tiny, max_rows=2)
    for name in ("ann", "ben", "ann"):
        engine.submit([Recipe(**SMALL, steps=5)], visitor=name)
    assert ended(engine, 10)[0] == ["ben", "ann"]


def test_a_run_that_waits_says_what_stands_before_it(tiny):
    engine = Idle(tiny)
    engine._measured = {"PyTorch": {16: [0.5]}}
    runs = [engine.submit([Recipe(**SMALL, steps=15)], visitor=str(n)) for n in range(33)]
    for run, others, calls in ((runs[0], 0, 15), (runs[7], 7, 15), (runs[32], 32, 62)):
        ahead = engine.ahead(run)
        assert (ahead.others, ahead.seconds) == (others, calls * 0.5)
    assert [engine.full(run) for run in runs] == [False] * 8 + [True] * 25
    first = next(runs[32].ahead())
    assert first.others == 32
    runs[31].cancel()
    assert list(runs[31].ahead()) == []
    assert engine.ahead(runs[32]).others == 31
    runs[31] = engine.submit([Recipe(**SMALL, steps=15)], visitor="31")
    sweep = engine.submit([Recipe(**SMALL, steps=15)] * 16, visitor="sweep")
    assert engine.ahead(sweep) == Ahead(33, 46.0)  # 1,470 rows: 92 calls
    assert not engine.full(sweep)  # it has its share of each call


def test_a_tick_is_of_one_size_and_keeps_to_its_rows(tiny):
    """Sizes cannot share a network call; a cell costs one row or two."""
    engine = Idle(tiny, max_rows=5)
    runs = [
        engine.submit(
            [Recipe(width=width, height=64, guidance=w, steps=9) for w in (5.0, 1.0, 0.0, 7.0)]
        )
        for width in (64, 96, 64)
    ]
    calls = 0
    while any(run.cells for run in runs):
        engine._turns.forget_finished()
        chosen = engine._choose()
        assert len({cell.shape for _, cell in chosen}) == 1
        assert sum(len(cell.branches) for _, cell in chosen) <= 5
        calls += 1
        for run, cell in chosen:
            cell.call += 1
            if cell.done:
                run.cells.remove(cell)
    assert calls <= 3 * 6 * 9 / 4  # 18 rows a step, of 5 a call at least 4 are used


def test_cells_that_fit_a_call_advance_in_lock_step(engine):
    recipes = [Recipe(**SMALL, steps=3, seed=seed) for seed in range(8)]
    indices = [e.index for e in engine.submit(recipes) if isinstance(e, Step)]
    assert indices == sorted(indices)


@pytest.mark.parametrize(
    ("steps", "calls"),
    [
        ([7] * 8, 7),  # sixteen rows: one call a step
        ([7] * 9, 8),  # 126 rows in full calls
        ([7] * 16, 14),
        ([2] * 6 + [20] * 6, 20),  # the long ones cannot wait for the short ones
        ([20, 3, 1, 20, 2], 20),
    ],
    ids=str,
)
def test_a_run_takes_as_few_calls_as_can_be(steps, calls, watched):
    list(watched.submit([Recipe(**SMALL, steps=n, seed=i) for i, n in enumerate(steps)]))
    assert len(watched.ticks) == calls


def test_a_large_run_ends_part_by_part(watched):
    """Thirty-two rows, a call has sixteen: half the pictures are there at half time."""
    run = watched.submit([Recipe(**SMALL, steps=5, seed=seed) for seed in range(16)])
    events = list(run)
    half = events[: len(events) // 2]
    assert [e.cell for e in half if isinstance(e, Picture)] == list(range(8))


def test_one_cell_is_cancelled_and_the_others_go_on(watched):
    recipes = [Recipe(**SMALL, steps=60, seed=seed) for seed in range(3)]
    run = watched.submit(recipes, visitor="ann")
    other = watched.submit([recipes[1]], visitor="ben")
    early = after(run, 4)
    watched.cancel_cell("ann", "", recipes[1])
    watched.cancel_cell("ann", "", recipes[1])  # twice is once
    watched.cancel_cell("nobody", "", recipes[0])
    events = early + within(60, lambda: list(run))
    assert [e.cell for e in events if isinstance(e, Dropped)] == [1]
    assert sorted(e.cell for e in events if isinstance(e, Picture)) == [0, 2]
    assert len([e for e in events if isinstance(e, Step) and e.cell == 1]) < 60
    *_, kept = within(60, lambda: list(other))
    assert isinstance(kept, Picture)


def test_the_last_cell_cancelled_ends_the_run(watched):
    run = watched.submit([LONG], visitor="ann")
    after(run, 2)
    watched.cancel_cell("ann", "", LONG)
    *_, last = within(10, lambda: list(run))
    assert last == Dropped(0)
    rest(watched)


def test_seconds_of_a_call_are_those_measured(watched):
    assert watched.seconds_per_call(4) is None
    watched._measured = {
        "PyTorch": {2: [0.1, 0.1, 5.0], 10: [0.3], 16: [0.6]},
        "another": {2: [9.0]},
    }
    for rows, seconds in [(1, 0.1), (2, 0.1), (6, 0.2), (13, 0.45), (16, 0.6), (32, 1.2)]:
        assert watched.seconds_per_call(rows) == pytest.approx(seconds)
    before = time.perf_counter()
    watched.draw(Recipe(**SMALL, steps=1, guidance=0.0))
    (seconds,) = watched._measured["PyTorch"][1]
    assert 0 < seconds < time.perf_counter() - before


def test_a_single_picture_shares_small_calls_with_what_others_have_much_of(tiny):
    """A sweep of 16 and a race of 36 lanes go on, two rows a call; alone they fill every call."""
    engine = Engine(tiny)
    rows, ask = [], engine.network.ask

    def noted(latents, *others):
        rows.append(len(latents))
        return ask(latents, *others)

    engine.network.ask = noted
    sweep = [Recipe(**SMALL, steps=30, guidance=2 + n / 10) for n in range(16)]
    race = [Recipe(**SMALL, steps=30, seed=n) for n in range(36)]
    with engine.submit(sweep, visitor="a") as first, engine.submit(race, visitor="b") as second:
        for run in (first, second):
            next(iter(run))
        assert rows[-1] == engine.max_rows
        single = engine.submit([Recipe(**SMALL, steps=15, seed=99)], visitor="c")
        before = len(rows)
        *_, last = single
        assert isinstance(last, Picture)
        beside = rows[before + 2 : before + 15]
        assert max(beside) == 4
        assert len(beside) == 13
    rest(engine)
