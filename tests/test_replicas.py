"""Replicas: a session elsewhere answers as one here does, and a run outlives its replica."""

import dataclasses
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest
from conftest import tiny_model
from nearby import Nearby

from playground import cli
from playground.attention.summing import DEFAULT
from playground.engine.backends.eager import Eager
from playground.engine.engine import Engine
from playground.engine.events import Dropped, Failure, Picture, Step
from playground.engine.local import LocalSession
from playground.engine.session import Edit
from playground.page import serving
from playground.recipe import Recipe, RecipeError
from playground.replicas import starting
from playground.replicas.records import Accepted, Asked, Ended, ReplicaLostError
from playground.replicas.replica import METHODS
from playground.replicas.run import INTERRUPTED, LOST, ReplicatedRun
from playground.replicas.session import ReplicatedSession

STEPS = 6
RECIPE = Recipe(steps=STEPS, width=64, height=64, prompt="a cat")
WRONG = dataclasses.replace(RECIPE, guider="no such")
PATIENCE = 60  # seconds that a test waits for what must come


class Gated(Eager):
    """Computes so many calls, then waits for the gate to be opened."""

    def __init__(self, model):
        super().__init__(model)
        self.calls, self.gate, self.waiting = threading.Semaphore(10**6), None, threading.Event()

    def ask(self, *arguments):
        if self.gate and not self.calls.acquire(blocking=False):
            self.waiting.set()
            assert self.gate.wait(PATIENCE)
        return super().ask(*arguments)

    def close(self, calls: int) -> None:
        self.calls, self.gate = threading.Semaphore(calls), threading.Event()


@pytest.fixture(scope="module")
def two_models():
    return tiny_model(), tiny_model()


@pytest.fixture
def local(two_models):
    """Sessions that replicas have, with gates."""
    sessions = [LocalSession(Engine(model, network=Gated(model))) for model in two_models]
    yield sessions
    for one in sessions:
        if one.engine.network.gate:
            one.engine.network.gate.set()
        one.close()


@pytest.fixture
def nearby(local):
    transport = Nearby(*local)
    yield transport
    transport.close()


@pytest.fixture
def told() -> list[str]:
    """What whoever iterates over runs was told."""
    return []


@pytest.fixture
def session(nearby, told) -> ReplicatedSession:
    return ReplicatedSession(nearby, "tiny", tell=told.append)


def same(one, other) -> bool:
    """Whether records or plain values are equal, arrays number by number."""
    if dataclasses.is_dataclass(one):
        names = [f.name for f in dataclasses.fields(one) if f.name != "seconds"]
        return type(one) is type(other) and all(
            same(getattr(one, name), getattr(other, name)) for name in names
        )
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def picture_of(session, recipe=RECIPE) -> Picture:
    *_, last = session.submit([recipe])
    return last


def test_a_run_says_what_it_says_here(session, local):
    here = list(local[0].submit([RECIPE], record=True, heads=True))
    there = list(session.submit([RECIPE], record=True, heads=True))
    assert [type(event) for event in there] == [Step] * STEPS + [Picture]
    assert all(map(same, here, there))


def test_every_stream_has_a_first_and_a_last_record(nearby):
    def stream(recipe):
        asked = Asked("k", (recipe,), False, False, None, None, "", 0.0)
        return list(nearby.open("tiny", "", asked))

    first, *_, last = stream(RECIPE)
    assert (first, last) == (Accepted(), Ended())
    (last,) = stream(WRONG)
    assert "no such" in str(last.error)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("describe", ("a cat",)),
        ("price", ([RECIPE, RECIPE],)),
        ("plan", (RECIPE, Edit("swap", 0.5, "cat", by="dog"))),
        ("timing", (4, 64, 64)),
        ("noise", (3, 64, 64)),
        ("decode", (np.ones((2, 4, 8, 8), np.float32),)),
        ("encode", (np.full((64, 64, 3), 90, np.uint8),)),
        ("work_out", ("a cat", np.ones((4, 8, 8), np.float32), 500.0, 0.2, 0.7)),
    ],
)
def test_methods_answer_as_here(session, local, method, arguments):
    here = getattr(local[0], method)(*arguments)
    assert same(here, getattr(session, method)(*arguments))


