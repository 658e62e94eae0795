"""The models there are: where each comes from, what it is, and what a recipe for it begins with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from playground.diffusion.guidance import CLASSIFIER_FREE, Kind
from playground.paths import ASSETS


@dataclass(frozen=True, eq=False)
class ModelSpec:
    """`folder` is an ordinary diffusers folder. `defaults` are the recipe's fields that differ from
    `Recipe`'s own defaults for this model: size, steps, w, sampler.
    """

    name: str
    label: str
    folder: Path
    side: int  # pixels it was trained at
    largest: int  # longest side it is asked for
    sentence: str
    guidance: Kind = CLASSIFIER_FREE
    defaults: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def card(self) -> dict:
        """How it was made and what was measured of it; empty for a model that has neither."""
        files = [self.folder / "card.json", self.folder / "measured.json"]
        parts = [json.loads(file.read_text()) for file in files if file.exists()]
        return {name: found for part in parts for name, found in part.items()}

    @cached_property
    def scheduler_config(self) -> dict:
        """The noise schedule that it was trained with, as diffusers stores it."""
        return json.loads((self.folder / "scheduler" / "scheduler_config.json").read_text())

    @property
    def prediction(self) -> str:
        """What its network predicts, as diffusers calls it."""
        return self.scheduler_config.get("prediction_type", "epsilon")


MODELS = {
    spec.name: spec
    for spec in (
        ModelSpec(
            "emoji-world", "Emoji world (built in)", ASSETS / "models" / "emoji-world", 128, 256,
            "Our own small latent diffusion model, trained on two CPU cores.",
        ),
    )
}  # fmt: skip


class UnknownModelError(ValueError):
    """No such name in MODELS."""


def get(name: str) -> ModelSpec:
    try:
        return MODELS[name]
    except KeyError:
        raise UnknownModelError(
            f"There is no model {name!r}; there are: {', '.join(MODELS)}."
        ) from None
