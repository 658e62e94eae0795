"""What cannot be drawn with is refused before a weight is read, in a sentence that says what to do.

Folders and files are damaged copies of a small Stable Diffusion checkpoint.
"""

import json
import struct

import numpy as np
import pytest
from folders import NETWORK, check_sentence, copied, edit, put
from safetensors import safe_open
from safetensors.numpy import save_file

from playground.models import checkpoints, headers, specs
from playground.models.checkpoints import CheckpointError, inspect
from playground.models.families import UnknownFamilyError
from playground.models.headers import DamagedFileError

PART = "diffusion_pytorch_model-00001-of-00002.safetensors"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4665\nsize 12345\n"


@pytest.fixture
def folder(tiny_pipeline, tmp_path):
    """A whole checkpoint that a test may damage."""
    return copied(tiny_pipeline("sd15"), tmp_path / "sd15")


def weights(folder):
    return (folder / NETWORK).read_bytes()


def header_says(folder, change):
    """The network's header, with other facts of one tensor."""
    raw = weights(folder)
    (length,) = struct.unpack("<Q", raw[:8])
    said = json.loads(raw[8 : 8 + length])
    name = "conv_in.weight"  # of four dimensions
    said[name] = change(said[name])
    new = json.dumps(said).encode()
    put(folder / NETWORK, struct.pack("<Q", len(new)) + new + raw[8 + length :])


def shards(folder, **listed):
    """The network as two files and their index; `listed` changes where tensors are said to be."""
    with safe_open(folder / NETWORK, "np") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    names = sorted(tensors)
    parts = names[::2], names[1::2]
    place = (folder / NETWORK).parent
    (folder / NETWORK).unlink()
    where = {}
    for number, part in enumerate(parts, 1):
        file = f"diffusion_pytorch_model-0000{number}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, place / file)
        where |= dict.fromkeys(part, file)
    index = {"metadata": {}, "weight_map": where | listed}
    put(place / "diffusion_pytorch_model.safetensors.index.json", index)
    return place


def pickled_alone(folder):
    (folder / NETWORK).unlink()
    put(folder / "unet/diffusion_pytorch_model.bin", b"\x80\x04")


def variant_alone(folder):
    file = folder / NETWORK
    file.rename(file.with_name("diffusion_pytorch_model.fp16.safetensors"))


def lost_shard(folder):
    (shards(folder) / "diffusion_pytorch_model-00002-of-00002.safetensors").unlink()


def short_shard(folder):
    file = shards(folder) / "diffusion_pytorch_model-00002-of-00002.safetensors"
    put(file, file.read_bytes()[:-5])


def custom(config):
    config["auto_map"] = {"AutoModel": "mine.Model"}


def index_of(folder, change):
    edit(folder / "model_index.json", change)


