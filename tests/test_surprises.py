"""Where the page contradicts what people have read, its answers are the measured numbers."""

import pytest

from playground.models import specs
from playground.page import serving, surprises
from playground.wording import percent

ANSWERS = {name: one.answer() for name, one in surprises.SURPRISES.items()}
CARD = specs.get("emoji-world").card


@pytest.mark.parametrize("name", ANSWERS)
def test_every_question_has_an_answer_with_numbers(name):
    assert surprises.SURPRISES[name].question.endswith("?")
    assert sum(letter.isdigit() for letter in ANSWERS[name]) > 4


def test_orders_are_told_with_the_cards_errors():
    rows = {(r["sampler"], r["guidance"], r["calls"]): r["rmse"] for r in CARD["solvers"]["rows"]}
    for key in (("ddim", 7.5, 10), ("dpmpp_2m", 7.5, 10), ("ddim", 1.0, 10), ("dpmpp_2m", 7.5, 50)):
        assert f"{rows[key]:.2g}" in ANSWERS["first order"]
    assert rows["ddim", 7.5, 10] < rows["dpmpp_2m", 7.5, 10]  # what the question says
    assert rows["ddim", 7.5, 50] > rows["dpmpp_2m", 7.5, 50]


def test_saturation_is_told_with_the_cards_shares():
    last = CARD["guidance"][-1]
    assert f"{percent(last['saturation'])} at w = 25" in ANSWERS["saturation"]


def test_what_was_not_measured_is_not_answered(monkeypatch, tmp_path):
    monkeypatch.setattr(serving, "EXAMPLE", tmp_path / "none.json")
    monkeypatch.setattr(surprises, "_card", dict)
    assert [one.answer() for one in surprises.SURPRISES.values()] == [""] * 4
