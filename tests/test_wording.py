"""How shares are written, and how well they are known."""

import pytest

from playground.wording import between, wilson


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_the_published_ones(right, count, low, high):
    assert wilson(right / count, count) == pytest.approx((low, high), abs=6e-5)
    mirrored = wilson(1 - right / count, count)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=6e-5)


def test_a_share_of_all_or_none_is_not_certain():
    assert wilson(1.0, 64) == (pytest.approx(1 / (1 + 1.96**2 / 64)), 1.0)
    assert wilson(0.0, 64) == (0.0, pytest.approx(1 - wilson(1.0, 64)[0]))
    assert between(1.0, 500) == "99 to 100 %"
    assert between(0.5, 100) == "40 to 60 %"


def test_one_standard_error_of_many_trials_is_the_usual_one():
    low, high = wilson(0.8, 1_000_000, z=1)
    assert (high - low) / 2 == pytest.approx((0.8 * 0.2 / 1_000_000) ** 0.5, rel=1e-4)


@pytest.mark.parametrize(("share", "count"), [(0.5, 0), (1.1, 10), (-0.1, 10), (float("nan"), 10)])
def test_there_is_no_interval_of_nothing(share, count):
    with pytest.raises(ValueError, match="no share"):
        wilson(share, count)
