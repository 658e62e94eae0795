"""The models there are."""

import json
from dataclasses import dataclass
from pathlib import Path

from playground.paths import ASSETS


@dataclass(frozen=True)
class ModelSpec:
    name: str
    label: str
    folder: Path
    side: int  # pixels it was trained at
    largest: int  # longest side it is asked for
    sentence: str

    @property
    def card(self) -> dict:
        """What was measured and how it was made."""
        return json.loads((self.folder / "card.json").read_text())

    @property
    def prediction(self) -> str:
        """What its network predicts, as diffusers calls it."""
        config = json.loads((self.folder / "scheduler" / "scheduler_config.json").read_text())
        return config.get("prediction_type", "epsilon")


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
