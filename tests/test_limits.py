"""What one visitor may ask for: pictures and calls at the same time, seconds of network."""

import pytest

from playground.engine.engine import Engine
from playground.engine.work import WINDOW, Limits, TooMuchError, Work
from playground.models import offered
from playground.page import serving
from playground.recipe import Recipe

SMALL = {"width": 64, "height": 64}
TEN = Recipe(**SMALL, steps=10)


class Idle(Engine):
    """An engine that takes orders and does not work on them."""

    def _work(self):
        pass


def test_a_visitor_has_at_most_so_many_pictures_and_calls_in_work(tiny):
    engine = Idle(tiny, work=Work(Limits(cells=4, calls=50, seconds=9)))
    engine.submit([TEN] * 3, visitor="ann", section="a")
    with pytest.raises(TooMuchError, match="5 pictures in work; at most 4"):
        engine.submit([TEN] * 2, visitor="ann", section="b")
    with pytest.raises(TooMuchError, match="80 network calls in work; at most 50"):
        engine.submit([Recipe(**SMALL, steps=50)], visitor="ann", section="b")
    engine.submit([TEN] * 4, visitor="ann", section="a")  # in the place of the three
    engine.submit([TEN] * 4, visitor="ben")
    engine.submit([TEN] * 200)  # a script of one's own
    assert [len(run.cells) for run in engine._turns.runs] == [4, 4, 200]


def test_seconds_of_network_are_counted_for_ten_minutes_and_only_beside_others():
    now = [0.0]
    work = Work(Limits(10, 1000, 30.0), clock=lambda: now[0])
    for _ in range(40):
        work.add("ann", 1.0)
        now[0] += 1
    work.add(None, 99.0)
    assert work.used("ann") == 40
    work.admit("ann", 1, 1, others=False)
    work.admit("ben", 1, 1, others=True)
    with pytest.raises(TooMuchError, match="used the network for 40 s of the last ten minutes"):
        work.admit("ann", 1, 1, others=True)
    now[0] += WINDOW
    assert work.used("ann") == 0
    work.admit("ann", 1, 1, others=True)
    assert not work._used  # nobody is remembered for ever


def test_the_engine_counts_what_each_visitor_used(tiny):
    work = Work(Limits(10, 1000, 30.0))
    engine = Engine(tiny, work=work)
    list(engine.submit([TEN], visitor="ann"))
    *_, picture = engine.submit([TEN], visitor="ben")
    engine.stop()
    assert work.used("ben") == pytest.approx(picture.seconds["network"])
    assert work.used("ann") > 0
    assert engine.stalled == 0


def test_an_engine_that_does_not_go_on_says_how_long(tiny, monkeypatch):
    engine = Idle(tiny)
    engine.submit([TEN])
    monkeypatch.setattr("time.monotonic", lambda: engine._moved + 7)
    assert engine.stalled == 7


def test_who_waits_reads_for_how_many_and_how_long(tiny):
    engine = Idle(tiny)
    first, second, third = (engine.submit([TEN], visitor=name) for name in ("ann", "ben", "cy"))
    assert next(serving.waiting(second)) == "1 other is drawing …"  # no call has been measured
    engine._measured = {"PyTorch": {2: [0.7]}}
    assert next(serving.waiting(third)).startswith("2 others are drawing, yours in about ")
    first.cancel()
    assert list(serving.waiting(first)) == []


@pytest.mark.parametrize(
    ("name", "value", "reached"),
    [
        ("LATENT_PLAYGROUND_PROXIES", "0", False), ("LATENT_PLAYGROUND_PROXIES", "1", True),
        ("GRADIO_ROOT_PATH", "/latent", True), ("GRADIO_SERVER_NAME", "0.0.0.0", True),
    ],
)  # fmt: skip
def test_limits_hold_where_others_can_reach_the_page(name, value, reached, monkeypatch):
    """Also behind a proxy of the same machine, where the page itself listens to it alone."""
    monkeypatch.setenv(name, value)
    assert offered.others_can_reach() == reached
    serving.work.cache_clear()
    assert (serving.work() is not None) == reached
    serving.work.cache_clear()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.025, [0, 4, 8, 12]),  # alone: as many as a browser needs
        (0.15, [0, 3, 6, 9, 12]),  # beside others: one in three
        (0.3, [0, 2, 4, 6, 8, 10, 12, 14]),  # two in a second at least
        (2.0, list(range(15))),
    ],
)
def test_slow_steps_of_many_visitors_have_fewer_previews(seconds, shown):
    pace = serving.Pace(0.0)
    assert [n for n in range(15) if pace.due((n + 1) * seconds)] == shown
