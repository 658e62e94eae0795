"""The model in assets/: whole, small enough for git, and what its card says."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from test_export import largest_difference

from playground.models import specs
from playground.recipe import Recipe
from playground.training import autoencoder

ROOT = Path(__file__).parents[1]
SPEC = specs.get("emoji-world")


def test_stock_diffusers_draws_the_same_picture(shipped):
    recipe = Recipe(sampler="ddim", steps=20, guidance=7.0)
    assert largest_difference(shipped, SPEC.folder, recipe) <= 2


def test_the_card_has_the_checksum_of_every_weight_file():
    assert SPEC.card["sha256"] == {
        str(file.relative_to(SPEC.folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in SPEC.folder.rglob("*.safetensors")
    }


@pytest.mark.parametrize("part", ["autoencoder", "text", "unet"])
def test_the_card_says_how_each_part_was_made(part, shipped):
    facts = SPEC.card[part]
    assert {"parameters", "recipe", "seed", "steps", "minutes"} <= facts.keys()
    module = {"autoencoder": shipped.vae, "text": shipped.text_encoder, "unet": shipped.unet}[part]
    assert facts["parameters"] == sum(p.numel() for p in module.parameters())


def test_every_tracked_asset_is_small_and_weights_are_safetensors():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "assets"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert files
    assert [f.name for f in files if f.stat().st_size >= 10 * 10**6] == []
    unsafe = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".npy", ".npz"}
    assert [f.name for f in files if f.suffix in unsafe] == []


def test_no_configuration_remembers_where_it_was_made():
    for file in SPEC.folder.rglob("*.json"):
        assert str(ROOT) not in file.read_text()
        assert "_name_or_path" not in file.read_text()


def test_words_it_has_never_seen_are_marked(shipped):
    words = shipped.encode("A cat, riding a zebra on the grass!").words
    assert [w.text for w in words if not w.known] == ["riding", "zebra"]
    assert [w.text for w in words] == ["A", "cat", "riding", "a", "zebra", "on", "the", "grass"]


def test_pictures_survive_the_autoencoder_as_well_as_the_card_says(shipped):
    unseen = autoencoder.whole_scenes(16, seed=31_337)
    found = autoencoder.psnr(unseen, autoencoder.reconstruct(shipped.vae, unseen))
    # Sixteen pictures vary by a decibel around the card's mean over hundreds.
    assert found == pytest.approx(SPEC.card["autoencoder"]["psnr_db"], abs=1.5)


def test_latents_have_about_unit_spread(shipped):
    """The noise schedule is made for that."""
    latents = shipped.vae.encode(autoencoder.whole_scenes(16, seed=31_337)).latent_dist.mode()
    assert latents.mean((0, 2, 3)).abs().max() < 0.3
    assert latents.std((0, 2, 3)).tolist() == pytest.approx([1] * 4, abs=0.3)
