"""A diffusers folder, looked at before any weight is read: what it is, and whether it is whole.

Only JSON and the headers of .safetensors files are read; no code of the folder is ever run. Layout:
https://huggingface.co/docs/diffusers/using-diffusers/other-formats
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from playground.models import families, headers
from playground.models.families import Family
from playground.models.headers import Header

INDEX = "model_index.json"
LONGEST = 50_000_000  # bytes of a JSON file: tokenizers have tens of thousands of tokens
PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".msgpack")
LEFT_OUT = ("safety_checker", "feature_extractor", "image_encoder")  # not needed to draw
WEIGHTLESS = ("Tokenizer", "TokenizerFast", "Scheduler", "Processor", "Extractor")
LIBRARIES = ("diffusers", "transformers")
CONVERT = (
    "load it once where you trust it and save it with save_pretrained(…, safe_serialization=True), "
    "or take a version that has .safetensors files"
)


class CheckpointError(ValueError):
    """Why a checkpoint cannot be drawn with, and what to do, in one sentence."""


@dataclass(frozen=True)
class Component:
    """`files` are its .safetensors files with their headers; none for tokenizers, schedulers."""

    name: str
    library: str
    kind: str  # its class
    files: Mapping[Path, Header]

    @property
    def parameters(self) -> int:
        return sum(header.parameters for header in self.files.values())

    @property
    def nbytes(self) -> int:
        """As stored."""
        return sum(header.size for header in self.files.values())


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a diffusers folder holds, its weights unread.

    With a `file` the network's weights come from there, and all weights if it is `whole`.
    `schedule` is what that file says itself of its scheduler's settings.
    """

    folder: Path
    variant: str
    family: Family
    components: tuple[Component, ...]
    file: Path | None = None
    whole: bool = False
    schedule: Mapping[str, object] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, int]:
        """By component, of those that have weights; of a whole file by how its names begin."""
        if self.file and self.whole:
            found: dict[str, int] = {}
            for name, tensor in self.network.files[self.file].tensors.items():
                begins = name.partition(".")[0]
                found[begins] = found.get(begins, 0) + tensor.count
            return found
        return {part.name: part.parameters for part in self.components if part.files}

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of weights."""
        return tuple(file for part in self.components for file in part.files)

    @property
    def network(self) -> Component:
        """The denoiser."""
        return next(c for c in self.components if c.name in ("unet", "transformer"))

    @property
    def nbytes(self) -> int:
        return sum(component.nbytes for component in self.components)

    def config(self, component: str) -> dict:
        """A component's settings; empty if it has none."""
        for name in ("config.json", "scheduler_config.json"):
            if (file := self.folder / component / name).is_file():
                return _json(file, f"{component}/{name}")
        return {}

    @cached_property
    def scheduler_config(self) -> dict:
        return {**self.config("scheduler"), **self.schedule}


def inspect(folder: Path, variant: str = "", with_weights: bool = True) -> Checkpoint:
    """What the folder holds, or only its settings. Raises CheckpointError, DamagedFileError or
    UnknownFamilyError for what cannot be drawn with.
    """
    family, named = read_index(folder)
    parts = tuple(
        _component(folder, name, library, kind, variant, with_weights)
        for name, (library, kind) in named.items()
    )  # fmt: skip
    if not any(c.name in ("unet", "transformer") for c in parts):
        raise CheckpointError(
            f"{folder.name} has no unet and no transformer: nothing to draw with."
        )
    return Checkpoint(folder, variant, family, parts)


def read_index(folder: Path) -> tuple[Family, dict[str, tuple[str, str]]]:
    """The family, and the library and class of every component that drawing needs."""
    file = folder / INDEX
    if not folder.is_dir():
        raise CheckpointError(f"There is no folder {folder}: check how the path is written.")
    if not file.is_file():
        raise CheckpointError(_no_index(folder))
    index = _json(file, INDEX)
    kind = index.get("_class_name")
    if not isinstance(kind, str):
        raise CheckpointError(
            f"{folder.name} wants a pipeline of its own code, which is never run here; choose a "
            "checkpoint of a stock pipeline."
        )
    family = families.get(kind)
    return family, {
        name: _named(folder, name, entry)
        for name, entry in index.items()
        if isinstance(entry, list) and name not in LEFT_OUT and entry != [None, None]
        and not name.startswith("_")
    }  # fmt: skip


def _named(folder: Path, name: str, entry: list) -> tuple[str, str]:
    """Library and class, if both are stock."""
    if len(entry) == 2 and all(isinstance(part, str) for part in entry) and name.isidentifier():
        library, kind = entry
        if library in LIBRARIES and kind.isidentifier():
            return library, kind
    raise CheckpointError(
        f"{folder.name} wants code of its own for its {name[:40]}, which is never run here; choose "
        "a checkpoint with components of diffusers and transformers alone."
    )


