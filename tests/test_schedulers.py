"""DDIM and PNDM step to the next timestep of their list: exactly the formula, for all lists."""

import diffusers
import numpy as np
import pytest
import torch

from playground.diffusion import samplers, schedulers
from playground.diffusion.levels import PREDICTIONS
from playground.diffusion.samplers import SAMPLERS

STEPS = 1000
CONFIG = {
    "num_train_timesteps": STEPS,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "timestep_spacing": "trailing",
    "clip_sample": False,
    "set_alpha_to_one": False,
}
DIVIDE = [1, 2, 5, 10, 20, 50, 100, 1000]
DO_NOT = [3, 7, 15, 48, 61, 84, 90, 91, 600]
SPACINGS = ["trailing", "leading", "linspace"]
SHAPE = (2, 3, 4, 4)


def normal(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def stepped(scheduler, timestep: int, **options):
    """One step from known latents and a known network output, and all that it says."""
    options["generator"] = torch.Generator().manual_seed(2)
    return scheduler.step(normal(0), timestep, normal(1), **options)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("bounds", [{}, {"clip_sample": True}, {"thresholding": True}], ids=str)
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_ddim_is_that_of_diffusers_where_steps_divide_1000(prediction, bounds, eta):
    for to_one in (False, True):
        config = CONFIG | bounds | {"prediction_type": prediction, "set_alpha_to_one": to_one}
        for steps in DIVIDE:
            ours = samplers.build("ddim", config, steps)
            theirs = diffusers.DDIMScheduler.from_config(config)
            theirs.set_timesteps(steps)
            for t in theirs.timesteps[:: max(1, steps // 5)]:
                found, expected = (stepped(s, t, eta=eta) for s in (ours, theirs))
                for name in ("prev_sample", "pred_original_sample"):
                    # Processors round otherwise: 2e-6 on one that multiplies and adds at once.
                    torch.testing.assert_close(found[name], expected[name], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("steps", DIVIDE)
def test_pndm_is_that_of_diffusers_where_steps_divide_1000(steps):
    ends = []
    ours = samplers.build("pndm", CONFIG, steps)
    theirs = diffusers.PNDMScheduler.from_config(CONFIG, skip_prk_steps=True)
    theirs.set_timesteps(steps)
    for scheduler in (ours, theirs):
        x = normal(0)
        for i, t in enumerate(scheduler.timesteps):
            x = scheduler.step(torch.sin(x + i), t, x).prev_sample
        ends.append(x)
    torch.testing.assert_close(*ends, atol=1e-6, rtol=1e-6)


def kept_of(scheduler) -> list[float]:
    """ᾱ at the timesteps of the list and at the end, in float64 from the definition."""
    betas = np.linspace(CONFIG["beta_start"] ** 0.5, CONFIG["beta_end"] ** 0.5, STEPS) ** 2
    kept = np.cumprod(1 - betas)
    times = list(dict.fromkeys(scheduler.timesteps.tolist()))
    return [kept[t] for t in times] + [1.0 if scheduler.config.set_alpha_to_one else kept[0]]


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("steps", DO_NOT)
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_ddim_is_its_formula_for_every_number_of_steps(spacing, steps, eta):
    """Song et al. 2021, arXiv 2010.02502, eq. 12 with σ of eq. 16."""
    for to_one in (False, True):
        config = CONFIG | {"timestep_spacing": spacing, "set_alpha_to_one": to_one}
        scheduler = samplers.build("ddim", config, steps)
        kept, times = kept_of(scheduler), scheduler.timesteps.tolist()
        said, x, fresh = normal(0).double(), normal(1).double(), normal(2).double()
        for i in {0, steps // 2, steps - 1}:
            a, b = kept[i], kept[i + 1]
            clean = (x - (1 - a) ** 0.5 * said) / a**0.5
            sigma = eta * ((1 - b) / (1 - a)) ** 0.5 * (1 - a / b) ** 0.5
            expected = b**0.5 * clean + (1 - b - sigma**2) ** 0.5 * said + sigma * fresh
            found = stepped(scheduler, times[i], eta=eta)
            torch.testing.assert_close(found.prev_sample.double(), expected, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(
                found.pred_original_sample.double(), clean, atol=1e-4, rtol=1e-4
            )


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("steps", DO_NOT)
def test_pndm_is_adams_bashforth_in_the_transfer_of_its_list(spacing, steps):
    """In y = x/√ᾱ and σ the transfer (Liu et al. 2022, arXiv 2202.09778, eq. 11) is
    y' = y + (σ' − σ)·ε; its ε is the mean of the last ones with Adams-Bashforth's weights, in the
    first step of both its ends.
    """
    scheduler = samplers.build("pndm", CONFIG | {"timestep_spacing": spacing}, steps)
    kept = np.array(kept_of(scheduler))
    sigmas = ((1 - kept) / kept) ** 0.5
    weights = {2: [-1, 3], 3: [5, -16, 23], 4: [-9, 37, -59, 55]}
    outputs = [normal(i).double() for i in range(steps + 1)]
    x, past = normal(99), []
    y = start = x.double() / kept[0] ** 0.5
    for call, t in enumerate(scheduler.timesteps):
        x = scheduler.step(outputs[call].float(), t, x).prev_sample
        step = max(call - 1, 0)
        if call == 1:
            mean, y = (outputs[0] + outputs[1]) / 2, start
        else:
            past = [*past, outputs[call]][-4:]
            row = weights.get(len(past), [1])
            mean = sum(w * p for w, p in zip(row, past, strict=True)) / sum(row)
        y = y + (sigmas[step + 1] - sigmas[step]) * mean
        seen = x.double() / kept[step + 1] ** 0.5
        torch.testing.assert_close(seen, y, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("steps", [*DO_NOT, 20])
def test_ddpm_steps_to_the_next_of_its_list(spacing, steps):
    """The posterior of Ho et al. 2020, arXiv 2006.11239, eq. 6 and 7, between listed timesteps."""
    config = CONFIG | {"timestep_spacing": spacing, "set_alpha_to_one": True}
    scheduler = samplers.build("ddpm", config, steps)
    scheduler.register_to_config(set_alpha_to_one=True)
    kept, times = kept_of(scheduler), scheduler.timesteps.tolist()
    said, x, fresh = normal(0).double(), normal(1).double(), normal(2).double()
    for i in {0, steps // 2, steps - 1}:
        a, b = kept[i], kept[i + 1]
        clean, beta = (x - (1 - a) ** 0.5 * said) / a**0.5, 1 - a / b
        expected = b**0.5 * beta / (1 - a) * clean + (1 - beta) ** 0.5 * (1 - b) / (1 - a) * x
        expected += ((1 - b) / (1 - a) * beta) ** 0.5 * fresh
        found = stepped(scheduler, times[i]).prev_sample.double()
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("steps", DO_NOT)
def test_ddim_with_eta_one_is_ddpm(steps):
    """Song et al. 2021, section 4.1: σ(η = 1) is the posterior's spread."""
    ddim, ddpm = (
        samplers.build(name, CONFIG | {"set_alpha_to_one": True}, steps)
        for name in ("ddim", "ddpm")
    )
    for t in ddim.timesteps[:: max(1, steps // 4)]:
        found, expected = stepped(ddim, t, eta=1.0), stepped(ddpm, t)
        torch.testing.assert_close(found.prev_sample, expected.prev_sample, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("name", ["ddim", "pndm"])
def test_they_are_diffusers_schedulers_still(name):
    kind = getattr(diffusers, SAMPLERS[name].scheduler)
    scheduler = samplers.build(name, CONFIG, 15)
    assert isinstance(scheduler, kind)
    assert type(scheduler).__name__ == kind.__name__  # what is saved is read by diffusers
    again = type(scheduler).from_config(scheduler.config)
    assert dict(again.config) == dict(scheduler.config)
    stock = kind.from_config(scheduler.config)
    assert stock.config.beta_end == CONFIG["beta_end"]
    assert schedulers.named("EulerDiscreteScheduler") is diffusers.EulerDiscreteScheduler


def test_ddim_says_pairs_and_draws_only_if_eta_asks():
    scheduler = samplers.build("ddim", CONFIG, 15)
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    x, said = normal(1), normal(0)
    pair = scheduler.step(said, 999, x, generator=generator, return_dict=False)
    assert torch.equal(generator.get_state(), before)
    at = samplers.levels_of(scheduler)[0]
    assert torch.equal(pair[1], PREDICTIONS["epsilon"].clean(x, said, at))
    with pytest.raises(ValueError, match="500"):
        scheduler.step(said, 500, x)  # not in the list
