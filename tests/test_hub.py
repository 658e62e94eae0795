"""Models of the Hub: what is here is used, what is not is downloaded, and failures are said.

The Hub is a small one in this process; huggingface_hub is the real one.
"""

import hashlib

import fake_hub
import huggingface_hub
import pytest
import torch
from fake_hub import COMMIT
from folders import NETWORK, check_sentence, copied, edit, put
from huggingface_hub import constants
from safetensors.torch import save_file

from playground.models import hub, memory, offered, single, specs
from playground.models.checkpoints import CheckpointError
from playground.models.families import UnknownFamilyError
from playground.models.fetch import DOWNLOADING, fetched
from playground.models.hub import HubError
from playground.models.load import load
from playground.models.specs import NotHereError


@pytest.fixture
def repos(tiny_pipeline, tmp_path):
    """The Hub's repositories, as folders that a test may change."""
    folder = copied(tiny_pipeline("sd15"), tmp_path / "repo")
    put(folder / "unet/diffusion_pytorch_model.bin", b"\x80\x04")
    put(folder / "flax_model.msgpack", b"x" * 999)
    put(folder / "README.md", "# A model")
    put(folder / "unet/diffusion_pytorch_model.fp16.safetensors", (folder / NETWORK).read_bytes())
    return {"owner/name": folder}


@pytest.fixture
def asked(repos, tmp_path, monkeypatch):
    """What the small Hub has been asked; an empty cache."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with fake_hub.serving(repos) as (address, asked):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE",
                            address + "/{repo_id}/resolve/{revision}/{filename}")  # fmt: skip
        api = huggingface_hub.HfApi(endpoint=address)
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
        yield asked


def test_a_model_is_downloaded_once_and_drawn_with(asked, repos):
    with pytest.raises(NotHereError, match="owner/name is not on this machine yet: open it"):
        specs.get("owner/name")
    told = []
    spec = fetched("owner/name", lambda *facts: told.append(facts))
    assert spec.name == f"owner/name@{COMMIT}"
    gotten = {line.rpartition("/")[2] for line in asked if line.startswith("GET")}
    assert "config.json" in gotten
    assert not {name for name in gotten if name.endswith((".bin", ".msgpack", ".md"))}
    assert "diffusion_pytorch_model.fp16.safetensors" not in gotten
    loads = [(done, total) for state, done, total in told if state == DOWNLOADING]
    assert loads == sorted(loads)
    assert loads[-1][0] == loads[-1][1] > spec.nbytes
    asked.clear()
    assert fetched("owner/name").name == spec.name
    assert specs.get(spec.name).weights == spec.weights
    assert load(spec.name).name == spec.name
    assert asked == []  # what is here is not asked for again
    files = sorted(hashlib.sha256(f.read_bytes()).hexdigest() for f in spec.checkpoint.files)
    assert spec.weights == hashlib.sha256("\n".join(files).encode()).hexdigest()[:12]


def test_a_variant_and_a_revision(asked):
    spec = fetched("owner/name@main:fp16")
    assert spec.name == f"owner/name@{COMMIT}:fp16"
    assert "diffusion_pytorch_model.fp16.safetensors" in {f.name for f in spec.checkpoint.files}
    assert not any(NETWORK in line for line in asked)


def test_a_download_that_was_stopped_goes_on(asked, repos):
    class StoppedError(Exception):
        pass

    def report(state, done, total):
        if done > total / 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        fetched("owner/name", report)
    spec = fetched("owner/name")
    assert spec.checkpoint.nbytes > 0
    again = [line for line in asked if line.startswith("GET") and line.endswith("config.json")]
    assert len(again) == len(set(again))  # what had come whole was not fetched again


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("owner/gated", "is gated: accept its terms on .* set HF_TOKEN, or run “hf auth login”"),
        ("owner/private", "has no model owner/private that you may see: .*HF_TOKEN.*./owner"),
        ("owner/nothing", "has no model owner/nothing"),
        ("owner/name@v9", "owner/name has no revision 'v9'"),
    ],
)
def test_what_the_hub_does_not_give_is_said(text, said, asked):
    with pytest.raises(HubError, match=said) as caught:
        fetched(text)
    check_sentence(caught.value)


def test_without_a_network_one_is_told(tmp_path, monkeypatch, asked):
    api = type(huggingface_hub.HfApi())(endpoint="http://127.0.0.1:9")  # nobody listens
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
    with pytest.raises(
        HubError, match="not on this machine and the Hub cannot be reached"
    ) as caught:
        fetched("owner/name")
    check_sentence(caught.value)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubError, match="HF_HUB_OFFLINE forbids"):
        fetched("owner/name")


def weights_asked(asked) -> list[str]:
    return [line for line in asked if line.startswith("GET") and "safetensors" in line]


def test_what_cannot_be_drawn_with_is_refused_before_its_weights_come(asked, repos, monkeypatch):
    folder = repos["owner/name"]
    edit(folder / "model_index.json", lambda index: index.update(_class_name="AudioLDMPipeline"))
    with pytest.raises(UnknownFamilyError, match="AudioLDMPipeline"):
        fetched("owner/name")
    assert weights_asked(asked) == []


def test_only_pickled_weights_are_refused_before_anything_large_comes(asked, repos):
    (repos["owner/name"] / NETWORK).unlink()
    (repos["owner/name"] / "unet/diffusion_pytorch_model.fp16.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"its unet only as diffusion_pytorch_model.bin"):
        fetched("owner/name")
    assert weights_asked(asked) == []


def test_no_diffusers_checkpoint_is_refused(asked, repos):
    (repos["owner/name"] / "model_index.json").unlink()
    put(repos["owner/name"] / "big.safetensors", b"x")
    with pytest.raises(HubError, match=r"download one of its files, such as big.safetensors"):
        fetched("owner/name")


def test_too_little_memory_or_disk_is_said_before_weights_come(asked, monkeypatch):
    monkeypatch.setattr(memory, "most_free", lambda: 1000)
    with pytest.raises(memory.NotEnoughMemoryError, match="owner/name needs about"):
        fetched("owner/name")
    monkeypatch.setattr(memory, "most_free", lambda: 2**40)
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda _: type("", (), {"free": 5_000})())
    with pytest.raises(HubError, match="of disk and 0 MB are free: make room, or set HF_HOME"):
        fetched("owner/name")
    assert weights_asked(asked) == []


def test_a_whole_single_file_fetches_settings_alone(asked, repos, tmp_path, monkeypatch):
    monkeypatch.setitem(single.SETTINGS, "StableDiffusionPipeline", "owner/name")
    names = ("model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.x",
             "cond_stage_model.transformer.x")  # fmt: skip
    file = tmp_path / "tuned.safetensors"
    save_file({name: torch.zeros(2, 4) for name in names}, file)
    spec = fetched(str(file))
    assert spec.checkpoint.whole
    assert weights_asked(asked) == []
    assert spec.folder.name == COMMIT


def test_nothing_is_asked_for_a_model_that_is_not_offered(asked, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "owner/space")
    with pytest.raises(offered.NotOfferedError):
        fetched("owner/name")
    assert fetched("emoji-world").built_in
    assert asked == []