def _component(
    folder: Path, name: str, library: str, kind: str, variant: str, with_weights: bool
) -> Component:
    place = folder / name
    if not place.is_dir():
        raise CheckpointError(f"{folder.name} has no folder {name}: download it again, as a whole.")
    for file in sorted(f for f in place.iterdir() if f.suffix in (".json", ".txt", ".model")):
        headers.refuse_pointer(file, f"{name}/{file.name}")
        if file.name.endswith("config.json"):
            _check_config(folder, f"{name}/{file.name}", _json(file, f"{name}/{file.name}"))
    weightless = kind.endswith(WEIGHTLESS)
    settings = "scheduler_config.json" if kind.endswith("Scheduler") else "config.json"
    own = weightless and settings == "config.json"  # tokenizers have files of other names
    if not own and not (place / settings).is_file():
        raise CheckpointError(f"{folder.name} has no {name}/{settings}: download it again.")
    files = _weights(folder, name, library, variant) if with_weights and not weightless else {}
    return Component(name, library, kind, files)


def _check_config(folder: Path, shown: str, config: dict) -> None:
    if "auto_map" in config:
        raise CheckpointError(
            f"{folder.name} wants code of its own (auto_map in {shown}), which is never run here; "
            "choose a checkpoint without it."
        )
    if config.get("quantization_config"):
        raise CheckpointError(
            f"{folder.name} is stored quantized ({shown}), which is not read here; choose the "
            "checkpoint that it was made from."
        )


def _weights(folder: Path, name: str, library: str, variant: str) -> dict[Path, Header]:
    """The component's files of weights, each one whole."""
    place = folder / name
    chosen = choose(folder.name, name, library, variant, {f.name for f in place.iterdir()})
    if chosen.endswith(".json"):
        return _shards(place, name, place / chosen)
    return {place / chosen: headers.read(place / chosen, f"{name}/{chosen}")}


def choose(model: str, name: str, library: str, variant: str, names: Collection[str]) -> str:
    """Of the names of a component's files the one to read: weights, or the index of their parts.

    A component without files of the variant is read as it is: checkpoints often store a variant of
    their large components alone. Raises CheckpointError, with what to do, if there is none.
    """
    stem = "diffusion_pytorch_model" if library == "diffusers" else "model"
    for part in (f".{variant}", "") if variant else ("",):
        for file in (f"{stem}.safetensors.index{part}.json", f"{stem}{part}.safetensors"):
            if file in names:
                return file
    raise CheckpointError(_no_weights(model, name, stem, names))


def _shards(place: Path, name: str, index: Path) -> dict[Path, Header]:
    """The files that an index names; every tensor must be in the file where it is said to be."""
    shown = f"{name}/{index.name}"
    listed = _json(index, shown).get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise CheckpointError(f"{shown} names no files: download it again.")
    names = sorted({str(file) for file in listed.values()})
    if any(Path(file).name != file or not file.endswith(".safetensors") for file in names):
        raise CheckpointError(f"{shown} names files outside of its folder: it is not trusted.")
    if missing := [file for file in names if not (place / file).is_file()]:
        raise CheckpointError(
            f"{len(missing)} of {len(names)} files of {name} are missing ({missing[0][:80]}): "
            "download them."
        )
    found = {place / file: headers.read(place / file, f"{name}/{file}") for file in names}
    for tensor, file in listed.items():
        if tensor not in found[place / file].tensors:
            raise CheckpointError(f"{name}/{file[:80]} lacks {tensor[:80]}: download it again.")
    return found


def _no_weights(model: str, name: str, stem: str, names: Collection[str]) -> str:
    others = (re.fullmatch(rf"{stem}\.(\w+)\.safetensors", file) for file in names)
    indices = (re.fullmatch(rf"{stem}\.safetensors\.index\.(\w+)\.json", file) for file in names)
    if variants := sorted({found[1] for found in (*others, *indices) if found}):
        return f"{model} has its {name} only as {', '.join(variants)}: add “:{variants[0]}”."
    if pickled := sorted(file for file in names if file.endswith(PICKLED)):
        return (
            f"{model} has its {name} only as {pickled[0]}, a pickled file that can run code and is "
            f"never opened here: {CONVERT}."
        )
    return f"{model} has no weights of its {name}: download it again, as a whole."


def _no_index(folder: Path) -> str:
    files = sorted(f.name for f in folder.iterdir())
    single = [name for name in files if name.endswith(".safetensors")]
    if single:
        return f"{folder} has no {INDEX}: to use a single file, name it: {folder / single[0]}."
    if any(name.endswith(PICKLED) for name in files):
        return (
            f"{folder.name} has only pickled weights, which can run code and are never opened "
            f"here: {CONVERT}."
        )
    return (
        f"{folder} is no model that diffusers stores: it has no {INDEX}; name the folder that has."
    )


def _json(file: Path, shown: str) -> dict:
    try:
        if file.stat().st_size > LONGEST:
            raise ValueError("too long")
        headers.refuse_pointer(file, shown)
        found = json.loads(file.read_bytes())
        if not isinstance(found, dict):
            raise ValueError("not a set of named values")
    except headers.DamagedFileError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{shown} is damaged: download it again.") from error
    return found
