"""What a training exports is an ordinary diffusers folder: stock code draws the same picture."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from playground.engine.engine import Engine
from playground.models import specs
from playground.models.load import load
from playground.recipe import Recipe
from playground.training import export
from playground.training.unet import new_schedule


def stock_picture(folder, recipe: Recipe) -> np.ndarray:
    """uint8 [height, width, 3], drawn by diffusers alone from the same noise."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.randn(
        1, 4, recipe.height // 8, recipe.width // 8,
        generator=torch.Generator().manual_seed(recipe.seed),
    )  # fmt: skip
    result = pipeline(
        recipe.prompt,
        negative_prompt=recipe.negative or None,
        guidance_scale=recipe.guidance,
        num_inference_steps=recipe.steps,
        height=recipe.height,
        width=recipe.width,
        latents=noise,
        output_type="np",
    )
    return np.round(result.images[0] * 255).astype(np.uint8)


def largest_difference(model, folder, recipe: Recipe) -> int:
    ours = Engine(model).draw(recipe).image
    return int(np.abs(ours.astype(int) - stock_picture(folder, recipe)).max())


@pytest.fixture(scope="module")
def exported(tiny, tmp_path_factory):
    """The tiny model written as a training writes it, and read again as the app does."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    spec = dataclasses.replace(specs.get("emoji-world"), name="tiny", folder=folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "FOLDER", folder)
        export.autoencoder(tiny.vae, preview_map=[[0.1] * 3] * 5, seed=1)
        export.text_tower(tiny.text_encoder, tiny.tokenizer)
        export.denoiser(tiny.unet, new_schedule(), steps=5)
        patch.setitem(specs.MODELS, "tiny", spec)
        yield folder, load("tiny")


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(prompt="a cat wearing a top hat", sampler="ddim", steps=5, guidance=7),
        Recipe(prompt="a zebra", negative="snow", sampler="ddim", steps=3, width=192, height=64),
        Recipe(prompt="cat " * 75, sampler="ddim", steps=2, seed=2**32 - 1),
    ],
    ids=["plain", "negative and wide", "more words than fit"],
)
def test_stock_diffusers_draws_the_same_picture(recipe, exported):
    folder, model = exported
    assert largest_difference(model, folder, recipe) <= 2


def test_what_is_read_is_what_was_written_up_to_half_precision(tiny, exported):
    _, model = exported
    for part in ("vae", "unet", "text_encoder"):
        written, read = (getattr(m, part).state_dict() for m in (tiny, model))
        assert written.keys() == read.keys()
        for name, values in written.items():
            assert read[name].dtype == torch.float32
            torch.testing.assert_close(read[name], values, atol=1e-6, rtol=2**-11)
    assert torch.equal(model.preview_map, torch.full((5, 3), 0.1))
    assert model.tokenizer.model_max_length == 77
    assert not any(p.requires_grad for p in model.unet.parameters())
    assert not model.vae.training


def test_the_card_keeps_every_parts_facts_and_the_checksums(exported):
    folder, model = exported
    card = json.loads((folder / "card.json").read_text())
    assert card["autoencoder"]["seed"] == 1
    assert card["unet"]["steps"] == 5
    assert card["unet"]["parameters"] == sum(p.numel() for p in model.unet.parameters())
    files = {str(f.relative_to(folder)): f for f in folder.rglob("*.safetensors")}
    assert len(files) == 3
    assert card["sha256"] == {
        name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()
    }


def test_what_was_measured_stands_beside_the_card(exported, monkeypatch):
    folder, _ = exported
    monkeypatch.setattr(export, "FOLDER", folder)
    before = (folder / "card.json").read_text()
    rows = [{"w": 1.0, "right": 0.5}, {"w": 3.0, "right": 1.0}]
    export.update_card(guidance=rows, recording={"pairs": 7})
    assert (folder / "card.json").read_text() == before
    assert json.loads((folder / "measured.json").read_text())["guidance"] == rows
    known = dataclasses.replace(specs.get("tiny")).card  # read now, not as it was before
    assert known["guidance"] == rows
    assert known["unet"]["steps"] == 5
    assert known == export.card()


@pytest.mark.parametrize(
    "value",
    [{}, [], {"ä": []}, [[1, 2], {"a": {"b": None}}], {"long": ["x" * 200, "y" * 200]}, 0.1, "“a”"],
)
def test_the_files_are_json(value):
    assert json.loads(export.written(value)) == value


def test_a_row_is_a_line():
    rows = [{"w": 1.0, "right": 0.5}, {"w": 3.0, "right": 1.0}]
    assert export.written({"guidance": rows}).splitlines() == [
        "{",
        ' "guidance": [',
        '  {"w": 1.0, "right": 0.5},',
        '  {"w": 3.0, "right": 1.0}',
        " ]",
        "}",
    ]


def test_an_unknown_model_is_refused_with_the_valid_names():
    with pytest.raises(specs.UnknownModelError, match=r"'sd15'.*emoji-world"):
        load("sd15")
