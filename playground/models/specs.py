"""The models there are: where each comes from, what it is, and what a recipe for it begins with.

Besides those of the table, a folder, a file or a Hub id is a model (see `source`): what it is is
read from its JSON files, without weights.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path

from playground.diffusion import samplers
from playground.diffusion.guidance import CLASSIFIER_FREE, EMBEDDED, Kind
from playground.models import checkpoints, defaults, hub, loras, offered, single, source, weights
from playground.models.checkpoints import INDEX, Checkpoint
from playground.models.source import Source, SourceError
from playground.paths import ASSETS
from playground.recipe import FIELDS, Recipe, RecipeError


@dataclass(frozen=True, eq=False)
class ModelSpec:
    """`folder` is an ordinary diffusers folder. `defaults` are the recipe's fields that differ from
    `Recipe`'s own defaults for this model: size, steps, w, sampler. `name` is what a recipe calls
    it; for a model of the Hub with its commit, so that the recipe means the same everywhere.
    """

    name: str
    label: str
    folder: Path
    side: int  # pixels it was trained at
    largest: int  # longest side it is asked for
    sentence: str
    guidance: Kind = CLASSIFIER_FREE
    defaults: Mapping[str, object] = field(default_factory=dict)
    variant: str = ""
    file: Path | None = None  # of the weights, if it is a single file
    kind: str = ""  # of a built-in model: what tells it from the others

    @cached_property
    def card(self) -> dict:
        """How it was made and what was measured of it; empty for a model that has neither."""
        files = [self.folder / "card.json", self.folder / "measured.json"]
        parts = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
        return {name: found for part in parts for name, found in part.items()}

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """Its files, looked at without reading weights (see `checkpoints.inspect` for errors)."""
        if self.file:
            return single.inspect(self.file)
        return checkpoints.inspect(self.folder, self.variant)

    @cached_property
    def scheduler_config(self) -> dict:
        """The noise schedule that it was trained with, as diffusers stores it."""
        if not self.built_in:  # a single file may say otherwise than the settings beside it
            return self.checkpoint.scheduler_config
        file = self.folder / "scheduler" / "scheduler_config.json"
        return json.loads(file.read_text(encoding="utf-8"))

    @property
    def prediction(self) -> str:
        """What its network predicts, as diffusers calls it."""
        if samplers.is_flow(self.scheduler_config):
            return "flow_prediction"
        return self.scheduler_config.get("prediction_type", "epsilon")

    @property
    def cross_attention(self) -> bool:
        """Whether its image reads the words by layers of their own."""
        found = self.checkpoint
        return found.network.name == "unet" or found.family.pipeline in PATCHED

    @property
    def short(self) -> str:
        """Its label beside those of other built-in models."""
        return self.label.removesuffix(" (built in)")

    @property
    def built_in(self) -> bool:
        return self.name in MODELS

    @property
    def nbytes(self) -> int:
        """Of its weights, as they are stored."""
        return self.checkpoint.nbytes

    @cached_property
    def weights(self) -> str:
        """The digest of its weights that recipes carry; the first time all bytes are read.

        Empty for a model that ships with the code, whose version says it.
        """
        if self.built_in:
            return ""
        return weights.digest(self.checkpoint.files)


MODELS = {
    spec.name: spec
    for spec in (
        ModelSpec(
            "emoji-world", "Emoji world (built in)", ASSETS / "models" / "emoji-world", 128, 256,
            "Our own small latent diffusion model: a U-Net that reads words by cross-attention.",
            kind="U-Net",
        ),
        ModelSpec(
            "emoji-world-flow", "Emoji world, flow (built in)",
            ASSETS / "models" / "emoji-world-flow", 128, 256,
            "A transformer of rectified flow, with the same text encoder and autoencoder.",
            defaults={"sampler": "euler", "steps": 20}, kind="Flow transformer",
        ),
        ModelSpec(
            "emoji-world-lcm", "Emoji world, consistency (built in)",
            ASSETS / "models" / "emoji-world-lcm", 128, 256,
            "The U-Net's student: four steps, w is an input, one row a call.",
            EMBEDDED, {"sampler": "lcm", "steps": 4}, kind="Consistency student",
        ),
    )
}  # fmt: skip


# What a recipe takes from its model when that changes.
PATCHED = ("PixArtSigmaPipeline", "SanaPipeline")  # transformers with cross-attention
OWN = ("model", "weights", "lora", "width", "height", "steps", "sampler", "guidance")


class UnknownModelError(ValueError):
    """No such name in MODELS, and no folder, file or Hub id."""


class NotHereError(ValueError):
    """A model of the Hub that has not been downloaded."""


def get(name: str) -> ModelSpec:
    """The model that a recipe calls `name`, looked up on this machine alone.

    Raises NotHereError for one that must be downloaded first, and ValueErrors in one sentence for
    what is not offered, damaged, or not to be drawn with.
    """
    if name in MODELS:
        return MODELS[name]
    asked = _read(name)
    offered.check(name)
    if asked.kind == source.HUB:
        found = hub.cached(asked)
        if found is None:
            raise NotHereError(
                f"{asked.label} is not on this machine yet: open it first, as “Other model”."
            )
        return _of_folder(found[0], found[1], _changed(found[1]))
    place = Path(asked.where).expanduser()
    if asked.kind == source.FILE:
        return _of_file(asked, place, _changed(place))
    return _of_folder(asked, place, _changed(place))


def _read(name: str) -> Source:
    none = f"There is no model {name[:80]!r}; there are: {', '.join(MODELS)}."
    try:
        asked = source.read(name)
    except SourceError as error:
        raise UnknownModelError(f"{none} {error}") from None
    if asked.kind == source.NAME:
        raise UnknownModelError(f"{none} {source.HOW}")
    return asked


def _changed(place: Path) -> int:
    """When it was last written: what was read of it is read again when that changes."""
    index = place / INDEX
    files = [index, *place.glob("*/*.safetensors")] if index.is_file() else [place]
    try:
        return max(file.stat().st_mtime_ns for file in files)
    except OSError:
        return 0


@lru_cache(maxsize=32)
def _of_folder(asked: Source, folder: Path, changed: int) -> ModelSpec:
    found = checkpoints.inspect(folder, asked.variant)
    return replace(_described(asked, found), folder=folder)


@lru_cache(maxsize=32)
def _of_file(asked: Source, file: Path, changed: int) -> ModelSpec:
    found = single.inspect(file)
    return replace(_described(asked, found), file=file)


def _described(asked: Source, found: Checkpoint) -> ModelSpec:
    begins = defaults.of(found)
    side = int(str(begins["width"]))
    return ModelSpec(
        asked.text, asked.label, found.folder, side, FIELDS["width"].metadata["high"],
        f"{found.family.label}. {found.family.sentence}",
        found.family.guidance(found.config(found.network.name)), begins, asked.variant,
    )  # fmt: skip


def pinned(recipe: Recipe) -> Recipe:
    """The recipe with its model's full name and the digest of its weights.

    Raises RecipeError for a recipe that was made with other weights of the same name.
    """
    spec = get(recipe.model)
    found = digest(spec, recipe.lora)
    if recipe.weights and recipe.weights != found:
        raise RecipeError(
            f"This recipe was made with other weights of {spec.label} ({recipe.weights}; here they "
            f"are {found or 'the built-in ones'}): it would draw another picture."
        )
    return replace(recipe, model=spec.name, weights=found)


def written(model: str, lora: str = "") -> tuple[int, int]:
    """When the files of a model and of a LoRA were last written, in nanoseconds; 0 if built in."""
    spec, file = get(model), None
    if lora and not loras.built_in(lora):
        with suppress(SourceError):  # what can be no LoRA is refused elsewhere
            file = Path(loras.read(lora)[0]).expanduser()
    own = 0 if spec.built_in else _changed(spec.file or spec.folder)
    return own, _changed(file) if file else 0


def digest(spec: ModelSpec, lora: str = "") -> str:
    """Of a model's weights and of a LoRA's, as recipes carry it."""
    if not lora:
        return spec.weights
    file = Path(loras.read(lora)[0]).expanduser()
    if not file.is_file():
        raise RecipeError(f"There is no LoRA {file}: check how the path is written.")
    return f"{spec.weights}+{weights.digest([file])}"


def switched(recipe: Recipe, name: str) -> tuple[Recipe, list[str]]:
    """The recipe for another model, and what changed: one sentence a field.

    What a model is made for becomes the new model's own; words, seed and the like stay.
    """
    spec = get(name)
    usual = Recipe.for_model(spec.name, spec.defaults)
    made = replace(recipe, **{field: getattr(usual, field) for field in OWN})
    return made, [
        f"{FIELDS[field].metadata['label']}: {getattr(made, field) or 'none'} instead of "
        f"{getattr(recipe, field)}."
        for field in OWN
        if field not in ("model", "weights") and getattr(made, field) != getattr(recipe, field)
    ]
