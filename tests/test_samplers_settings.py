"""A checkpoint's scheduler says how it was trained, not what a sampler is."""

from inspect import signature

import diffusers
import pytest
import torch

from playground.diffusion import samplers
from playground.diffusion.samplers import SAMPLERS

TRAINED = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
}
# What schedulers of checkpoints ask for besides, where they ask for anything.
ASKED = {
    "DPM++ 2M SDE Karras": {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    "first order": {"solver_order": 1},
    "third order": {"solver_order": 3},
    "DPM-Solver": {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"},
    "DEIS": {"algorithm_type": "deis", "solver_type": "logrho"},
    "UniPC": {"solver_type": "bh1", "predict_x0": False, "disable_corrector": [0, 1]},
    "2M of Heun's kind": {"algorithm_type": "dpmsolver++", "solver_type": "heun"},
    "exponential": {"use_exponential_sigmas": True},
    "logarithms": {"use_lu_lambdas": True},
}
# Settings of the solver's class that its record leaves to the checkpoint: how it was trained, and
# where its last step ends.
LEFT = {
    "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas",
    "prediction_type", "rescale_betas_zero_snr", "timestep_spacing", "steps_offset",
    "timestep_type", "thresholding", "dynamic_thresholding_ratio", "sample_max_value",
    "clip_sample", "clip_sample_range", "lambda_min_clipped", "variance_type", "sigma_min",
    "sigma_max", "final_sigmas_type", "lower_order_final", "euler_at_final", "interpolation_type",
    "use_flow_sigmas", "flow_shift", "use_dynamic_shifting", "time_shift_type", "shift_terminal",
    "solver_p",
}  # fmt: skip
SOLVERS = [n for n, s in SAMPLERS.items() if "use_karras_sigmas" in s.config]
# A checkpoint's own spacing of sigmas, and UniPC's own order, stay: no other sampler is called so.
SPACED = ("euler", "heun", "unipc")


def final(name: str, config: dict) -> torch.Tensor:
    scheduler = samplers.build(name, config, 8)
    extra = {}
    if "generator" in signature(scheduler.step).parameters:
        extra["generator"] = torch.Generator().manual_seed(0)
    x = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    x = x * float(getattr(scheduler, "init_noise_sigma", 1.0))
    for t in scheduler.timesteps:
        # Those of rectified flow scale nothing.
        seen = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        output = torch.sin(seen * (1 + t / 1000))
        x = scheduler.step(output, t, x, **extra).prev_sample
    return x


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("name", [n for n in SAMPLERS if n not in SPACED])
def test_a_sampler_is_what_it_is_called_whatever_a_checkpoint_asks_for(name, asked):
    ends = {key: value for key, value in asked.items() if key == "final_sigmas_type"}
    expected = final(name, TRAINED | ends)
    assert torch.isfinite(expected).all()
    assert torch.equal(final(name, TRAINED | asked), expected)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_record_says_all_that_makes_its_solver(name):
    """A setting that diffusers adds one day is looked at here."""
    sampler = SAMPLERS[name]
    known = signature(getattr(diffusers, sampler.scheduler).__init__).parameters
    assert set(known) - {"self"} - LEFT <= sampler.config.keys()


@pytest.mark.parametrize("name", SOLVERS)
def test_what_is_said_of_it_is_what_diffusers_does_unasked_or_its_name(name):
    named = {"dpmpp_2m_karras": "use_karras_sigmas", "dpmpp_2m_sde": "algorithm_type",
             "dpmpp_2s": "lower_order_final"}.get(name)  # fmt: skip
    sampler = SAMPLERS[name]
    known = signature(getattr(diffusers, sampler.scheduler).__init__).parameters
    for setting, value in sampler.config.items():
        if setting in known and setting != named:
            unasked = known[setting].default
            assert value == (list(unasked) if isinstance(value, list) else unasked)


@pytest.mark.parametrize("name", [n for n, s in SAMPLERS.items() if s.flow])
def test_of_rectified_flow_too(name):
    flow = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
    asked = {"stochastic_sampling": True, "use_karras_sigmas": True, "solver_order": 3}
    for setting, value in asked.items():
        if setting == "stochastic_sampling" or name not in SPACED:
            assert torch.equal(final(name, flow | {setting: value}), final(name, flow))
