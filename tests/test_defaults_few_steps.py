"""Networks that were distilled to few steps begin with few, in whatever pipeline they lie."""

from dataclasses import replace

import diffusers
import pytest
import torch
from folders import copied, edit

from playground.diffusion.guidance import CLASSIFIER_FREE, EMBEDDED
from playground.engine.engine import Engine
from playground.measuring.tiny import pipelines
from playground.models import families, specs
from playground.models.load import load
from playground.recipe import Recipe

LCM = families.get("LatentConsistencyModelPipeline").defaults


def begins(folder) -> tuple:
    said = specs.get(str(folder)).defaults
    return said["sampler"], said["steps"], said["guidance"]


@pytest.fixture
def with_w(tiny_pipeline, tmp_path):
    """A U-Net that takes w as an input, stored as Stable Diffusion."""
    folder = copied(tiny_pipeline("lcm"), tmp_path / "lcm")
    edit(folder / "model_index.json", lambda i: i.update(_class_name="StableDiffusionPipeline"))
    # diffusers warns of another one there.
    edit(folder / "scheduler/scheduler_config.json", lambda config: config.update(steps_offset=1))
    return folder


def test_a_network_that_takes_w_as_an_input_is_known_before_it_is_opened(with_w):
    assert begins(with_w) == (LCM["sampler"], LCM["steps"], LCM["guidance"])
    assert specs.get(str(with_w)).guidance is EMBEDDED
    assert load(str(with_w)).guidance_kind is EMBEDDED


def test_so_is_one_of_sdxl():
    """Its configuration alone: latent-consistency/lcm-sdxl."""
    of = families.get("StableDiffusionXLPipeline").guidance
    assert of({"time_cond_proj_dim": 256}) is EMBEDDED
    assert of({"time_cond_proj_dim": None}) is of({}) is CLASSIFIER_FREE


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_the_scheduler_of_consistency_models_means_few_steps(family, tiny_pipeline, tmp_path):
    """As where a LoRA of LCM was fused in: w is no input, and none was distilled in."""
    folder = copied(tiny_pipeline(family), tmp_path / family)
    assert begins(folder)[1] >= 20
    file = folder / "scheduler/scheduler_config.json"
    edit(file, lambda config: config.update(_class_name="LCMScheduler"))
    index = folder / "model_index.json"
    edit(index, lambda i: i.update(scheduler=["diffusers", "LCMScheduler"]))
    assert begins(folder) == (LCM["sampler"], LCM["steps"], 1.0)
    assert specs.get(str(folder)).guidance is CLASSIFIER_FREE
    assert load(str(folder)).guidance_kind is CLASSIFIER_FREE


def test_an_sdxl_network_that_takes_w_answers(tmp_path):
    torch.manual_seed(0)
    pipeline = pipelines.sdxl(diffusers.LCMScheduler(**pipelines.SD_SCHEDULE))
    config = {k: v for k, v in pipeline.unet.config.items() if not k.startswith("_")}
    pipeline.unet = diffusers.UNet2DConditionModel(**config | {"time_cond_proj_dim": 16})
    pipeline.save_pretrained(tmp_path / "x")
    model = load(str(tmp_path / "x"))
    assert model.guidance_kind is specs.get(str(tmp_path / "x")).guidance is EMBEDDED
    assert begins(tmp_path / "x") == (LCM["sampler"], LCM["steps"], LCM["guidance"])
    recipe = Recipe.for_model(str(tmp_path / "x"), specs.get(str(tmp_path / "x")).defaults)
    picture = Engine(model).draw(replace(recipe, width=64, height=64))
    assert picture.rows == picture.calls == LCM["steps"]