def test_the_facts_are_those_of_the_model(session, local):
    assert same(local[0].facts, session.facts)
    assert session.facts.guidance is local[0].facts.guidance  # the page compares kinds so


def test_a_picture_is_read_there(session, local):
    picture = np.linspace(0, 255, 64 * 64 * 3).astype(np.uint8).reshape(64, 64, 3)
    here = list(local[0].read(picture, "a cat", how=DEFAULT))
    assert all(map(same, here, session.read(picture, "a cat", how=DEFAULT)))


def test_what_is_wrong_is_said_in_the_same_words(session, nearby):
    with pytest.raises(ValueError, match="no such"):
        session.submit([WRONG])
    with pytest.raises(ValueError, match="a number or a range"):
        starting.Count.read("0")
    with pytest.raises(RecipeError, match=r"array of uint8"):
        session.read(np.zeros((8, 8)), "a cat")
    with pytest.raises(ValueError, match="answers call_seconds"):
        nearby.call("tiny", "", "", "close", (), {})
    assert "close" not in METHODS  # nobody may stop a replica's engine for all


@pytest.mark.parametrize("edit", [None, Edit("swap", 0.5, "cat", by="dog")])
def test_a_run_outlives_its_replica(session, nearby, local, told, edit):
    """Each step is said once, and the picture is what it would have been."""
    here = list(local[1].submit([RECIPE], edit=edit, record=True))
    local[0].engine.network.close(calls=3)
    nearby.places["other"] = 1
    run = session.submit([RECIPE], edit=edit, record=True, visitor="one")
    other = session.submit([dataclasses.replace(RECIPE, seed=5)], visitor="other")
    events, killed = [], False
    for event in run:
        events.append(event)
        if not killed and sum(isinstance(e, Step) and e.index == 2 for e in events):
            nearby.kill(0)
            killed = True
    said = Counter(map(type, events))
    cells = said[Picture]
    assert said == {Step: cells * STEPS, Picture: cells}
    order = {(e.cell, getattr(e, "index", STEPS)): e for e in events}
    assert len(order) == len(events)  # nothing is said twice
    for one in here:  # equal up to rounding, as in any other batch
        other_one = order[one.cell, getattr(one, "index", STEPS)]
        np.testing.assert_allclose(one.latents, other_one.latents, atol=1e-4)
    assert Picture in map(type, other)
    assert told == [INTERRUPTED]  # and only one of the two


def test_only_what_has_not_ended_is_asked_again(session, nearby, local):
    """The third one's first cell has ended, its second one not."""
    local[0].engine.network.close(calls=3)
    short = dataclasses.replace(RECIPE, steps=2)
    run = session.submit([short, RECIPE])
    events = []
    for event in run:
        events.append(event)
        if isinstance(event, Picture) and event.cell == 0:
            assert local[0].engine.network.waiting.wait(PATIENCE)
            nearby.kill(0)
    (_, first), (_, second) = nearby.asked
    assert [len(asked.tasks) for asked in (first, second)] == [2, 1]
    assert second.tasks[0].recipe == RECIPE
    pictures = {e.cell: e for e in events if isinstance(e, Picture)}
    assert pictures[0].recipe == short
    away = pictures[1].image.astype(int) - picture_of(local[1]).image
    assert np.abs(away).max() <= 1


def test_a_run_that_is_lost_twice_fails(session, nearby, local, told):
    local[0].engine.network.close(calls=1)
    local[1].engine.network.close(calls=2)
    events = []
    for number, event in enumerate(session.submit([RECIPE])):
        events.append(event)
        if number < 2:  # the first step of each
            nearby.kill(number)
    assert [type(event) for event in events] == [Step, Step, Failure]
    assert [event.index for event in events[:2]] == [0, 1]
    assert told == [INTERRUPTED]
    assert events[-1].reason == LOST


def test_a_call_is_asked_again_once(session, nearby):
    def lose(times):
        losses = iter(range(times))

        def before():
            for _ in losses:
                raise ReplicaLostError

        nearby.before_call = before

    lose(1)
    assert session.timing(4, 64, 64) == {}
    lose(2)
    with pytest.raises(ReplicaLostError):
        session.timing(4, 64, 64)


