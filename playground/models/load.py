"""Load a model: safetensors only, no code but the libraries' own, nothing from the network."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Parameter, signature
from typing import Any

import diffusers
import torch
import transformers
from torch import nn

from playground.models import device, lora, loras, preview, specs
from playground.models.checkpoints import LEFT_OUT, Checkpoint, CheckpointError, Component
from playground.models.device import Place
from playground.models.latent import LatentModel

Report = Callable[[int, int], None]  # bytes read, bytes in all; raises to stop
LIBRARIES = {"diffusers": diffusers, "transformers": transformers}
# transformers and accelerate patch torch.nn for the whole process while they build a module: two
# builds at the same time leave parameters without data.
_building = threading.Lock()
UNTILED = 1024  # pixels a side that the decoder takes in one piece


def load(
    name: str, with_lora: str = "", report: Report = lambda *_: None, where: Place | None = None
) -> LatentModel:
    """The model of that name (see `specs.get`), in evaluation mode, with a LoRA fused into it.

    `where` says its device and dtype; else it is put where it fits: small networks and autoencoders
    are float32, large networks what the device multiplies fastest.
    Raises a ValueError with one sentence for what cannot be drawn with: see `specs`, `checkpoints`,
    `memory`, `lora`; and what `report` raises.
    """
    spec = specs.get(name)
    if with_lora:
        loras.check(with_lora, spec.name)
    found = spec.checkpoint
    if spec.built_in:
        where = where or Place("cpu", torch.float32)
    with _building, _quiet():
        # What is free is asked when the model before this one has taken its memory.
        where = where or device.place(found.parameters, name)
        pipeline = _pipeline(found, where.dtype, report)
        if with_lora:
            lora.fuse(pipeline, with_lora, spec.name)
        _settle(pipeline, where)
    blank = torch.zeros(1, 3)
    said = spec.card.get("autoencoder", {}).get("preview_map", blank)
    family: Any = found.family.load_class()
    model = family.from_pipeline(spec.name, pipeline, said)
    model.scheduler_config |= found.schedule
    model.device = where.device
    model.nbytes = sum(
        parameter.nbytes
        for part in pipeline.components.values() if isinstance(part, nn.Module)
        for parameter in part.parameters()
    )  # fmt: skip
    if said is blank:
        model.preview_map = preview.of(model)
    return model


def _pipeline(found: Checkpoint, dtype: torch.dtype, report: Report):
    """The stock pipeline with all its components, on the CPU."""
    kind = getattr(diffusers, found.family.pipeline)
    taken = signature(kind).parameters
    left_out = {name: None for name in LEFT_OUT if name in taken}
    if found.file and found.whole:
        report(0, found.nbytes)
        pipeline = _of_file(
            found, kind, torch_dtype=dtype, **left_out, **_autoencoder(found, dtype)
        )
        report(found.nbytes, found.nbytes)
        return pipeline
    done, parts = 0, {}
    for part in found.components:
        report(done, found.nbytes)
        parts[part.name] = _component(found, part, dtype)
        done += part.nbytes
    report(done, found.nbytes)
    # A folder may leave out text encoders: the pipeline must be told that there are none.
    absent = {name: None for name in taken if name not in parts and name != "self"
              and taken[name].default is Parameter.empty}  # fmt: skip
    return kind.from_pretrained(found.folder, local_files_only=True, **(absent | left_out | parts))


def _of_file(found: Checkpoint, kind, **options):
    """What a class of diffusers reads of the checkpoint's single file."""
    assert found.file is not None, "the checkpoint is a single file"
    return _said_in_words(
        found.file.name, kind.from_single_file, str(found.file), config=str(found.folder),
        local_files_only=True, **options,
    )  # fmt: skip


