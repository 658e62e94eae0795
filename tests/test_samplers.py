"""The table of samplers: what it claims is what diffusers' schedulers do."""

import re
from fractions import Fraction
from inspect import signature

import diffusers
import numpy as np
import pytest
import torch

from playground.diffusion import samplers
from playground.diffusion.samplers import GENERAL, SAMPLERS, UnknownSamplerError
from playground.engine.events import Picture
from playground.recipe import Recipe

# diffusers' own tests/schedulers: linear betas, ten steps, sample and model as below.
LINEAR = {
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
}
SCALED_LINEAR = LINEAR | {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}
SIGMA_MIN = {"final_sigmas_type": "sigma_min"}
V = {"prediction_type": "v_prediction"}
MOST = {name: sampler.most_steps({}) or 100 for name, sampler in SAMPLERS.items()}
CONFORMANCE = [  # sampler, configuration, mean |x| after ten steps in diffusers' tests
    ("ddim", {"clip_sample": True}, 172.0067 / 768),
    ("ddim", {"clip_sample": True} | V, 52.5302 / 768),
    ("ddim", {"clip_sample": True, "beta_start": 0.01}, 149.8295 / 768),
    ("ddim", {"clip_sample": True, "beta_start": 0.01, "set_alpha_to_one": False}, 149.0784 / 768),
    ("dpmpp_2m", SIGMA_MIN | {"lower_order_final": False}, 0.3301),
    ("dpmpp_2m", SIGMA_MIN | {"lower_order_final": False} | V, 0.2251),
    ("dpmpp_2m_karras", SIGMA_MIN | {"lower_order_final": False} | V, 0.2096),
    ("unipc", SIGMA_MIN, 0.2464),
    ("unipc", SIGMA_MIN | V, 0.1014),
    ("unipc", SIGMA_MIN | {"use_karras_sigmas": True}, 0.2925),
    ("unipc", SIGMA_MIN | V | {"use_karras_sigmas": True}, 0.1966),
    ("deis", {}, 0.23916),
    ("deis", V, 0.091),
]


def deterministic_sample() -> torch.Tensor:
    return (torch.arange(768).reshape(3, 8, 8, 4) / 768).permute(3, 0, 1, 2)


def toy_model(x: torch.Tensor, t) -> torch.Tensor:
    return x * t / (t + 1)


def final_sample(scheduler, seed: int = 0) -> torch.Tensor:
    extra = {}
    if "generator" in signature(scheduler.step).parameters:
        extra["generator"] = torch.Generator().manual_seed(seed)
    x = deterministic_sample()
    for t in scheduler.timesteps:
        output = toy_model(scheduler.scale_model_input(x, t), t)
        x = scheduler.step(output, t, x, **extra).prev_sample
    return x


@pytest.mark.parametrize(("name", "config", "mean"), CONFORMANCE)
def test_conformance_with_diffusers_own_tests(name, config, mean):
    x = final_sample(samplers.build(name, LINEAR | config, 10))
    assert float(x.abs().mean()) == pytest.approx(mean, abs=5e-4)


def test_pndm_conformance_with_its_runge_kutta_start():
    """Upstream's sum 198.1318 is for the start that our table skips, as Stable Diffusion does."""
    scheduler = getattr(diffusers, SAMPLERS["pndm"].scheduler)(**LINEAR)
    scheduler.set_timesteps(10)
    x = deterministic_sample()
    for t in scheduler.prk_timesteps:
        x = scheduler.step_prk(toy_model(x, t), t, x).prev_sample
    for t in scheduler.plms_timesteps:
        x = scheduler.step_plms(toy_model(x, t), t, x).prev_sample
    assert float(x.abs().sum()) == pytest.approx(198.1318, abs=1e-2)


def test_pndm_conformance_with_v_prediction():
    """Not in our table, whose averages are of ε; the class itself is what upstream tests."""
    scheduler = getattr(diffusers, SAMPLERS["pndm"].scheduler)(**LINEAR | V)
    scheduler.set_timesteps(10)
    x = deterministic_sample()
    for t in scheduler.prk_timesteps:
        x = scheduler.step_prk(toy_model(x, t), t, x).prev_sample
    for t in scheduler.plms_timesteps:
        x = scheduler.step_plms(toy_model(x, t), t, x).prev_sample
    assert float(x.abs().sum()) == pytest.approx(67.3986, abs=1e-2)


@pytest.mark.parametrize(("config", "total"), [({}, 258.9606), (V, 202.0296)])
def test_ddpm_conformance_over_its_thousand_steps(config, total):
    """All of them, seed 0, as upstream sums them; its pixels are bounded by 1."""
    x = final_sample(samplers.build("ddpm", LINEAR | config | {"clip_sample": True}, 1000))
    assert float(x.abs().sum()) == pytest.approx(total, abs=1e-2)


def test_lcm_conformance_of_its_one_step():
    scheduler = samplers.build("lcm", SCALED_LINEAR, 1)
    (t,) = scheduler.timesteps
    generator, x = torch.Generator().manual_seed(0), deterministic_sample()
    x = scheduler.step(toy_model(x, t), t, x, generator=generator).prev_sample
    assert float(x.abs().sum()) == pytest.approx(18.7097, abs=1e-2)