def test_cancelling_stops_the_replicas_cell_within_one_tick(session, local):
    network = local[0].engine.network
    network.close(calls=2)
    with session.submit([RECIPE]) as run:
        next(iter(run))
        assert network.waiting.wait(PATIENCE)
        assert session.busy
    assert not session.busy
    until = time.monotonic() + PATIENCE
    while local[0].busy and time.monotonic() < until:
        time.sleep(0.01)
    assert not local[0].busy  # while its third call is still being computed
    assert list(run) == [] or all(isinstance(event, Step) for event in run)


def test_a_visitor_has_one_run_in_each_section_wherever_it_is(session, nearby, local):
    local[0].engine.network.close(calls=1)
    first = session.submit([RECIPE], visitor="v", section="draw")
    beside = session.submit([RECIPE], visitor="v", section="race")
    nearby.places["v"] = 1
    second = session.submit([RECIPE], visitor="v", section="draw")
    assert Picture in map(type, second)
    assert Picture not in map(type, first)
    local[0].engine.network.gate.set()
    assert Picture in map(type, beside)
    assert {asked.key for _, asked in nearby.asked} == {"v"}  # sticky by the visitor


def test_a_cell_is_dropped_alone(session, local):
    local[0].engine.network.close(calls=1)
    other = dataclasses.replace(RECIPE, seed=9)
    run = session.submit([RECIPE, other], visitor="v", section="race")
    session.drop("v", "race", other)
    local[0].engine.network.gate.set()
    events = list(run)
    assert [e.cell for e in events if isinstance(e, Dropped)] == [1]
    assert [e.cell for e in events if isinstance(e, Picture)] == [0]


def test_who_waits_hears_what_stands_before(session, local):
    local[0].engine.network.close(calls=1)
    with session.submit([RECIPE], visitor="first") as first:
        next(iter(first))
        assert local[0].engine.network.waiting.wait(PATIENCE)
        with session.submit([dataclasses.replace(RECIPE, seed=1)], visitor="second") as second:
            ahead = second.ahead()
            assert next(ahead).others == 1
            local[0].engine.network.gate.set()
            assert Picture in map(type, second)
            assert list(ahead) == list(second.ahead()) == []  # it has begun long ago


def test_it_is_known_when_replicas_do_not_go_on(session, local):
    assert (session.busy, session.stalled) == (False, 0.0)
    local[0].engine.network.close(calls=0)
    run = session.submit([RECIPE])
    assert local[0].engine.network.waiting.wait(PATIENCE)
    time.sleep(0.05)
    assert 0.04 < session.stalled < PATIENCE
    session.close()
    assert list(run) == []


def test_a_stream_without_a_last_record_is_a_lost_one():
    class Silent:
        def __iter__(self):
            return iter([Accepted()])

        def cancel(self):
            pass

    asked = Asked("k", (RECIPE,), False, False, None, None, "", 0.0)
    run = ReplicatedRun(lambda _: Silent(), asked, lambda _: None)
    assert list(run) == [Failure(0, LOST)]


@pytest.mark.parametrize(("text", "least", "most"), [("2", 2, 2), ("1-4", 1, 4)])
def test_how_many_replicas(text, least, most):
    assert starting.Count.read(text) == starting.Count(least, most)


@pytest.mark.parametrize("text", ["", "0", "-1", "3-1", "two", "1-", "1-2-3"])
def test_what_is_no_number_of_replicas(text):
    with pytest.raises(ValueError, match="2 or 1-4"):
        starting.Count.read(text)


def test_without_ray_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"pip install '\.\[serve\]'"):
        starting.start(starting.Count(1, 1), 1)


@pytest.mark.parametrize(
    ("number", "sentence"), [("0", "2 or 1-4"), ("2", "pip install '.[serve]'")]
)
def test_the_command_refuses_in_one_sentence(monkeypatch, capsys, number, sentence):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit) as refused:
        cli.main(["serve", "--replicas", number])
    assert refused.value.code == cli.WRONG
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_the_page_opens_its_sessions_elsewhere(monkeypatch, session):
    monkeypatch.setattr(serving, "SESSIONS", serving.SESSIONS)  # and back, afterwards
    serving.draw_elsewhere(lambda model, lora, report: session)
    assert serving.session(Recipe().model) is session
