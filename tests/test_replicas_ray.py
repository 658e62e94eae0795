"""Replicas on Ray Serve itself, where it is installed: pip install '.[serve]'."""

import os
import signal
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest

from playground.engine.events import Picture, Step
from playground.measuring.replicas import replicas
from playground.recipe import Recipe
from playground.replicas import starting
from playground.replicas.run import INTERRUPTED

pytest.importorskip("ray", reason="needs Ray Serve: pip install '.[serve]'")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif("PYTEST_XDIST_WORKER" in os.environ, reason="has processes of its own"),
]
RECIPE = Recipe(steps=15, prompt="a red square")
TOLD: list[tuple[str, float]] = []  # what whoever iterates was told, and when


@pytest.fixture(scope="module")
def session():
    cluster = starting.start(
        starting.Count(2, 2), threads=1, tell=lambda text: TOLD.append((text, time.monotonic()))
    )
    yield cluster.session(RECIPE.model)
    starting.stop()


def image(session, recipe=RECIPE, **options) -> np.ndarray:
    *_, last = session.submit([recipe], **options)
    assert isinstance(last, Picture)
    return last.image.astype(int)


def test_the_same_seed_is_the_same_picture_there(session, shipped):
    from playground.engine.engine import Engine

    here = Engine(shipped).draw(RECIPE).image.astype(int)
    assert np.abs(image(session, record=True) - here).max() <= 1


def test_what_comes_is_the_pages_own(session):
    """It is not in memory that Ray shares, which is small and read-only."""
    *steps, picture = session.submit([RECIPE], record=True)
    arrays = [picture.image, picture.latents, session.noise(7, 128, 128)]
    arrays += [array for step in steps for array in (step.latents, *step.maps.values())]
    assert all(array.flags.writeable for array in arrays)


def test_nothing_is_reported_by_replicas(session):
    found = [process.environ() for process in replicas()]
    assert len(found) == 2
    assert all(starting.QUIET.items() <= environment.items() for environment in found)
    assert {environment["OMP_NUM_THREADS"] for environment in found} == {"1"}


def test_what_is_wrong_is_said_in_the_same_words(session):
    with pytest.raises(ValueError, match="no such"):
        session.submit([replace(RECIPE, guider="no such")])


def test_a_cancelled_run_leaves_the_replica(session):
    """A hundred steps would keep it busy for seconds."""
    with session.submit([replace(RECIPE, steps=100)], visitor="one") as run:
        next(iter(run))
    assert not session.busy
    time.sleep(0.5)  # a tick is shorter
    before = [process.cpu_times().user for process in replicas()]
    time.sleep(1)
    after = [process.cpu_times().user for process in replicas()]
    assert np.subtract(after, before).max() < 0.5  # seconds: nobody computes


def test_a_run_outlives_its_replica(session):
    undisturbed = image(session)
    run, steps = session.submit([replace(RECIPE, steps=100)], visitor="one"), []
    for event in run:
        if isinstance(event, Step):
            steps.append(event.index)
        else:
            picture = event
        if len(steps) == 5 and not TOLD:
            busiest = max(replicas(), key=lambda p: p.cpu_percent(0.2))
            killed = time.monotonic()
            os.kill(busiest.pid, signal.SIGKILL)
            psutil.wait_procs([busiest], timeout=10)
    assert steps == list(range(100))
    assert [text for text, _ in TOLD] == [INTERRUPTED]
    assert TOLD[0][1] - killed < 2
    assert isinstance(picture, Picture)
    assert np.abs(image(session) - undisturbed).max() <= 1
