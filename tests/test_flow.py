"""Rectified flow through samplers, cells and engine: exact on velocities that are known."""

import json

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel

from playground.diffusion import samplers
from playground.diffusion.guidance import COND, UNCOND
from playground.diffusion.samplers import SAMPLERS
from playground.engine.cells import Cell, CellAnswer
from playground.engine.engine import Engine
from playground.engine.events import Picture, Step, Task
from playground.models.families.joint import SHORT, JointModel
from playground.models.prompt import Condition
from playground.recipe import Recipe

FLOWS = [name for name, sampler in SAMPLERS.items() if sampler.flow]
SMALL = {"width": 64, "height": 64}
CONFIG = json.loads(FlowMatchEulerDiscreteScheduler(shift=1.0).to_json_string())


@pytest.fixture(scope="module")
def joint(tiny) -> JointModel:
    """A small real transformer beside the small model's text encoder and autoencoder."""
    torch.manual_seed(0)
    width = tiny.text_encoder.config.hidden_size
    network = SD3Transformer2DModel(
        sample_size=16, patch_size=2, in_channels=4, out_channels=4, num_layers=2,
        attention_head_dim=8, num_attention_heads=2, joint_attention_dim=width,
        caption_projection_dim=16, pooled_projection_dim=width, pos_embed_max_size=16,
        qk_norm="rms_norm",
    )  # fmt: skip
    parts = tiny.vae, tiny.text_encoder, tiny.tokenizer
    network.eval().requires_grad_(False)
    return JointModel("flow", *parts, network, CONFIG, tiny.preview_map)


@pytest.mark.parametrize("steps", [1, 2, 7, 20])
@pytest.mark.parametrize("sampler", FLOWS)
def test_levels_are_a_straight_line_from_noise_to_picture(sampler, steps):
    timing = {"sigmas": np.linspace(1, 1 / steps, steps)}
    found = samplers.levels(sampler, CONFIG, steps, timing)
    assert len(found) == SAMPLERS[sampler].network_calls(steps)
    assert found[0].noise == pytest.approx(1, abs=2e-3)
    assert all(level.signal + level.noise == pytest.approx(1) for level in found)
    assert all(level.t == pytest.approx(1000 * level.noise, abs=1) for level in found)
    assert [level.noise for level in found] == sorted((lv.noise for lv in found), reverse=True)


def test_steps_are_even_where_the_family_asks_for_it():
    found = samplers.levels("euler", CONFIG, 4, {"sigmas": np.linspace(1, 0.25, 4)})
    assert [level.noise for level in found] == pytest.approx([1, 0.75, 0.5, 0.25])
    assert samplers.end_level(samplers.build("euler", CONFIG, 4)).noise == 0


@torch.inference_mode()
@pytest.mark.parametrize("steps", [1, 2, 9])
@pytest.mark.parametrize("sampler", FLOWS)
def test_a_straight_way_is_walked_exactly_in_any_number_of_steps(sampler, steps, joint):
    """The velocity towards one picture is ε − x0 at every σ; signal 0 at the start is finite."""
    cell = Cell(0, Task(Recipe(**SMALL, sampler=sampler, steps=steps)), joint)
    x0 = torch.linspace(-1, 1, 4 * 8 * 8).view(1, 4, 8, 8)
    noise = cell.solver.sample.clone()
    while not cell.done:
        velocity = noise - x0
        step = cell.advance(cell.network_input(), CellAnswer({UNCOND: velocity, COND: velocity}))
        np.testing.assert_allclose(step.clean["guided"], x0[0], atol=2e-2)
        np.testing.assert_allclose(step.noise("guided"), noise[0], atol=2e-2)
    np.testing.assert_allclose(cell.solver.sample, x0, atol=5e-3)


