"""Levels and predictions: every formula against the exact mixture it was made from."""

import math

import diffusers
import numpy as np
import pytest
import torch

from playground.diffusion import forward, levels, samplers
from playground.diffusion.levels import PREDICTIONS, Level
from playground.diffusion.samplers import SAMPLERS

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


# The levels of runs. The noise schedule of Stable Diffusion, from its definition:
# ᾱ_t = Π (1 − β_s), where √β rises in equal steps.
STEPS = 1000
KEPT = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, STEPS) ** 2)
CONFIG = {
    "num_train_timesteps": STEPS,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "timestep_spacing": "trailing",
    "clip_sample": False,
}
FLOW_SIGMAS = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 3.0}
FLOW = [
    ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}),
    ("FlowMatchHeunDiscreteScheduler", {}),
    ("DPMSolverMultistepScheduler", FLOW_SIGMAS),
    ("DPMSolverSinglestepScheduler", FLOW_SIGMAS),
    ("UniPCMultistepScheduler", FLOW_SIGMAS),
]

DETERMINISTIC = [
    (s.name, prediction)
    for s in SAMPLERS.values()
    for prediction in s.predictions
    if not s.stochastic
]


def scheduler_of(kind: str, config: dict, steps: int):
    scheduler = getattr(diffusers, kind)(**config)
    scheduler.set_timesteps(steps)
    return scheduler


@pytest.mark.parametrize("name", ["ddpm", "ddim", "pndm"])
def test_levels_where_timesteps_are_counted(name):
    found = samplers.levels(name, CONFIG, 5)
    times = (999, 799, 799, 599, 399, 199) if name == "pndm" else (999, 799, 599, 399, 199)
    assert [at.t for at in found] == list(times)
    expected = [levels.preserving(KEPT[t], float(t)) for t in times]
    np.testing.assert_allclose([at.signal for at in found], [at.signal for at in expected], 1e-5)
    np.testing.assert_allclose([at.noise for at in found], [at.noise for at in expected], 1e-5)


def test_levels_where_sigmas_are_counted():
    scheduler = samplers.build("dpmpp_2m_karras", CONFIG, 7)
    found = samplers.levels_of(scheduler)
    ends = np.array([(1 / KEPT[t] - 1) ** (1 / 14) for t in (999, 0)])  # σ^(1/7)
    karras = np.linspace(*ends, 7) ** 7  # Karras et al. 2022, eq. 5
    np.testing.assert_allclose([at.sigma for at in found], karras, 1e-4)
    assert [at.t for at in found] == scheduler.timesteps.tolist()
    np.testing.assert_allclose([at.signal**2 + at.noise**2 for at in found], 1)


def test_levels_of_rectified_flow():
    """σ of the straight line; with shift s it is s·σ/(1 + (s − 1)·σ) (Esser et al. 2024, arXiv
    2403.03206, eq. 23).
    """
    line = np.linspace(1, 0.001, 4)
    for shift in (1.0, 3.0):
        scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
        scheduler.set_shift(shift)
        scheduler.set_timesteps(4)
        found = samplers.levels_of(scheduler)
        expected = shift * line / (1 + (shift - 1) * line)
        np.testing.assert_allclose([at.noise for at in found], expected, 1e-5)
        np.testing.assert_allclose([at.signal for at in found], 1 - expected, atol=1e-6)
        np.testing.assert_allclose([at.t for at in found], STEPS * expected, 1e-5)
        assert found[0].sigma == math.inf
        assert samplers.end_level(scheduler) == Level(1.0, 0.0, 0.0)


def starting(scheduler, at: Level) -> torch.Tensor:
    """The sample that a scheduler shows the network as the mixture at that level."""
    x = at.mix(X0, NOISE).float()
    if hasattr(scheduler, "scale_model_input"):
        x = x / scheduler.scale_model_input(torch.ones(1), scheduler.timesteps[0])
    return x


