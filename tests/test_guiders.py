"""The guiders: exact answers in the plane, then diffusers' own, then what they have in common."""

import math

import numpy as np
import pytest
import torch
from diffusers.guiders import classifier_free_zero_star_guidance as zero_star
from diffusers.guiders.adaptive_projected_guidance import normalized_guidance as projected
from diffusers.guiders.magnitude_aware_guidance import mambo_guidance
from diffusers.guiders.tangential_classifier_free_guidance import normalized_guidance as tangential

from playground.diffusion import guidance
from playground.diffusion.guidance import COND, GUIDERS, UNCOND
from playground.engine.events import Step
from playground.recipe import Recipe

SMALL = {"steps": 3, "width": 64, "height": 64}


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Two predictions of three rows that differ a little, as a network's do."""
    generator = torch.Generator().manual_seed(0)
    uncond = torch.randn(3, 4, 8, 8, generator=generator)
    return uncond, uncond + 0.2 * torch.randn(3, 4, 8, 8, generator=generator) + 0.1


def vector(x: float, y: float) -> torch.Tensor:
    return torch.tensor([float(x), float(y)]).view(1, 2, 1, 1)


@pytest.mark.parametrize(
    ("name", "uncond", "cond", "scale", "expected"),
    [
        ("cfg", (1, 1), (2, 0), 3, (4, -2)),
        ("apg", (1, 1), (2, 0), 3, (2, -2)),  # Δ = (1, −1), of it orthogonal to c: (0, −1)
        ("cfg_zero", (1, 1), (2, 0), 3, (4, -2)),  # s = 2/2: u is its own fit
        ("cfg_zero", (0.5, 0.5), (2, 0), 3, (4, -2)),  # s = 1/0.5: the fit is (1, 1)
        # Equal lengths: v halves the angle, (2, 1)/√5; u's projection on it is (0.8, 0.4).
        ("tcfg", (1, 0), (0.6, 0.8), 3, (0.2, 1.6)),
        ("magnitude", (1, 0), (1, 0.125), 1 + math.e, (1, 0.25)),  # exp(−8·⅛)·e = 1, plus 1
    ],
)
def test_in_the_plane(name, uncond, cond, scale, expected):
    guided = GUIDERS[name].guide(vector(*uncond), vector(*cond), scale)
    torch.testing.assert_close(guided, vector(*expected), atol=1e-6, rtol=1e-5)


def fitted(cond: torch.Tensor, uncond: torch.Tensor, scale: float) -> torch.Tensor:
    guider = zero_star.ClassifierFreeZeroStarGuidance(scale, zero_init_steps=0)
    guider._step = 0
    return guider.forward(cond, uncond).pred


def damped(cond: torch.Tensor, uncond: torch.Tensor, scale: float) -> torch.Tensor:
    """diffusers 0.42 takes this norm of sequences only, which have one axis less."""
    return mambo_guidance(cond.flatten(2), uncond.flatten(2), scale).view_as(cond)


DIFFUSERS = {  # theirs take cond first
    "cfg": lambda c, u, w: projected(c, u, w, eta=1.0),  # with the parallel part kept, plain
    "apg": lambda c, u, w: projected(c, u, w - 1, eta=0.0, use_original_formulation=True),
    "cfg_zero": fitted,
    "tcfg": tangential,
    "magnitude": damped,
}


@pytest.mark.parametrize("scale", [0.5, 3.0, 12.0])
@pytest.mark.parametrize("name", GUIDERS)
def test_diffusers_gives_the_same(name, scale, pair):
    uncond, cond = pair
    ours = GUIDERS[name].guide(uncond, cond, scale)
    torch.testing.assert_close(ours, DIFFUSERS[name](cond, uncond, scale), atol=1e-4, rtol=1e-4)
    if name != "cfg":  # else the comparison proves nothing
        assert not torch.allclose(ours, guidance.guide(uncond, cond, scale), atol=1e-2)


@pytest.mark.parametrize("name", GUIDERS)
def test_at_one_every_guider_is_conditional_and_rows_are_alone(name, pair):
    uncond, cond = pair
    guide = GUIDERS[name].guide
    torch.testing.assert_close(guide(uncond, cond, 1.0), cond)
    torch.testing.assert_close(guide(cond, cond, 6.0), cond, atol=1e-5, rtol=1e-4)
    alone = guide(uncond[1:2], cond[1:2], 6.0)
    torch.testing.assert_close(guide(uncond, cond, 6.0)[1:2], alone)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", GUIDERS)
def test_a_cell_is_guided_in_the_guiders_own_space(name, prediction, engine, monkeypatch):
    config = engine.model.scheduler_config | {"prediction_type": prediction}
    monkeypatch.setattr(engine.model, "scheduler_config", config)
    steps = [e for e in engine.submit([Recipe(**SMALL, guider=name)]) if isinstance(e, Step)]
    for step in steps:
        if GUIDERS[name].clean:
            *pair, seen = (step.clean[b] for b in (UNCOND, COND, "guided"))
        elif prediction == "epsilon":
            *pair, seen = (step.noise(b) for b in (UNCOND, COND, "guided"))
        else:
            continue  # v is a mixture of both: the plane above tells it
        rows = (torch.from_numpy(x)[None] for x in pair)
        expected = GUIDERS[name].guide(*rows, step.guidance)[0]
        np.testing.assert_allclose(seen, expected, atol=2e-3, rtol=2e-3)


def test_every_guider_explains_itself():
    for name, guider in GUIDERS.items():
        assert guider.name == name
        assert guider.sentence.endswith(".")
        assert "arXiv" in guider.source
