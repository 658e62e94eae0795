"""The browser's samplers of the plane, step for step against diffusers' schedulers.

Both are given the same closed-form ε̂, starting points and σ; no page is needed to run them.
"""

import numpy as np
import pytest
import torch

from playground.diffusion import samplers, spacings
from playground.page.samplers.views import mixture
from playground.toys import dropout

W, LABEL, STEPS = 3.0, 1, 9
START = np.random.default_rng(0).standard_normal((16, 2))
# In the browser every sampler ends at σ = 0; Euler's method is DDIM's in σ.
PAIRS = [("ddim", "euler"), ("heun", "heun"), ("dpmpp_2m", "dpmpp_2m"), ("dpmpp_2s", "dpmpp_2s"),
         ("dpmpp_2m", "dpmpp_2m_karras"), ("unipc", "unipc"), ("deis", "deis")]  # fmt: skip


def mixture_noise(y: torch.Tensor, sigma: float, blobs: torch.Tensor) -> torch.Tensor:
    """E[ε | y] = −σ·∇log p_σ(y), by automatic differentiation of the density itself."""
    y = y.detach().requires_grad_()
    variance = dropout.SPREAD**2 + sigma**2
    near = -(y[:, None] - blobs).square().sum(-1) / (2 * variance)
    return -sigma * torch.autograd.grad(near.logsumexp(1).sum(), y)[0]


def guided(y: torch.Tensor, sigma: float) -> torch.Tensor:
    centres = dropout.centres().double()
    without = mixture_noise(y, sigma, centres.flatten(0, 1))
    return without + W * (mixture_noise(y, sigma, centres[LABEL]) - without)


def diffusers_path(name: str, steps: int, config: dict) -> tuple[list, list]:
    """The scheduler's σ, one per step, and where the points in y = x/√ᾱ end."""
    scheduler = samplers.build(name, config, steps)
    x = torch.tensor(START)[:, :, None, None] * scheduler.init_noise_sigma
    for call, t in enumerate(scheduler.timesteps):
        sigma = float(scheduler.sigmas[call])
        seen = scheduler.scale_model_input(x, t) * (1 + sigma**2) ** 0.5
        if call == 0:
            start = seen[..., 0, 0].flatten().tolist()
        noise = guided(seen[..., 0, 0].double(), sigma)[:, :, None, None]
        x = scheduler.step(noise, t, x).prev_sample
    sigmas = list(dict.fromkeys(scheduler.sigmas.tolist()))
    return sigmas, start, x[..., 0, 0].numpy() * (1 + sigmas[-1] ** 2) ** 0.5


@pytest.fixture(scope="module")
def run(browser):
    page = browser.new_page()
    page.add_script_tag(content=mixture.SOLVERS)

    def script(code: str, argument=None):
        return page.evaluate(code, argument)

    yield script
    page.close()


SOLVE = """({name, sigmas, start, world, label, w, eta}) => {
  const y = Float64Array.from(start), z = (i) => normals(y.length, 1000 + i);
  const {path, calls} = METHODS[name](sigmas, y, guidedNoise(world, label, w), z, eta);
  return {end: [...path.at(-1)], calls, points: path.length};
}"""
WORLD = {"centres": dropout.centres().tolist(), "spread": dropout.SPREAD}


def solve(run, name: str, sigmas, start, w=W, eta=0.0) -> dict:
    argument = {"name": name, "sigmas": sigmas, "start": start, "world": WORLD, "label": LABEL}
    return run(SOLVE, argument | {"w": w, "eta": eta})


@pytest.mark.parametrize(("name", "sampler"), PAIRS)
@pytest.mark.parametrize("steps", [1, 2, STEPS, STEPS + 1, 17])
def test_steps_are_those_of_diffusers(name, sampler, steps, run, tiny):
    sigmas, start, expected = diffusers_path(sampler, steps, tiny.scheduler_config)
    found = solve(run, name, sigmas, start)
    assert found["points"] == steps + 1
    assert found["calls"] == len(samplers.build(sampler, tiny.scheduler_config, steps).timesteps)
    np.testing.assert_allclose(np.reshape(found["end"], (-1, 2)), expected, atol=2e-4)