def _autoencoder(found: Checkpoint, dtype: torch.dtype) -> dict[str, nn.Module]:
    """A whole file's autoencoder in float32: its pipeline would read all of it in one dtype."""
    named = [part.kind for part in found.components if part.name == "vae"]
    kind = getattr(diffusers, named[0], None) if named else None
    if dtype == torch.float32 or not hasattr(kind, "from_single_file"):
        return {}
    return {"vae": _of_file(found, kind, subfolder="vae", torch_dtype=torch.float32)}


def _component(found: Checkpoint, part: Component, dtype: torch.dtype):
    """One component; ValueError if weights are missing, which libraries would make up."""
    kind = getattr(LIBRARIES[part.library], part.kind, None)
    if kind is None or not hasattr(kind, "from_pretrained"):
        raise CheckpointError(
            f"Its {part.name} is a {part.kind}, which this version of {part.library} does not know."
        )
    place = found.folder / part.name
    if not part.files:
        return _said_in_words(part.name, kind.from_pretrained, place, local_files_only=True)
    dtype = dtype if part.name != "vae" else torch.float32
    if found.file and found.file in part.files:
        return _of_file(found, kind, subfolder=part.name, torch_dtype=dtype)
    options: dict[str, Any] = {"use_safetensors": True, "local_files_only": True}
    if any(f".{found.variant}." in file.name or f".{found.variant}-" in file.name
           for file in part.files):  # fmt: skip
        options["variant"] = found.variant
    if part.library == "diffusers":
        # If True, modules that other threads build meanwhile may have no data.
        large = part.parameters >= device.SMALL
        options |= {"torch_dtype": dtype, "low_cpu_mem_usage": large}
    else:
        options["dtype"] = dtype
    module, said = _said_in_words(
        part.name, kind.from_pretrained, place, output_loading_info=True, **options
    )
    missing = sorted(said["missing_keys"]) + sorted(str(k) for k in said["mismatched_keys"])
    if missing:
        raise CheckpointError(
            f"The weights of its {part.name} do not fit its settings ({missing[0][:80]}): download "
            "both again."
        )
    return module


def _said_in_words(what: str, read: Callable, *arguments, **options):
    """What a library reads, or in one sentence that it cannot: they raise errors of every kind."""
    try:
        return read(*arguments, **options)
    except MemoryError:
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        plain = "".join(c if c.isprintable() else " " for c in first).rstrip(". ")
        raise CheckpointError(
            f"Its {what} cannot be read, or its weights do not fit its settings ({plain})."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Inside, the libraries write nothing: what they warn of is checked, their errors are said."""
    tools = (diffusers.logging, transformers.logging)
    before = [(tool.get_verbosity(), tool.is_progress_bar_enabled()) for tool in tools]
    try:
        for tool in tools:
            tool.set_verbosity(logging.CRITICAL)
            tool.disable_progress_bar()
        yield
    finally:
        for tool, (level, bars) in zip(tools, before, strict=True):
            tool.set_verbosity(level)
            if bars:
                tool.enable_progress_bar()


def _settle(pipeline, where: Place) -> None:
    """Evaluation mode, on its device; a decoder of large pictures works tile by tile."""
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False)
    vae = pipeline.vae
    if where.device != "cpu" and not vae.config.get("force_upcast", False):
        vae.to(where.dtype)
    _tile(vae)
    if where.offload:
        pipeline.enable_model_cpu_offload(device=where.device)
    elif where.device != "cpu":
        pipeline.to(where.device)


def _tile(vae) -> None:
    """Pictures larger than those are decoded in parts, whose seams are blended, to bound memory."""
    if hasattr(vae, "tile_latent_min_size"):  # AutoencoderKL
        factor = 2 ** (len(vae.config.block_out_channels) - 1)
        vae.enable_tiling()
        vae.tile_sample_min_size, vae.tile_latent_min_size = UNTILED, UNTILED // factor
    elif hasattr(vae, "enable_tiling"):
        step = UNTILED * 7 // 8
        vae.enable_tiling(UNTILED, UNTILED, step, step)
