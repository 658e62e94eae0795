"""The benchmark compares like with like, and its table is the numbers."""

import pytest

from playground.engine.engine import Engine
from playground.measuring import speed
from playground.measuring.scores import pictures
from playground.recipe import Recipe

SMALL = {"prompt": "a cat", "steps": 2}


def test_other_pictures_are_not_compared(tiny):
    ours = pictures(Engine(tiny), [Recipe(**SMALL, guidance=w) for w in (0.0, 1.0, 5.0)])
    images = [picture.image[None] for picture in ours]
    speed.check(ours, images)
    speed.check(ours, [images[1], *images[1:]])  # diffusers takes w = 0 for w = 1
    with pytest.raises(AssertionError, match="at w = 5 differ by "):
        speed.check(ours, [*images[:2], 255 - images[2]])


def test_ratios_are_within_a_round(tiny, monkeypatch):
    monkeypatch.setattr(speed, "SCALES", (1.0, 5.0))
    monkeypatch.setattr(speed, "BASE", Recipe(**SMALL))
    sweep = f"{speed.SWEEP}: PyTorch"
    seconds = {sweep: [1.0, 10.0, 2.0], speed.BATCH: [3.0, 20.0, 8.0]}
    text = speed.table(seconds, ["PyTorch"], {"PyTorch": Engine(tiny)})
    assert f"| {sweep} | 2.00 | 1.00 × |" in text
    assert f"| {speed.BATCH} | 8.00 | 3.00 × |" in text  # of 3, 2 and 4
    shares = text.split("| PyTorch | ")[1].split(" |\n")[0].split(" | ")
    assert sum(float(share.removesuffix(" %")) for share in shares) == pytest.approx(100, abs=3)
