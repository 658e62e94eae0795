"""The benchmark compares like with like, and its table is the numbers."""

import pytest

from playground.engine import Engine
from playground.recipe import Recipe
from playground.training import benchmark
from playground.training.evaluate import pictures

SMALL = {"prompt": "a cat", "steps": 2}


def test_other_pictures_are_not_compared(tiny):
    ours = pictures(Engine(tiny), [Recipe(**SMALL, guidance=w) for w in (0.0, 1.0, 5.0)])
    images = [picture.image[None] for picture in ours]
    benchmark.check(ours, images)
    benchmark.check(ours, [images[1], *images[1:]])  # diffusers takes w = 0 for w = 1
    with pytest.raises(AssertionError, match="at w = 5 differ by "):
        benchmark.check(ours, [*images[:2], 255 - images[2]])


def test_ratios_are_within_a_round(tiny, monkeypatch):
    monkeypatch.setattr(benchmark, "SCALES", (1.0, 5.0))
    monkeypatch.setattr(benchmark, "BASE", Recipe(**SMALL))
    sweep = f"{benchmark.SWEEP}: PyTorch"
    seconds = {sweep: [1.0, 10.0, 2.0], benchmark.BATCH: [3.0, 20.0, 8.0]}
    text = benchmark.table(seconds, ["PyTorch"], {"PyTorch": Engine(tiny)})
    assert f"| {sweep} | 2.00 | 1.00 × |" in text
    assert f"| {benchmark.BATCH} | 8.00 | 3.00 × |" in text  # of 3, 2 and 4
    shares = text.split("| PyTorch | ")[1].split(" |\n")[0].split(" | ")
    assert sum(float(share.removesuffix(" %")) for share in shares) == pytest.approx(100, abs=3)