@pytest.mark.parametrize(
    ("name", "steps"),
    [(n, steps) for n in SAMPLERS for steps in (1, 2, 3, 10, 50, 100) if steps <= MOST[n]],
)
def test_every_sampler_takes_every_number_of_steps(name, steps, tiny):
    """Also where rounded timesteps repeat, which once made schedulers start at the wrong one."""
    scheduler = samplers.build(name, tiny.scheduler_config, steps)
    start = deterministic_sample()
    x = final_sample(scheduler)
    assert torch.isfinite(x).all()
    assert not torch.equal(x, start)


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_calls_per_step_are_what_the_network_counts(sampler, tiny, engine):
    seen = []
    hook = tiny.unet.register_forward_hook(lambda *_: seen.append(1))
    try:
        picture = engine.draw(Recipe(sampler=sampler.name, steps=4, width=64, height=64))
    finally:
        hook.remove()
    # Heun's last step has nothing to correct; PNDM's first step is called twice.
    expected = {"heun": 2 * 4 - 1, "pndm": 4 + 1}.get(sampler.name, 4)
    assert len(seen) == picture.calls == expected == sampler.network_calls(4)
    assert picture.rows == 2 * expected


SPACED = [{"timestep_spacing": s, "steps_offset": 1} for s in ("trailing", "leading", "linspace")]


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
@pytest.mark.parametrize("spaced", SPACED, ids=lambda config: config["timestep_spacing"])
def test_every_number_of_steps_makes_the_calls_that_the_table_says(sampler, spaced, tiny):
    """Counting down by a float, diffusers makes 62 steps of 61, the last of them at t = −1."""
    for steps in range(1, MOST[sampler.name] + 1):
        scheduler = samplers.build(sampler.name, tiny.scheduler_config | spaced, steps)
        assert len(scheduler.timesteps) == sampler.network_calls(steps), steps
        assert len(samplers.levels_of(scheduler)) == sampler.network_calls(steps)
        assert scheduler.timesteps.min() >= 0
        assert scheduler.num_inference_steps == steps
        if hasattr(scheduler, "sigmas"):
            assert len(scheduler.sigmas) == len(scheduler.timesteps) + 1
            assert (scheduler.sigmas.diff() <= 0).all()


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_calls_and_back(sampler):
    for calls in range(1, 101):
        steps = sampler.steps_within(calls)
        assert sampler.network_calls(steps) <= calls < sampler.network_calls(steps + 1)


OWN_SPACING = {"dpmpp_2m_karras", "dpmpp_2s", "lcm"}  # whatever the config says


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in OWN_SPACING])
def test_trailing_timesteps_are_the_nearest_ones(name, tiny):
    """Lin et al. 2023, table 2, in exact numbers: 1000·(n − i)/n − 1, rounded (half either way)."""
    for steps in range(1, 101):
        scheduler = samplers.build(name, tiny.scheduler_config, steps)
        found = sorted({int(t) for t in scheduler.timesteps}, reverse=True)
        assert len(found) == steps
        for i, t in enumerate(found):
            assert abs(t + 1 - Fraction(1000 * (steps - i), steps)) <= Fraction(1, 2)


@pytest.mark.parametrize("name", GENERAL)
def test_sixty_one_steps_are_those_between_sixty_and_sixty_two(name, tiny):
    scheduler = samplers.build(name, tiny.scheduler_config, 61)
    last, end = samplers.levels_of(scheduler)[-1], samplers.end_level(scheduler)
    near = [samplers.build(name, tiny.scheduler_config, n) for n in (60, 62)]
    few, many = (samplers.levels_of(other)[-1].sigma for other in near)
    assert many <= last.sigma <= few
    assert {samplers.end_level(other) for other in near} == {end}
    assert torch.isfinite(final_sample(scheduler)).all()