@pytest.mark.parametrize("name", ["ddim", "pndm"])  # PNDM makes its first step twice
@pytest.mark.parametrize("steps", [1, 2, 7, 9, 10, 15, 61])
def test_they_step_to_the_next_timestep_of_the_list(name, steps, run, tiny):
    scheduler = samplers.build(name, tiny.scheduler_config, steps)
    levels = samplers.levels_of(scheduler)
    sigma_at = {at.t: at.sigma for at in levels}
    sigmas = [*sigma_at.values(), samplers.end_level(scheduler).sigma]
    y = START * sigmas[0]
    x = torch.tensor(y)[:, :, None, None] / (1 + sigmas[0] ** 2) ** 0.5
    for t in scheduler.timesteps.tolist():
        sigma = sigma_at[t]
        noise = guided((x * (1 + sigma**2) ** 0.5)[..., 0, 0], sigma)[:, :, None, None]
        x = scheduler.step(noise, t, x).prev_sample
    found = solve(run, name, sigmas, y.flatten().tolist())
    assert found["calls"] == len(scheduler.timesteps)
    expected = (x * (1 + sigmas[-1] ** 2) ** 0.5)[..., 0, 0].numpy()
    np.testing.assert_allclose(np.reshape(found["end"], (-1, 2)), expected, atol=2e-4)


def test_the_exact_end_is_what_all_deterministic_samplers_come_to(run, tiny):
    start = (START * 14.6).flatten().tolist()
    exact = run(
        """({start, world}) => [...exactEnd(14.6, 0.029, 60, Float64Array.from(start),
             guidedNoise(world, 1, 3))]""",
        {"start": start, "world": WORLD},
    )
    grid = (np.linspace(14.6 ** (1 / 7), 0.029 ** (1 / 7), 400) ** 7).tolist()
    for name in ("ddim", "pndm", "heun", "dpmpp_2m", "dpmpp_2s", "unipc", "deis"):
        far, near = (
            np.abs(np.subtract(solve(run, name, [*sigmas, 0], start)["end"], exact)).max()
            for sigmas in (grid[::20], grid)
        )
        assert near < 0.02
        assert near < far


def test_eta_one_is_euler_ancestral_and_eta_zero_is_not(run, tiny):
    grid = list(spacings.grid("trailing", tiny.scheduler_config, 12).sigmas)
    start = (START * grid[0]).flatten().tolist()
    ancestral = solve(run, "euler_a", grid, start)["end"]
    assert solve(run, "ddim", grid, start, eta=1.0)["end"] == ancestral
    assert solve(run, "ddim", grid, start)["end"] != ancestral


@pytest.mark.parametrize("name", ["euler_a", "dpmpp_2m_sde"])
def test_stochastic_samplers_draw_the_labels_points(name, run, tiny):
    """By distribution: at w = 1 the spread and the middle of the label's two blobs."""
    grid = list(spacings.grid("karras", tiny.scheduler_config, 50).sigmas)
    start = (np.random.default_rng(1).standard_normal((800, 2)) * grid[0]).flatten().tolist()
    end = torch.tensor(solve(run, name, grid, start, w=1.0)["end"]).view(-1, 2)
    centres = dropout.centres()[LABEL].double()
    distance = torch.cdist(end.double(), centres)
    nearest = distance.argmin(1)
    assert nearest.double().mean() == pytest.approx(0.5, abs=0.06)
    inside = (end - centres[nearest]).square().mean().sqrt()
    assert float(inside) == pytest.approx(dropout.SPREAD, rel=0.08)


def test_fresh_noise_is_standard_normal(run):
    drawn = np.array(run("() => [...normals(4000, 3)]"))
    assert drawn.mean() == pytest.approx(0, abs=0.05)
    assert drawn.std() == pytest.approx(1, abs=0.03)
    assert run(
        "() => normals(9, 3)[5] === normals(9, 3)[5] && normals(9, 3)[5] !== normals(9, 4)[5]"
    )