def check_a_run_of_one_picture(scheduler, prediction: str) -> None:
    """If there is one picture only, ε̂ never changes and every solver is exact: so at each call the
    network sees the mixture of that call's level, and the run ends at the end's.
    """
    found = samplers.levels_of(scheduler)
    assert len(found) == len(scheduler.timesteps)
    x = starting(scheduler, found[0])
    for t, at in zip(scheduler.timesteps, found, strict=True):
        seen = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        assert at.t == float(t)
        torch.testing.assert_close(seen.double(), at.mix(X0, NOISE), atol=2e-4, rtol=2e-4)
        said = PREDICTIONS[prediction].back(seen, X0, at)
        x = scheduler.step(said.float(), t, x).prev_sample
    end = samplers.end_level(scheduler).mix(X0, NOISE)
    torch.testing.assert_close(x.double(), end, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize(("name", "prediction"), DETERMINISTIC)
@pytest.mark.parametrize("last", [{"set_alpha_to_one": True}, {"set_alpha_to_one": False}], ids=str)
def test_the_network_sees_the_level_of_its_call(name, prediction, last):
    for steps in (1, 2, 10, 15, 61, 84, 90, 91):
        config = CONFIG | {"prediction_type": prediction} | last
        check_a_run_of_one_picture(samplers.build(name, config, steps), prediction)


@pytest.mark.parametrize(("kind", "config"), FLOW)
@pytest.mark.parametrize("steps", [2, 5, 12])
def test_the_network_of_a_flow_model_sees_the_level_of_its_call(kind, config, steps):
    check_a_run_of_one_picture(scheduler_of(kind, config, steps), "flow_prediction")


TO_ONE = {"set_alpha_to_one": True}
DPM = {"dpmpp_2m", "dpmpp_2m_karras", "dpmpp_2s", "dpmpp_2m_sde"}


@pytest.mark.parametrize(
    ("config", "to_least"),
    [
        (TO_ONE, {"deis"}),  # which knows no other end
        ({"set_alpha_to_one": False}, {"ddim", "pndm", "deis"}),
        (TO_ONE | {"final_sigmas_type": "sigma_min"}, {"euler", "unipc", "deis"} | DPM),
    ],
)
def test_runs_end_at_no_noise_or_at_the_least_of_training(config, to_least):
    for name in SAMPLERS:
        end = samplers.end_level(samplers.build(name, CONFIG | config, 4))
        least = (1 / KEPT[0] - 1) ** 0.5 if name in to_least else 0.0
        assert end.sigma == pytest.approx(least, rel=1e-3), name
        assert end.t == 0


def test_levels_of_training():
    found = forward.training_levels(CONFIG)
    assert [at.t for at in found] == list(range(STEPS))
    np.testing.assert_allclose([at.signal**2 for at in found], KEPT, rtol=1e-4)
    flow = forward.training_levels({"_class_name": "FlowMatchEulerDiscreteScheduler"})
    assert flow[0] == Level(1 - 0.001, 0.001, 1.0)
    assert flow[-1] == Level(0.0, 1.0, 1000.0)
    assert len(flow) == STEPS


@pytest.mark.parametrize(
    ("kind", "config", "reason"),
    [
        ("EDMEulerScheduler", {}, "EDMEulerScheduler belongs to models"),
        ("FlowMatchEulerDiscreteScheduler", {"invert_sigmas": True}, "counts from the noise"),
    ],
)
def test_schedulers_of_unknown_kinds_are_refused(kind, config, reason):
    with pytest.raises(ValueError, match=reason):
        samplers.levels_of(scheduler_of(kind, config, 3))


@pytest.mark.parametrize("name", [name for name, s in SAMPLERS.items() if not s.flow])
def test_samplers_without_a_form_for_flow_models_refuse_them(name):
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
    with pytest.raises(ValueError, match="predicts flow_prediction"):
        samplers.build(name, config, 4)
