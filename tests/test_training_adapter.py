"""The consistency student as a LoRA: an exact product, the nearest of its rank, as files."""

import numpy as np
import pytest
import torch
from conftest import tiny_model
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file

from playground.api.answers import recipe_of
from playground.client import Playground
from playground.models import loras
from playground.training import adapter, consistency, export
from playground.world import measures, oracle

pytest.importorskip("peft")


@pytest.fixture(scope="module")
def small():
    return tiny_model(block_out_channels=(64, 16, 16))  # timesteps as the shipped model reads them


@pytest.fixture
def networks(small):
    """A small teacher, and a student whose matrices differ a little from it."""
    torch.manual_seed(5)
    student = consistency.new_model(small.network)
    with torch.no_grad():
        for name, parameter in student.named_parameters():
            if parameter.dim() > 1:
                scale = 1e-4 if "cond_proj" in name else 0.02
                parameter += scale * torch.randn_like(parameter)
    return small.network, student


def test_the_column_that_carries_w_is_nearly_one(networks):
    teacher, _ = networks
    numbers = teacher.time_proj(torch.arange(1000))[:, adapter.constant(teacher)]
    assert 0.99 < float(numbers.min()) <= float(numbers.max()) <= 1


@torch.inference_mode()
def test_with_every_rank_the_teacher_predicts_as_its_student(networks, small, tmp_path):
    teacher, student = networks
    found = adapter.changes(teacher, student, guidance=3.0)
    adapter.write(adapter.low_rank(found, rank=10_000), tmp_path / "all.safetensors")
    pipeline = StableDiffusionPipeline(
        small.vae, small.text_encoder, small.tokenizer, teacher, consistency.new_schedule(),
        None, None, requires_safety_checker=False,
    )  # fmt: skip
    x, embeds = torch.randn(2, 4, 16, 16), torch.randn(2, 5, teacher.config.cross_attention_dim)
    before = teacher(x, 500, embeds).sample
    pipeline.load_lora_weights(str(tmp_path), weight_name="all.safetensors")
    mine = teacher(x, 500, embeds).sample
    pipeline.unload_lora_weights()
    wanted = student(
        x, 500, embeds, timestep_cond=consistency.embed_guidance(torch.full((2,), 3.0))
    ).sample
    scale = float((wanted - before).abs().max())
    assert float((mine - wanted).abs().max()) < 0.02 * scale  # half precision, and 0.99 for 1
    torch.testing.assert_close(teacher(x, 500, embeds).sample, before)


@pytest.mark.parametrize("shape", [(12, 7), (8, 5, 3, 3)])
def test_a_product_is_the_nearest_of_its_rank(shape):
    """Its squared distance is the sum of the squares of the singular values that were cut off."""
    torch.manual_seed(1)
    change = torch.randn(shape)
    ((a, b),) = adapter.low_rank({"layer": change}, rank=3).values()
    assert (a.shape, b.shape[:2]) == ((3, *shape[1:]), (shape[0], 3))
    assert b.shape[2:] == (1,) * (len(shape) - 2)
    away = (b.flatten(1) @ a.flatten(1) - change.flatten(1)).square().sum()
    cut = torch.linalg.svdvals(change.flatten(1))[3:].square().sum()
    torch.testing.assert_close(away, cut, rtol=1e-4, atol=1e-4)


def test_the_shipped_file_is_of_the_shipped_weights():
    shipped, layer = load_file(adapter.FILE), "down_blocks.0.resnets.0.conv1"
    changed = adapter.changes(export.load_unet(), export.load_student(), adapter.GUIDANCE)
    assert {name.removesuffix(".lora_A.weight") for name in shipped if ".lora_A." in name} == {
        f"unet.{name}" for name in changed
    }
    for name in (layer, adapter.FIRST):
        ((a, b),) = adapter.low_rank({name: changed[name]}, adapter.RANK).values()
        stored = [shipped[f"unet.{name}.lora_{half}.weight"].float().flatten(1) for half in "AB"]
        torch.testing.assert_close(
            stored[1] @ stored[0], b.flatten(1) @ a.flatten(1), atol=1e-3, rtol=1e-2
        )


def test_the_teacher_draws_in_four_calls_with_it():
    prompts = [
        "a cat", "a red square", "a dog wearing a crown", "two green circles", "a rocket at night",
        "a blue star above a cow", "a pizza", "three yellow circles",
    ]  # fmt: skip
    playground = Playground("emoji-world", lora="few-steps")
    recipes = [playground.recipe(p, seed=i) for i, p in enumerate(prompts)]
    asked = recipe_of({"prompt": prompts[0], "lora": "few-steps", "steps": 2})
    for name, value in loras.BUILT_IN["few-steps"].settings.items():
        assert {getattr(one, name) for one in recipes} == {value}
        assert getattr(asked, name) == (2 if name == "steps" else value)
    drawn = [one.record.picture for one in playground.draw_all(recipes)]
    assert {(one.calls, one.rows) for one in drawn} == {(4, 4)}
    seen = oracle.read(oracle.load(), np.stack([one.image for one in drawn]))
    assert measures.adherence(prompts, seen)["lenient"] >= 6 / 8
