"""Which w each step gets: the interval, the schedules, and what they cost."""

from types import SimpleNamespace

import pytest

from playground.diffusion import guidance
from playground.diffusion.guidance import SCHEDULES, UnknownGuidanceError
from playground.engine.events import Step
from playground.page import serving
from playground.page.panel import MORE, TABLES
from playground.recipe import Recipe

SMALL = {"steps": 4, "width": 64, "height": 64}


def scales(count: int, schedule="constant", start=0.0, stop=1.0, w=5.0) -> list[float]:
    recipe = SimpleNamespace(
        guidance=w, guidance_start=start, guidance_stop=stop, guidance_schedule=schedule
    )
    return [guidance.scale_at(recipe, i, count) for i in range(count)]


@pytest.mark.parametrize(
    ("start", "stop", "count", "expected"),
    [
        (0.0, 1.0, 1, [5]),
        (0.0, 1.0, 3, [5, 5, 5]),
        (0.25, 0.75, 4, [1, 5, 5, 1]),
        (0.5, 1.0, 4, [1, 1, 5, 5]),
        (0.0, 0.5, 5, [5, 5, 5, 1, 1]),  # the middle of step 2 is 0.5: both ends belong to it
        (0.5, 0.5, 2, [1, 1]),
        (0.5, 0.5, 1, [5]),
        (1.0, 1.0, 4, [1, 1, 1, 1]),
    ],
)
def test_the_guidance_interval(start, stop, count, expected):
    assert scales(count, start=start, stop=stop) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [5, 5, 5, 5]),
        ("up", [1.5, 2.5, 3.5, 4.5]),  # the middles are at 1/8, 3/8, 5/8, 7/8 of the way 1 → 5
        ("down", [4.5, 3.5, 2.5, 1.5]),
        # (1 − cos(π·u))/2 = sin²(π·u/2): sin² of 11.25°, 33.75°, 56.25° and 78.75°
        ("cosine", [1.1522409, 2.2346331, 3.7653669, 4.8477591]),
    ],
)
def test_the_schedules(schedule, expected):
    assert scales(4, schedule) == pytest.approx(expected)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_fills_the_interval_and_is_one_outside(schedule):
    inside = scales(4, schedule)
    assert scales(8, schedule, 0.25, 0.75) == pytest.approx([1, 1, *inside, 1, 1])


@pytest.mark.parametrize("w", [0.0, 0.1, 1.0, 7.3, 30.0])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_stays_between_one_and_w(schedule, w):
    assert all(min(1, w) <= scale <= max(1, w) for scale in scales(7, schedule, w=w))
    assert scales(3, "constant", w=w) == [w] * 3  # exactly: 0 and 1 save a row


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"guidance_schedule": "up"}, [1.5, 2.5, 3.5, 4.5]),
        ({"guidance_stop": 0.5}, [5, 5, 1, 1]),
    ],
)
def test_the_engine_follows(changes, expected, engine):
    *steps, picture = engine.submit([Recipe(**SMALL, guidance=5.0, **changes)])
    assert [step.guidance for step in steps] == expected
    assert all(isinstance(step, Step) for step in steps)
    assert picture.rows == sum(1 if w == 1 else 2 for w in expected)


@pytest.mark.parametrize("field", ["guider", "guidance_schedule"])
def test_an_unknown_name_lists_the_known_ones(field, engine):
    for refuse in (serving.check, lambda recipe: engine.submit([recipe])):
        with pytest.raises(UnknownGuidanceError, match=r"'x'; there are: c\w+, "):
            refuse(Recipe(**{field: "x"}))


@pytest.mark.parametrize("field", ["guider", "guidance_schedule"])
def test_a_choice_travels_in_a_link_and_is_offered_on_the_page(field):
    assert field in MORE
    for name, record in TABLES[field].items():
        recipe = Recipe(**{field: name})
        assert Recipe.from_query(recipe.to_query()) == recipe
        assert record.name == name
        assert record.sentence.endswith(".")
