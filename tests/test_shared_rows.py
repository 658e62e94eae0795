"""Rows that are equal are computed once: what it saves, and that nothing changes by it."""

import numpy as np
import pytest

from playground.engine.events import Picture, Step
from playground.recipe import Recipe

SMALL = {"steps": 3, "width": 64, "height": 64, "prompt": "a cat"}
SWEEP = [Recipe(**SMALL, guidance=w) for w in (0.5, 2.0, 3.0, 5.0, 7.0, 9.0, 12.0, 25.0)]


@pytest.fixture
def calls(tiny):
    """The number of rows of each network call."""
    sizes = []
    hook = tiny.unet.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    yield sizes
    hook.remove()


def pictures(events) -> list[Picture]:
    return sorted((e for e in events if isinstance(e, Picture)), key=lambda p: p.cell)


def test_a_sweep_costs_one_pair_of_rows_in_its_first_call(calls, engine):
    done = pictures(engine.submit(SWEEP))
    assert calls == [2, 16, 16]
    assert sum(p.rows for p in done) == 8 * 3 * 2
    assert sum(p.rows - p.shared for p in done) == sum(calls)
    assert [p.shared for p in done] == [0] + [2] * 7


def test_without_a_branch_the_other_is_still_shared(calls, engine):
    recipes = [Recipe(**SMALL, guidance=w) for w in (5.0, 0.0, 1.0)]
    list(engine.submit(recipes))
    assert calls == [2, 4, 4]


@pytest.mark.parametrize(
    "changes",
    [{"seed": 1}, {"prompt": "a dog"}, {"negative": "snow"}, {"steps": 4}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_differs_is_computed(changes, calls, engine):
    """Another number of steps changes the second timestep, not the first."""
    list(engine.submit([Recipe(**SMALL, guidance=5.0), Recipe(**SMALL | changes, guidance=5.0)]))
    first, second = {"seed": (4, 4), "prompt": (3, 4), "negative": (3, 4), "steps": (2, 4)}[
        next(iter(changes))
    ]
    assert calls[:2] == [first, second]


def test_equal_recipes_are_drawn_once_for_all(calls, engine):
    done = pictures(engine.submit([Recipe(**SMALL)] * 4))
    assert calls == [2, 2, 2]
    assert all(np.array_equal(p.image, done[0].image) for p in done)


def test_words_against_themselves_are_one_row(calls, engine):
    (picture,) = pictures(engine.submit([Recipe(**SMALL, negative="a cat")]))
    assert calls == [1, 1, 1]
    assert (picture.rows, picture.shared) == (6, 3)


def test_shared_cells_draw_what_they_draw_alone(engine):
    for together, recipe in zip(pictures(engine.submit(SWEEP)), SWEEP, strict=True):
        alone = engine.draw(recipe)
        assert np.abs(together.image.astype(int) - alone.image).max() <= 1


def test_every_recorded_cell_gets_its_maps(engine):
    alone = next(iter(engine.submit(SWEEP[:1], record=True)))
    first = [e for e in engine.submit(SWEEP, record=True) if isinstance(e, Step) and e.index == 0]
    assert len(first) == 8
    for step in first:
        for grid, maps in alone.maps.items():
            np.testing.assert_allclose(step.maps[grid], maps, atol=1e-5)
