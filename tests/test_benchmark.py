"""The benchmark compares like with like, and its table is the numbers."""

import pytest

from playground import Playground
from playground.measuring import report, speed, tables
from playground.measuring.scores import pictures
from playground.recipe import Recipe

SMALL = {"prompt": "a cat", "steps": 2}


def test_other_pictures_are_not_compared(session):
    recipes = [Recipe(**SMALL, guidance=w) for w in (0.0, 1.0, 5.0)]
    ours = pictures(Playground(session=session), recipes)
    images = [picture.image[None] for picture in ours]
    speed.check(ours, images)
    speed.check(ours, [images[1], *images[1:]])  # diffusers takes w = 0 for w = 1
    with pytest.raises(AssertionError, match="at w = 5 differ by "):
        speed.check(ours, [*images[:2], 255 - images[2]])


def test_the_table_is_the_numbers_and_ratios_are_within_a_round(session, monkeypatch):
    monkeypatch.setattr(speed, "SCALES", (1.0, 5.0))
    monkeypatch.setattr(speed, "BASE", Recipe(**SMALL))
    sweep, one = f"{speed.SWEEP}: PyTorch", f"{speed.ONE}: PyTorch"
    seconds = {one: [0.5, 9.0, 0.4], sweep: [1.0, 10.0, 2.0], speed.BATCH: [3.0, 20.0, 8.0]}
    found = {
        "against": "PyTorch", "rounds": 3, "rows": speed.rows(seconds, sweep),
        "stages": {"PyTorch": speed.stages(Playground(session=session))},
    } | report.environment()  # fmt: skip
    text = tables.speed({"speed": found})
    assert f"| {one} | 0.50 |  |" in text
    assert f"| {sweep} | 2.00 | 1.00 × |" in text
    assert f"| {speed.BATCH} | 8.00 | 3.00 × |" in text  # of 3, 2 and 4
    shares = text.split("| PyTorch | ")[1].split(" |\n")[0].split(" | ")
    assert sum(float(share.removesuffix(" %")) for share in shares) == pytest.approx(100, abs=3)


@pytest.mark.slow
def test_every_backend_is_compared_or_none_is(tiny, monkeypatch):
    monkeypatch.setattr(speed, "load", lambda _: tiny)
    assert list(speed.by_backend()) == ["ONNX Runtime", "PyTorch"]
    monkeypatch.setattr(speed.backends.Onnx, "prepare", lambda _: None)  # as if it had failed
    with pytest.raises(RuntimeError, match="only PyTorch can be used here"):
        speed.by_backend()
