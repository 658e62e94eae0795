"""One way to write shares and counts, in Python and in the browser."""

import pytest

from playground.page.shared.view import SHARED
from playground.wording import counted, percent, points

COUNTS = (3, 7, 8, 32, 100, 200, 400, 1000)
SHARES = [part / count for count in COUNTS for part in range(count + 1)]


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0, "0 %"), (1, "100 %"), (5 / 8, "63 %"), (1 / 8, "13 %"), (0.624, "62 %"),
        (29 / 200, "15 %"),  # 100 · 0.145 is a hair below 14.5
        (0.004, "0 %"), (0.005, "1 %"), (1.5, "150 %"),
    ],
)  # fmt: skip
def test_half_a_percent_rounds_up(share, written):
    assert percent(share) == written


def test_digits_are_kept_as_asked_for():
    assert percent(1 / 8, 1) == "12.5 %"
    assert percent(1 / 3, 1) == "33.3 %"
    assert percent(0.0125, 1) == "1.3 %"
    assert percent(1, 1) == "100.0 %"


def test_points_are_whole_percent_of_every_count():
    for count in (32, 100, 200, 400):
        assert [points(k / count) for k in range(count + 1)] == [
            (200 * k + count) // (2 * count) for k in range(count + 1)
        ]


def test_one_is_singular():
    assert [counted(n, "row") for n in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]


def test_the_browser_writes_the_same(browser):
    page, numbers = browser.new_page(), [0, 1, 2, 999, 1000, 1234567]
    shares, counts = page.evaluate(
        SHARED.read_text(encoding="utf-8")
        + ";([shares, numbers]) => [shares.map((s) => [percent(s), percent(s, 1)]),"
        " numbers.map((n) => counted(n, 'step'))]",
        [SHARES, numbers],
    )
    page.close()
    assert shares == [[percent(s), percent(s, 1)] for s in SHARES]
    assert counts == [counted(n, "step") for n in numbers]
