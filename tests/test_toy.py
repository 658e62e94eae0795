"""The toy of the plane: its sampler on an exact denoiser, and what dropout does to the learned."""

import ast
import json
import math

import numpy as np
import pytest
import torch

from playground.page.guidance import training
from playground.toys import dropout
from playground.training import unet


class Exact(torch.nn.Module):
    """The ideal ε of the blobs: −√(1 − ᾱ)·∇log p_t, for each label and for all together."""

    count = 1

    def forward(self, x, t, label):
        signal, spread = dropout.levels(t)
        variance = (signal * dropout.SPREAD) ** 2 + spread**2  # [n, 1]
        away = (
            x[0, :, None, None] - signal[:, None, None] * dropout.centres()
        )  # [n, labels, blobs, 2]
        known = label[0].any(-1, keepdim=True)
        weights = torch.where(known, label[0], torch.ones_like(label[0]))[..., None].log()
        near = weights - away.square().sum(-1) / (2 * variance[:, None])
        share = near.flatten(1).softmax(1).view_as(near)[..., None]
        return (spread * (share * away).sum((1, 2)) / variance)[None]


@pytest.fixture(scope="module")
def ideal() -> torch.Tensor:
    return dropout.sample(Exact(), torch.Generator().manual_seed(1))


def test_the_blobs():
    centres = dropout.centres()
    torch.testing.assert_close(centres.norm(dim=-1), torch.full((3, 2), dropout.RADIUS))
    torch.testing.assert_close(centres[:, 0], -centres[:, 1])  # opposite ones have one label


def test_found_counts_points_near_the_labels_own_blobs():
    centres = dropout.centres()
    inside = centres + torch.tensor([2.9 * dropout.SPREAD, 0.0])
    outside = centres[:, :1] * 4
    shares = dropout.found(torch.cat((inside, outside), 1))
    torch.testing.assert_close(shares, torch.full((3,), 2 / 3))
    assert dropout.found(centres.roll(1, 0)).max() == 0


def test_an_exact_denoiser_draws_the_true_points_at_one_and_all_labels_at_zero(ideal):
    """In the plane three spreads hold 1 − exp(−9/2) of a Gaussian."""
    share = dropout.found(ideal)[0]
    held = 1 - math.exp(-4.5)
    assert share[dropout.SCALES.index(1.0)].mean() == pytest.approx(held, abs=0.04)
    assert share[dropout.SCALES.index(0.0)].mean() == pytest.approx(held / 3, abs=0.05)
    none = ideal[0, dropout.SCALES.index(0.0)]
    assert torch.equal(none[0], none[1])  # at w = 0 the label does not matter


def test_guidance_shrinks_and_repels_the_clouds_of_an_exact_denoiser(ideal):
    clouds = ideal[0]
    from_middle = clouds.norm(dim=-1).mean((1, 2))
    assert from_middle[dropout.SCALES.index(8.0)] > from_middle[dropout.SCALES.index(1.0)] + 0.1


def test_only_dropout_tells_the_nets_apart():
    *progress, same = dropout.learn((0.3, 0.3, 0.0), steps=30)
    assert torch.equal(same.samples[0], same.samples[1])
    assert not torch.equal(same.samples[0], same.samples[2])
    assert [p.step for p in progress] == [0, 25]
    assert same.samples.shape == (3, len(dropout.SCALES), dropout.LABELS, dropout.POINTS, 2)
    *_, again = dropout.learn((0.3, 0.3, 0.0), steps=30)
    assert torch.equal(again.samples, same.samples)


def test_without_dropout_guidance_goes_astray():
    *_, learned = dropout.learn()
    never, some, half = learned.found.mean(-1)
    one, five = dropout.SCALES.index(1.0), dropout.SCALES.index(5.0)
    assert min(never[one], some[one], half[one]) > 0.9
    assert never[five] < 0.4
    assert min(some[five], half[five]) > 0.7
    # what a page without training shows is this
    stored = json.loads(training.TRAINED.read_text())
    assert stored["scales"] == list(dropout.SCALES), "python -m playground.page.guidance.training"
    np.testing.assert_allclose(stored["found"], learned.found.numpy(), atol=0.03)


def test_the_page_gets_progress_and_then_the_clouds(monkeypatch):
    monkeypatch.setattr(dropout.learn, "__defaults__", (dropout.DROPOUTS, 60, 0))
    first, *progress, last = training.learn()
    assert [shown["share"] for shown in (first, *progress)] == pytest.approx(
        [0, 0, 25 / 60, 50 / 60]
    )
    assert last["kind"] == "finished"
    assert len(last["found"]) == len(last["dropouts"]) == 3


def test_the_source_shown_is_the_step_that_trains():
    shown = {f.name: ast.dump(f) for f in ast.parse(training.source()).body}
    whole = ast.parse(training.SOURCE.read_text())
    assert training.SOURCE.samefile(unet.__file__)
    for name in training.SHOWN:
        (real,) = [f for f in whole.body if getattr(f, "name", "") == name]
        assert shown[name] == ast.dump(real)
        assert callable(getattr(unet, name))
