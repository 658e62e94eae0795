"""Write what a training made into assets/, as ordinary diffusers folders with a model card.

Three denoisers share the autoencoder, the text encoder and the tokenizer, which are trained in the
U-Net's folder; the others have copies, so that every folder stands alone.
"""

import copy
import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    LCMScheduler,
    SD3Transformer2DModel,
    UNet2DConditionModel,
)
from diffusers import __version__ as diffusers_version
from safetensors.torch import load_file
from transformers import CLIPTextModel, PreTrainedTokenizerFast

from playground.paths import ASSETS

FOLDER = ASSETS / "models" / "emoji-world"
CARD = "card.json"  # how a model was made
MEASURED = "measured.json"  # what was measured of it, beside the card
LONGEST_ROW = 300  # characters of a line of these files
SHARD = "9MB"  # every file stays below 10 MB, so that git needs no large-file extension

SHARED = {
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
    "vae": ["diffusers", "AutoencoderKL"],
}
ABSENT = ("feature_extractor", "image_encoder", "safety_checker")
ABSENT_IN_FLOW = (
    "feature_extractor", "image_encoder", "text_encoder_2", "text_encoder_3", "tokenizer_2",
    "tokenizer_3",
)  # fmt: skip


def flow_folder() -> Path:
    return FOLDER.with_name(f"{FOLDER.name}-flow")


def student_folder() -> Path:
    return FOLDER.with_name(f"{FOLDER.name}-lcm")


def autoencoder(model: AutoencoderKL, **facts) -> None:
    _save(model, FOLDER / "vae")
    write_card("autoencoder", model, facts)


def text_tower(model: CLIPTextModel, words: PreTrainedTokenizerFast, **facts) -> None:
    # In fp32: transformers loads what is stored, and half precision would not fit a float U-Net.
    model.float().save_pretrained(FOLDER / "text_encoder", max_shard_size=SHARD)
    tokenizer(words)
    write_card("text", model, facts)


def tokenizer(words: PreTrainedTokenizerFast) -> None:
    """How words are spelled and cut; the vocabulary itself belongs to the text encoder."""
    words.save_pretrained(FOLDER / "tokenizer")


def denoiser(model: UNet2DConditionModel, scheduler: DDIMScheduler, **facts) -> None:
    """The U-Net: with what is shared, a folder that stands alone."""
    _save(model, FOLDER / "unet")
    components = SHARED | {"unet": ["diffusers", "UNet2DConditionModel"]}
    _write_index(FOLDER, "StableDiffusionPipeline", scheduler, components, ABSENT)
    write_card("unet", model, facts)


def student(model: UNet2DConditionModel, scheduler: LCMScheduler, **facts) -> None:
    """The consistency student, as a stock `LatentConsistencyModelPipeline`."""
    folder = student_folder()
    _save(model, folder / "unet")
    components = SHARED | {"unet": ["diffusers", "UNet2DConditionModel"]}
    _write_index(folder, "LatentConsistencyModelPipeline", scheduler, components, ABSENT)
    write_card("student", model, facts, folder)


def flow(model: SD3Transformer2DModel, scheduler: FlowMatchEulerDiscreteScheduler, **facts) -> None:
    """The flow model, as a `StableDiffusion3Pipeline` with one text encoder of three."""
    folder = flow_folder()
    _save(model, folder / "transformer")
    components = SHARED | {"transformer": ["diffusers", "SD3Transformer2DModel"]}
    _write_index(folder, "StableDiffusion3Pipeline", scheduler, components, ABSENT_IN_FLOW)
    write_card("flow", model, facts, folder)


def _save(model: torch.nn.Module, folder: Path) -> None:
    copy.deepcopy(model).half().save_pretrained(folder, max_shard_size=SHARD)


def _write_index(folder: Path, pipeline: str, scheduler, components: dict, absent) -> None:
    """`model_index.json`, the scheduler's own file, and copies of what is shared."""
    scheduler.save_pretrained(folder / "scheduler")
    index = {"_class_name": pipeline, "_diffusers_version": diffusers_version}
    if folder != FOLDER:
        for name in SHARED:
            shutil.copytree(FOLDER / name, folder / name, dirs_exist_ok=True)
    components = components | {"scheduler": ["diffusers", type(scheduler).__name__]}
    index |= dict(sorted(components.items())) | {name: [None, None] for name in absent}
    if "safety_checker" in absent:
        index["requires_safety_checker"] = False
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def write_card(part: str, model: torch.nn.Module, facts: dict, folder: Path | None = None) -> None:
    """Replace one part of the card; the checksums are of every weight file now in the folder."""
    folder = folder or FOLDER
    checksums = {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*.safetensors"))
    }
    parameters = sum(p.numel() for p in model.parameters())
    parts = {part: {"parameters": parameters} | facts, "sha256": checksums}
    _update(folder / CARD, parts)


def update_card(folder: Path | None = None, **parts: dict) -> None:
    """Replace these parts of what was measured of the model, and keep the others."""
    _update((folder or FOLDER) / MEASURED, parts)


def card(folder: Path | None = None) -> dict:
    """Everything that is known of an exported model, by part."""
    return _read((folder or FOLDER) / CARD) | _read((folder or FOLDER) / MEASURED)


def facts(part: str, folder: Path | None = None) -> dict:
    """What is known of a part; empty if it was not exported or measured."""
    return card(folder).get(part, {})


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _update(path: Path, parts: dict) -> None:
    path.write_text(written(_read(path) | parts) + "\n", encoding="utf-8")


def written(value, indent: str = "") -> str:
    """JSON with one line for each row: a changed row is a changed line."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list):
        return line
    members = value.values() if isinstance(value, dict) else value
    if len(line) <= LONGEST_ROW and not any(isinstance(each, dict | list) for each in members):
        return line
    inner = indent + " "
    rows = [written(each, inner) for each in members]
    if isinstance(value, dict):
        names = [json.dumps(name, ensure_ascii=False) for name in value]
        rows = [f"{name}: {row}" for name, row in zip(names, rows, strict=True)]
    start, *_, end = line
    return f"{start}\n{inner}" + f",\n{inner}".join(rows) + f"\n{indent}{end}"


def read_weights(files: Iterable[Path]) -> dict[str, torch.Tensor]:
    """The tensors of safetensors files together, in float32."""
    found = {}
    for file in files:
        found |= {name: tensor.float() for name, tensor in load_file(file).items()}
    return found


def load_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(FOLDER / "unet", torch_dtype=torch.float32)


def load_student() -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(
        student_folder() / "unet", torch_dtype=torch.float32
    )


def load_flow() -> SD3Transformer2DModel:
    return SD3Transformer2DModel.from_pretrained(
        flow_folder() / "transformer", torch_dtype=torch.float32
    )


def load_autoencoder() -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(FOLDER / "vae", torch_dtype=torch.float32).eval()


def load_text() -> tuple[CLIPTextModel, PreTrainedTokenizerFast]:
    model = CLIPTextModel.from_pretrained(FOLDER / "text_encoder", dtype=torch.float32).eval()
    return model, PreTrainedTokenizerFast.from_pretrained(FOLDER / "tokenizer")
