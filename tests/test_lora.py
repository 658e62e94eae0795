"""A LoRA is fused into the weights, and draws as the stock pipeline draws with it."""

import re

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from folders import check_sentence
from safetensors.torch import load_file, save_file
from torch import nn

from playground.engine.engine import Engine
from playground.models import load as load_module
from playground.models import loras, specs
from playground.models.checkpoints import CheckpointError
from playground.models.headers import DamagedFileError
from playground.models.load import load
from playground.models.loras import LoraError
from playground.page import serving
from playground.recipe import Recipe

peft = pytest.importorskip("peft")
RECIPE = Recipe(prompt="a cat", width=128, height=64, steps=3, guidance=5.0)


@pytest.fixture(scope="module")
def folder(tiny_pipeline):
    return tiny_pipeline("sd15")


def made(folder, place, seed=0):
    """A LoRA of the network, in the way in which training scripts save one."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    config = peft.LoraConfig(r=2, target_modules=["to_q", "to_k", "to_v", "to_out.0"])
    pipeline.unet.add_adapter(config)
    torch.manual_seed(seed)
    for name, weight in pipeline.unet.named_parameters():
        if "lora_" in name:
            nn.init.normal_(weight, std=0.2)
    state = convert_state_dict_to_diffusers(peft.get_peft_model_state_dict(pipeline.unet))
    StableDiffusionPipeline.save_lora_weights(place, unet_lora_layers=state)
    return place / "pytorch_lora_weights.safetensors"


@pytest.fixture(scope="module")
def file(folder, tmp_path_factory):
    return made(folder, tmp_path_factory.mktemp("lora"))


def stock(folder, file, scale) -> np.ndarray:
    """The latents of the stock pipeline with the LoRA beside its weights, not in them."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    if file:
        pipeline.load_lora_weights(str(file), adapter_name="style")
        pipeline.set_adapters("style", scale)
    noise = torch.randn(1, 4, 8, 16, generator=torch.Generator().manual_seed(RECIPE.seed))
    return pipeline(
        RECIPE.prompt, negative_prompt="", guidance_scale=5.0, height=64, width=128,
        num_inference_steps=3, latents=noise, output_type="latent",
    )[0].numpy()[0]  # fmt: skip


def test_it_draws_as_the_stock_pipeline_does_with_it(folder, file):
    model = load(str(folder), f"{file}:0.8")
    ours = Engine(model).draw(RECIPE).latents
    np.testing.assert_allclose(ours, stock(folder, file, 0.8), atol=1e-4)
    assert np.abs(ours - stock(folder, None, 1)).max() > 0.01  # and it changes something
    assert {type(a.to_k) for a in model.cross_attention.values()} == {nn.Linear}
    plain = Engine(load(str(folder))).draw(RECIPE).latents
    np.testing.assert_allclose(plain, stock(folder, None, 1), atol=1e-4)  # the next is without it


def test_a_recipe_says_which_one_it_was_made_with(folder, file, tmp_path):
    recipe = specs.pinned(Recipe(model=str(folder), lora=f"{file}:0.8"))
    plain = specs.pinned(Recipe(model=str(folder)))
    assert recipe.weights.startswith(f"{plain.weights}+")
    other = made(folder, tmp_path, seed=1)
    with pytest.raises(ValueError, match="made with other weights"):
        specs.pinned(Recipe(model=str(folder), lora=str(other), weights=recipe.weights))


def test_one_for_another_model_is_refused(file, tiny_pipeline, folder, tmp_path):
    weights = load_file(file)
    narrow = {name: w[:, :8].clone() if ".down." in name else w for name, w in weights.items()}
    assert any(not torch.equal(narrow[name], w) for name, w in weights.items())
    strange = {name.replace("mid_block", "middle"): w for name, w in weights.items()}
    for name, changed in {"narrow": narrow, "strange": strange}.items():
        save_file(changed, tmp_path / f"{name}.safetensors")
        with pytest.raises(LoraError, match="was made for another base model") as caught:
            load(str(folder), str(tmp_path / f"{name}.safetensors"))
        check_sentence(caught.value)
    with pytest.raises(LoraError, match="another base model"):
        load(str(tiny_pipeline("sdxl")), str(file))


