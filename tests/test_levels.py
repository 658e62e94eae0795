"""Levels and predictions: every formula against the exact mixture it was made from."""

import math

import pytest
import torch

from playground.diffusion import levels
from playground.diffusion.levels import PREDICTIONS, Level

X0 = torch.linspace(-2, 2, 24, dtype=torch.float64).view(1, 2, 3, 4)
NOISE = torch.randn(X0.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
SAID = {  # what a perfect network says, from each definition
    "epsilon": lambda at: NOISE,
    "v_prediction": lambda at: at.signal * NOISE - at.noise * X0,
    "sample": lambda at: X0,
    "flow_prediction": lambda at: NOISE - X0,
}
PRESERVING = [levels.preserving(kept, 0.0) for kept in (0.9991, 0.5, 0.0047)]
STRAIGHT = [levels.flow(sigma, 0.0) for sigma in (1.0, 0.75, 0.02)]
CASES = [
    (name, at)
    for name in PREDICTIONS
    for at in (STRAIGHT if name == "flow_prediction" else PRESERVING)
]


@pytest.mark.parametrize(("name", "at"), CASES)
def test_a_perfect_prediction_gives_picture_and_noise_back(name, at):
    x, said, prediction = at.mix(X0, NOISE), SAID[name](at), PREDICTIONS[name]
    torch.testing.assert_close(prediction.clean(x, said, at), X0)
    torch.testing.assert_close(prediction.noise(x, said, at), NOISE)
    torch.testing.assert_close(prediction.back(x, X0, at), said)


def test_rectified_flow_is_finite_where_there_is_no_signal():
    at, prediction = levels.flow(1.0, 1000.0), PREDICTIONS["flow_prediction"]
    assert at == Level(0.0, 1.0, 1000.0)
    assert at.sigma == math.inf
    x = at.mix(X0, NOISE)
    assert torch.equal(x, NOISE)
    assert torch.equal(prediction.noise(x, NOISE - X0, at), x)
    torch.testing.assert_close(prediction.clean(x, NOISE - X0, at), X0)


@pytest.mark.parametrize("sigma", [0.03, 1.0, 14.6])
def test_sigma_is_noise_over_signal(sigma):
    at = levels.preserving_sigma(sigma, 5.0)
    assert at.sigma == pytest.approx(sigma)
    assert at.signal**2 + at.noise**2 == pytest.approx(1)


def test_an_unknown_prediction_lists_the_known_ones():
    with pytest.raises(levels.UnknownPredictionError, match="epsilon, v_prediction, sample, flow"):
        levels.prediction("score")