@pytest.mark.parametrize("name", ["ddpm", "ddim"])
@pytest.mark.parametrize("spaced", SPACED, ids=lambda config: config["timestep_spacing"])
def test_long_runs_make_as_many_calls_as_steps(name, spaced, tiny):
    for steps in (*range(50, 1000, 7), 103, 121, 122, 499, 961, 1000):
        found = samplers.levels(name, tiny.scheduler_config | spaced, steps)
        times = [at.t for at in found]
        assert len(times) == len(set(times)) == steps
        assert 0 <= min(times) <= max(times) < 1000
    assert times == list(range(999, -1, -1))  # all of them


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_stochastic_means_that_fresh_noise_matters(sampler, tiny):
    first, second, again = (
        final_sample(samplers.build(sampler.name, tiny.scheduler_config, 6), seed)
        for seed in (1, 2, 1)
    )
    assert torch.equal(first, again)
    assert torch.equal(first, second) != sampler.stochastic


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_eta_acts_where_the_table_says(sampler, engine):
    calm, noisy = (
        engine.draw(Recipe(sampler=sampler.name, steps=3, eta=eta, width=64, height=64))
        for eta in (0.0, 1.0)
    )
    assert np.array_equal(calm.latents, noisy.latents) != sampler.uses_eta


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_every_row_builds_for_the_predictions_it_names_and_refuses_others(sampler):
    for prediction in ("epsilon", "v_prediction", "sample"):
        config = LINEAR | {"prediction_type": prediction}
        if prediction in sampler.predictions:
            scheduler = samplers.build(sampler.name, config, 5)
            assert type(scheduler).__name__ == sampler.scheduler
            assert torch.isfinite(final_sample(scheduler)).all()
        else:
            with pytest.raises(ValueError, match=f"{sampler.label}.*{prediction}"):
                samplers.build(sampler.name, config, 5)


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_a_schedule_that_ends_at_noise_alone_is_sampled_from_there_or_refused(sampler):
    """Zero terminal SNR (Lin et al. 2023, arXiv 2305.08891): diffusers' Heun, DEIS, PNDM and 2S
    overlook the setting, and would begin where there is signal."""
    config = SCALED_LINEAR | {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"} | V
    if not sampler.reaches_noise:
        with pytest.raises(ValueError, match=f"{re.escape(sampler.label)} cannot"):
            samplers.build(sampler.name, config, 5)
        return
    first = samplers.levels(sampler.name, config, 5)[0]
    assert first.signal < 1e-3
    assert torch.isfinite(final_sample(samplers.build(sampler.name, config, 5))).all()


def test_every_row_explains_itself():
    assert all(name == s.name for name, s in SAMPLERS.items())
    assert len({s.label for s in SAMPLERS.values()}) == len(SAMPLERS)
    for sampler in SAMPLERS.values():
        assert sampler.sentence.endswith(".")
        assert sampler.source


def test_an_unknown_sampler_is_refused_with_the_valid_names(engine):
    with pytest.raises(UnknownSamplerError) as caught:
        engine.submit([Recipe(sampler="eulr")])
    assert "'eulr'" in str(caught.value)
    assert all(name in str(caught.value) for name in SAMPLERS)


# ---- consistency models ------------------------------------------------------------------------
def test_lcm_takes_a_part_of_the_timesteps_of_its_distillation(tiny):
    """Luo et al. 2023, arXiv 2310.04378, section 4.3: every k-th timestep of training, t = k·i − 1,
    and of these as many as there are steps, from the noisiest."""
    for steps, expected in {1: [999], 2: [999, 499], 4: [999, 759, 499, 259]}.items():
        assert [at.t for at in samplers.levels("lcm", tiny.scheduler_config, steps)] == expected
    coarse = tiny.scheduler_config | {"original_inference_steps": 4}
    assert [at.t for at in samplers.levels("lcm", coarse, 4)] == [999, 749, 499, 249]
    with pytest.raises(ValueError, match=r"LCM takes at most 4 steps here, not 5: .*\.$"):
        samplers.build("lcm", coarse, 5)


def test_lcm_mixes_its_answer_with_fresh_noise_and_ends_at_the_answer(tiny):
    """Song et al. 2023, arXiv 2303.01469, algorithm 1; c_skip and c_out of its eq. 5 with σ_data
    0.5 and t times ten."""
    scheduler = samplers.build("lcm", tiny.scheduler_config, 2)
    first, last = samplers.levels_of(scheduler)
    end = samplers.end_level(scheduler)
    x, said = (torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(i)) for i in (1, 2))
    for at, to in ((first, last), (last, end)):
        generator = torch.Generator().manual_seed(3)
        fresh = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
        time = 10 * at.t
        skip, out = 0.25 / (time**2 + 0.25), time / (time**2 + 0.25) ** 0.5
        answer = skip * x + out * (x - at.noise * said) / at.signal
        x = scheduler.step(said, int(at.t), x, generator=generator).prev_sample
        torch.testing.assert_close(x, to.mix(answer, fresh), atol=1e-4, rtol=1e-4)


def test_lcm_draws_its_noise_from_the_seed_alone(engine):
    """Whatever else is in the batch, and however far the others are."""
    recipe = Recipe(sampler="lcm", steps=3, width=64, height=64, seed=3)
    alone = engine.draw(recipe)
    others = [Recipe(sampler="lcm", steps=4, width=64, height=64, seed=s) for s in (1, 2)]
    *_, last = (
        e for e in engine.submit([*others, recipe]) if isinstance(e, Picture) and e.cell == 2
    )
    np.testing.assert_allclose(last.latents, alone.latents, atol=1e-4)
    assert not np.allclose(engine.draw(others[0]).latents, alone.latents, atol=0.1)


@pytest.mark.parametrize("name", ["ddim", "ddpm", "lcm"])
def test_latents_are_not_clipped_unless_the_config_says_so(name):
    """diffusers' DDIM and DDPM clip pred_x0 to ±1 by default, also for configs of other schedulers
    that do not have that key, as PixArt's."""
    for config, clips in (({}, False), ({"clip_sample": True}, True)):
        assert samplers.build(name, LINEAR | config, 5).config.clip_sample is clips
    taken = {"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver++"}
    assert samplers.build(name, LINEAR | taken, 5).config.clip_sample is False
