"""What a single file says of itself is heard: its numbers, scales, what its network predicts."""

import diffusers
import original_names
import pytest
import torch
from folders import check_sentence, copied, edit
from safetensors.torch import save_file

from playground.models import specs
from playground.models.checkpoints import CheckpointError
from playground.models.device import Place
from playground.models.load import load


@pytest.fixture
def settings(tiny_pipeline, tmp_path):
    """The folder beside x.safetensors, whose own weights are not read."""
    return copied(tiny_pipeline("sd15"), tmp_path / "x")


@pytest.fixture
def written(tiny_pipeline, settings):
    """Write a whole Stable Diffusion file with more tensors or metadata; returns its name."""
    weights = original_names.of(tiny_pipeline("sd15"))

    def write(metadata=None, **more: torch.Tensor) -> str:
        file = settings.with_suffix(".safetensors")
        save_file(weights | more, file, metadata)
        return str(file)

    return write


def test_an_autoencoder_is_float32_where_the_network_is_not(written, settings):
    here = Place("cpu", torch.bfloat16)
    model = load(written(), where=here)
    assert model.network.dtype == model.text_encoder.dtype == torch.bfloat16
    expected = diffusers.AutoencoderKL.from_pretrained(settings / "vae").state_dict()
    found = model.vae.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], weight) for name, weight in expected.items())  # unrounded


EMPTY = torch.zeros(0)


@pytest.mark.parametrize(
    ("metadata", "markers", "expected", "zero_snr"),
    [
        ({}, (), "epsilon", False),
        ({}, ("v_pred",), "v_prediction", False),
        ({}, ("v_pred", "ztsnr"), "v_prediction", True),
        ({}, ("ztsnr",), "epsilon", False),  # ε cannot be told from noise alone
        ({"modelspec.prediction_type": "v"}, (), "v_prediction", False),
        ({"modelspec.prediction_type": "v"}, ("ztsnr",), "v_prediction", True),
        ({"modelspec.prediction_type": "epsilon"}, ("v_pred",), "v_prediction", False),
        ({"modelspec.prediction_type": "unknown"}, (), "epsilon", False),
    ],
)
def test_what_its_network_predicts_stands_in_the_file(
    written, metadata, markers, expected, zero_snr
):
    name = written(metadata, **dict.fromkeys(markers, EMPTY))
    spec = specs.get(name)
    assert spec.prediction == expected
    for config in (spec.scheduler_config, spec.checkpoint.scheduler_config):
        assert bool(config.get("rescale_betas_zero_snr")) == zero_snr


def test_so_it_is_drawn_with(written):
    model = load(written(v_pred=EMPTY, ztsnr=EMPTY))
    assert model.prediction.name == "v_prediction"
    assert model.scheduler_config["rescale_betas_zero_snr"] is True


def test_metadata_go_before_the_settings_beside_it(written, settings):
    file = settings / "scheduler/scheduler_config.json"
    edit(file, lambda config: config.update(prediction_type="v_prediction"))
    assert specs.get(written()).prediction == "v_prediction"
    assert specs.get(written({"modelspec.prediction_type": "epsilon"})).prediction == "epsilon"


@pytest.mark.parametrize("name", ["edm_mean", "edm_std", "edm_vpred.sigma_max"])
def test_noise_levels_of_its_own_are_refused(written, name):
    with pytest.raises(CheckpointError, match=r"noise levels of its own \(EDM\)") as caught:
        specs.get(written(**{name: torch.zeros(4)}))
    check_sentence(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "scaled_fp8", "model.diffusion_model.scaled_fp8",
        "model.diffusion_model.input_blocks.1.1.proj_in.scale_weight",
        "model.diffusion_model.input_blocks.1.1.proj_in.weight_scale",
        "model.diffusion_model.input_blocks.1.1.proj_in.comfy_quant",
        "double_blocks.0.img_attn.proj.weight_scale_2",
    ],
)  # fmt: skip
def test_weights_that_were_divided_by_scales_are_refused(written, name):
    """Read as they are, they would draw noise without an error."""
    with pytest.raises(CheckpointError, match="8-bit weights with scales of their own") as caught:
        specs.get(written(**{name: torch.ones(1)}))
    check_sentence(caught.value)