DAMAGES = {  # what is done to the folder, and what is then said
    "no folder": (lambda f: f.rename(f.with_name("moved")), "There is no folder .*: check"),
    "no index": (lambda f: (f / "model_index.json").unlink(), "no model that diffusers stores"),
    "index half there": (lambda f: put(f / "model_index.json", '{"_class'), "json is damaged"),
    "index a list": (lambda f: put(f / "model_index.json", []), "json is damaged"),
    "index nested": (lambda f: put(f / "model_index.json", "[" * 99_999), "json is damaged"),
    "index a pointer": (lambda f: put(f / "model_index.json", POINTER), "LFS pointer.*lfs pull"),
    "no class": (lambda f: index_of(f, lambda i: i.pop("_class_name")), "its own code"),
    "custom pipeline": (
        lambda f: index_of(f, lambda i: i.update(_class_name=["pipeline", "Mine"])), "its own code",
    ),
    "another family": (
        lambda f: index_of(f, lambda i: i.update(_class_name="AudioLDMPipeline")),
        "AudioLDMPipeline cannot be drawn with here; what can: StableDiffusionPipeline, ",
    ),
    "custom component": (
        lambda f: index_of(f, lambda i: i.update(unet=["my_unet", "MyUNet"])),
        "code of its own for its unet, which is never run",
    ),
    "component outside": (
        lambda f: index_of(f, lambda i: i.update({"../unet": i["unet"]})),
        "code of its own for its ../unet",
    ),
    "no network": (lambda f: index_of(f, lambda i: i.pop("unet")), "no unet and no transformer"),
    "auto_map": (
        lambda f: edit(f / "text_encoder/config.json", custom),
        r"auto_map in text_encoder/config.json",
    ),
    "auto_map of a tokenizer": (
        lambda f: edit(
            f / "tokenizer/tokenizer_config.json", custom
        ),
        r"auto_map in tokenizer/tokenizer_config.json",
    ),
    "quantized": (
        lambda f: edit(f / "unet/config.json", lambda c: c.update(quantization_config={"bits": 4})),
        "stored quantized",
    ),
    "component lost": (lambda f: (f / "vae").rename(f / "va"), "no folder vae: download it again"),
    "settings lost": (
        lambda f: (f / "vae/config.json").unlink(), "no vae/config.json: download it again",
    ),
    "schedule lost": (
        lambda f: (f / "scheduler/scheduler_config.json").unlink(), "no scheduler/scheduler_config",
    ),
    "weights lost": (lambda f: (f / NETWORK).unlink(), "no weights of its unet: download"),
    "pickled": (pickled_alone, "pickled file that can run code .* safe_serialization=True"),
    "variant alone": (variant_alone, "its unet only as fp16: add “:fp16”"),
    "weights a pointer": (lambda f: put(f / NETWORK, POINTER), "LFS pointer.*lfs pull"),
    "vocabulary a pointer": (
        lambda f: put(f / "tokenizer/tokenizer.json", POINTER), "json is a Git LFS pointer",
    ),
    "weights empty": (lambda f: put(f / NETWORK, b""), "damaged, or is no .safetensors file"),
    "weights short": (lambda f: put(f / NETWORK, weights(f)[:-1]), "incomplete .*download it"),
    "weights long": (lambda f: put(f / NETWORK, weights(f) + b"\0"), "incomplete or damaged"),
    "header cut": (lambda f: put(f / NETWORK, weights(f)[:200]), "damaged, or is no"),
    "header huge": (
        lambda f: put(f / NETWORK, struct.pack("<Q", 2**63) + weights(f)[8:]), "damaged, or is no",
    ),
    "header a number": (
        lambda f: put(f / NETWORK, struct.pack("<Q", 1) + b"5"), "damaged, or is no",
    ),
    "weights a web page": (lambda f: put(f / NETWORK, "<!DOCTYPE html>" * 99), "damaged, or is no"),
    "unknown dtype": (lambda f: header_says(f, lambda t: t | {"dtype": "X9"}), "damaged, or is no"),
    "shape a lie": (lambda f: header_says(f, lambda t: t | {"shape": [3, 1]}), "damaged, or is no"),
    "negative shape": (
        lambda f: header_says(f, lambda t: t | {"shape": [-n for n in t["shape"]]}), "damaged, or",
    ),
    "tensors on top of each other": (
        lambda f: header_says(f, lambda t: t | {"data_offsets": [4, 8]}), "damaged, or is no",
    ),
    "shard lost": (lost_shard, "1 of 2 files of unet are missing"),
    "shard short": (short_shard, "unet/.*00002-of-00002.safetensors is incomplete"),
    "shard elsewhere": (
        lambda f: shards(f, more="../../x.safetensors"), "files outside of its folder",
    ),
    "tensor in no shard": (lambda f: shards(f, more=PART), "lacks more"),
    "no files in the index": (
        lambda f: put(shards(f) / "diffusion_pytorch_model.safetensors.index.json", {}), "no files",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "said"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_checkpoint_is_refused_in_words(damage, said, folder):
    damage(folder)
    refused = (CheckpointError, DamagedFileError, UnknownFamilyError)
    with pytest.raises(refused, match=said) as caught:
        inspect(folder)
    check_sentence(caught.value)
    with pytest.raises(refused, match=said):
        specs.get(str(folder))


def test_a_whole_checkpoint_is_described(folder):
    found = inspect(folder)
    assert found.family.pipeline == "StableDiffusionPipeline"
    sizes = {file.relative_to(folder).as_posix(): file.stat().st_size for file in found.files}
    assert sizes.keys() == {
        NETWORK, "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors",
    }  # fmt: skip
    assert found.nbytes == sum(sizes.values())
    with safe_open(folder / NETWORK, "np") as opened:
        count = sum(opened.get_tensor(name).size for name in opened.keys())  # noqa: SIM118
    assert found.parameters["unet"] == count


def test_parts_are_as_good_as_one_file(folder):
    whole = inspect(folder)
    shards(folder)
    assert inspect(folder).parameters == whole.parameters
    assert len(inspect(folder).files) == 4


def test_a_variant_is_read_where_it_is_and_the_rest_as_it_is(folder):
    file = folder / NETWORK
    variant = file.with_name("diffusion_pytorch_model.fp16.safetensors")
    file.rename(variant)
    assert set(inspect(folder, "fp16").files) >= {variant, folder / "vae" / file.name}
    assert specs.get(f"{folder}:fp16").variant == "fp16"


def test_what_is_read_again_is_what_has_changed(folder):
    assert specs.get(str(folder)) is specs.get(str(folder))
    put(folder / NETWORK, weights(folder)[:-1])
    with pytest.raises(DamagedFileError):
        inspect(folder)


def test_a_header_says_what_the_file_holds(tmp_path):
    tensors = {"a": np.zeros((2, 3), np.float32), "b": np.zeros((), np.float16), "c": np.zeros(0)}
    save_file(tensors, tmp_path / "x.safetensors", {"made": "by hand"})
    said = headers.read(tmp_path / "x.safetensors")
    assert {name: t.shape for name, t in said.tensors.items()} == {"a": (2, 3), "b": (), "c": (0,)}
    assert (said.parameters, dict(said.metadata)) == (7, {"made": "by hand"})
    assert said.tensors["b"].dtype == "F16"


@pytest.mark.parametrize("name", ["stable.ckpt", "model.safetensors", "readme.txt"])
def test_a_folder_without_an_index_is_told_by_its_files(name, tmp_path):
    (tmp_path / name).write_bytes(b"x")
    said = {
        "stable.ckpt": "only pickled weights", "model.safetensors": "name it: .*model.safetensors",
        "readme.txt": "no model that diffusers stores",
    }  # fmt: skip
    with pytest.raises(CheckpointError, match=said[name]):
        checkpoints.inspect(tmp_path)