@torch.inference_mode()
def test_eulers_step_is_the_librarys(joint):
    cell = Cell(0, Task(Recipe(**SMALL, sampler="euler", steps=3)), joint)
    stock = FlowMatchEulerDiscreteScheduler(shift=1.0)
    stock.set_timesteps(sigmas=np.linspace(1, 1 / 3, 3))
    sample = cell.solver.sample.clone()
    generator = torch.Generator().manual_seed(1)
    for t in stock.timesteps:
        said = torch.randn(sample.shape, generator=generator)
        sample = stock.step(said, t, sample).prev_sample
        cell.advance(cell.network_input(), CellAnswer({UNCOND: said, COND: said}))
    torch.testing.assert_close(cell.solver.sample, sample)


@torch.inference_mode()
def test_rows_with_texts_of_different_lengths_share_a_call(joint):
    """Each is what the transformer says of it alone: 32 tokens if they suffice, else all 77."""
    texts = ["a cat", "cat " * 40, "", "two red stars"]
    told = [Condition(joint.encode(text)) for text in texts]
    assert [c.prompt.embeds.shape[1] for c in told] == [SHORT, 77, SHORT, SHORT]
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(4, 4, 8, 12, generator=generator)
    at = samplers.levels("euler", CONFIG, 4)
    together = joint.predict(latents, at, told)
    for row in range(4):
        alone = joint.network(
            latents[row : row + 1],
            encoder_hidden_states=told[row].prompt.embeds,
            pooled_projections=told[row].prompt.pooled,
            timestep=torch.tensor([at[row].t]),
        ).sample
        torch.testing.assert_close(together[row : row + 1], alone, atol=2e-5, rtol=0)
    assert (together[0] - together[2]).abs().max() > 1e-3


def test_company_does_not_change_a_picture(joint):
    recipes = [
        Recipe(**SMALL, steps=3, prompt="a cat", sampler="euler"),
        Recipe(**SMALL, steps=4, prompt="cat " * 40, sampler="dpmpp_2m", guidance=3.0),
        Recipe(**SMALL, steps=2, prompt="an owl", sampler="heun", guidance=1.0),
        Recipe(**SMALL, steps=5, prompt="", sampler="unipc", guidance=0.0),
    ]
    engine = Engine(joint)
    together = {e.cell: e for e in engine.submit(recipes) if isinstance(e, Picture)}
    for i, recipe in enumerate(recipes):
        alone = engine.draw(recipe)
        assert np.abs(together[i].image.astype(int) - alone.image).max() <= 1
        assert together[i].rows == alone.rows


def test_guidance_is_the_same_formula_on_velocities(joint):
    recipes = [Recipe(**SMALL, steps=1, sampler="euler", guidance=w) for w in (0.0, 1.0, 4.0)]
    steps = {e.cell: e for e in Engine(joint).submit(recipes) if isinstance(e, Step)}
    uncond, cond, guided = (steps[i].clean["guided"] for i in range(3))
    np.testing.assert_allclose(guided, uncond + 4 * (cond - uncond), atol=1e-4)


def test_an_exact_solution_of_rectified_flow_is_a_cell_like_others(joint):
    task = Task(Recipe(**SMALL, guidance=1.0), exact=1.0)
    (picture,) = [e for e in Engine(joint).submit([task]) if isinstance(e, Picture)]
    assert np.isfinite(picture.exact.path).all()
    many = Task(Recipe(**SMALL, guidance=1.0, sampler="euler"), steps=300)
    (small,) = [e for e in Engine(joint).submit([many]) if isinstance(e, Picture)]
    assert np.abs(picture.latents - small.latents).mean() < 0.05


def test_maps_of_texts_of_different_lengths_are_those_of_each_alone(joint):
    """Joint attention: the columns sum to the share that the text has; the rest is the image."""
    recipes = [
        Recipe(**SMALL, steps=1, prompt=text, sampler="euler", guidance=1.0)
        for text in ("a cat", "cat " * 40, "two red stars")
    ]
    engine = Engine(joint)
    together = {e.cell: e for e in engine.submit(recipes, record=True) if isinstance(e, Step)}
    for i, recipe in enumerate(recipes):
        (alone, *_) = engine.submit([recipe], record=True)
        for size, map_ in alone.maps.items():
            np.testing.assert_allclose(together[i].maps[size], map_, atol=1e-5)
            assert 0 < map_.sum(0).max() < 1