def test_one_with_the_names_of_older_diffusers_is_the_same(folder, file, tmp_path):
    """to_q.lora.down was processor.to_q_lora.down."""
    older = {
        re.sub(r"\.(to_\w+?)(\.0)?\.lora\.", r".processor.\1_lora.", name): weight
        for name, weight in load_file(file).items()
    }
    assert any("processor.to_out_lora.up" in name for name in older)
    save_file(older, tmp_path / "older.safetensors")
    ours, theirs = (
        load(str(folder), str(one)).network.state_dict()
        for one in (tmp_path / "older.safetensors", file)
    )
    assert all(torch.equal(ours[name], weight) for name, weight in theirs.items())


LAYERS = [  # as called by peft, diffusers, kohya, older diffusers, XLabs
    "unet.mid.to_q.lora_A.weight", "unet.mid.to_q.lora.down.weight",
    "lora_unet_mid_to_q.lora_down.weight", "unet.mid.processor.to_q_lora.down.weight",
    "double_blocks.0.processor.qkv_lora1.down.weight",
]  # fmt: skip


@pytest.mark.parametrize("down", LAYERS)
def test_a_lora_is_known_by_the_names_of_those_who_trained_it(down, tmp_path):
    up = down.replace("lora_A", "lora_B").replace("down.", "up.")
    file = tmp_path / "x.safetensors"
    save_file({name: torch.zeros(2, 2) for name in (down, up)}, file)
    assert loras.check(str(file), "any") == 1
    with pytest.raises(CheckpointError, match="is a LoRA: name it as LoRA"):
        specs.get(str(file))


def test_other_files_are_refused(folder, file, tmp_path):
    with pytest.raises(LoraError, match="There is no LoRA"):
        load(str(folder), str(tmp_path / "none.safetensors"))
    save_file({"a.weight": torch.zeros(2)}, tmp_path / "plain.safetensors")
    with pytest.raises(LoraError, match="is no LoRA: it has no low-rank"):
        load(str(folder), str(tmp_path / "plain.safetensors"))
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:-3])
    with pytest.raises(DamagedFileError, match="incomplete or damaged"):
        load(str(folder), str(tmp_path / "cut.safetensors"))


def test_without_peft_it_is_said_what_to_install(folder, file, monkeypatch):
    monkeypatch.setattr(loras, "find_spec", lambda _: None)
    with pytest.raises(LoraError, match="install it with “pip install peft”"):
        load(str(folder), str(file))


def test_a_built_in_one_needs_no_peft_and_changes_what_peft_changes(monkeypatch):
    known = loras.BUILT_IN["few-steps"]
    pipeline = StableDiffusionPipeline.from_pretrained(specs.get(known.model).folder)
    pipeline.load_lora_weights(str(known.file.parent), weight_name=known.file.name)
    pipeline.fuse_lora(lora_scale=0.7)
    pipeline.unload_lora_weights()
    monkeypatch.setattr(loras, "find_spec", lambda _: None)
    ours = load(known.model, "few-steps:0.7").network.state_dict()
    plain = load(known.model).network.state_dict()
    for name, weight in pipeline.unet.state_dict().items():
        torch.testing.assert_close(ours[name], weight, atol=1e-6, rtol=1e-5)
    assert any(not torch.equal(ours[name], weight) for name, weight in plain.items())


def test_what_cannot_be_used_is_said_before_a_model_is_read(folder, file, monkeypatch):
    monkeypatch.setattr(load_module, "_pipeline", lambda *_: 1 / 0)
    for model, text in ((str(folder), "few-steps"), (str(folder), "/none.safetensors")):
        with pytest.raises(LoraError):
            load(model, text)
        with pytest.raises(LoraError):
            next(serving.opening_of("owner/never-fetched", text))


@pytest.mark.parametrize("model", [n for n in specs.MODELS if n != "emoji-world"])
def test_a_built_in_lora_changes_its_own_model_alone(model):
    with pytest.raises(LoraError, match="changes emoji-world alone") as caught:
        load(model, "few-steps")
    check_sentence(caught.value)
