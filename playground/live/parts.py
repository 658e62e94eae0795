"""What the browser needs of each model: its facts, its graphs, its tokenizer, one stored call.

Made once for the same weights and the same code, and then kept in the user's cache folder.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import playground
from playground.diffusion.guidance import EMBEDDED
from playground.diffusion.levels import Level
from playground.live import folder, graphs, site
from playground.models import cache
from playground.models.latent import LatentModel
from playground.models.load import load
from playground.models.prompt import Condition
from playground.models.specs import ModelSpec

ROOMS = ("diffusion", "models", "attention", "engine", "live", "world")  # whose code decides
LIBRARIES = ("torch", "diffusers", "transformers", "onnx")
CHECKED = "a cat wearing a top hat"  # the words, the timestep and w of the stored call
TIMESTEP, SCALE, SEED = 500.0, 5.0, 7


@dataclass(frozen=True)
class Parts:
    """`facts` as in site.json; `contents` by role: network, text, decoder, tokenizer, check."""

    facts: dict
    contents: dict[str, bytes]


class Maker:
    """Makes the parts of models; what models share (text encoder, decoder) is made once."""

    def __init__(self):
        self._shared: dict[str, bytes] = {}

    def of(self, spec: ModelSpec) -> Parts:
        place = cache.folder() / "live" / f"{spec.name}-{key(spec)[:16]}"
        if (found := _read(place)) is not None:
            return found
        parts = self._made(spec)
        _keep(place, parts)
        return parts

    def _made(self, spec: ModelSpec) -> Parts:
        model = load(spec.name)
        network = graphs.network(model)
        contents = {
            "network": network.graph,
            "text": self._once(spec.folder / "text_encoder", graphs.text, model),
            "decoder": self._once(spec.folder / "vae", graphs.decoder, model),
            "tokenizer": (spec.folder / "tokenizer" / "tokenizer.json").read_bytes(),
            "check": json.dumps(stored_call(model)).encode(),
        }
        return Parts(site.model(spec, model, network), contents)

    def _once(
        self, of: Path, make: Callable[[LatentModel], bytes], model: LatentModel
    ) -> bytes:  # fmt: skip
        known = folder.digest(folder.below(of))
        if known not in self._shared:
            self._shared[known] = make(model)
        return self._shared[known]


def stored_call(model: LatentModel) -> dict:
    """One network call and its answer, by which the browser judges a device: js/engine/check.js."""
    shape = (model.channels, *model.size)
    latents = torch.randn((1, *shape), generator=torch.Generator().manual_seed(SEED))
    level = Level(0.5**0.5, 0.5**0.5, TIMESTEP)
    told = SCALE if model.guidance_kind is EMBEDDED else None
    answer = model.predict(latents, [level], [Condition(model.encode(CHECKED), told)])
    return {
        "prompt": CHECKED, "seed": SEED, "shape": shape,
        "level": {"signal": level.signal, "noise": level.noise, "t": level.t}, "guidance": SCALE,
        "prediction": np.round(answer.flatten().double().numpy(), 5).tolist(),
    }  # fmt: skip


def key(spec: ModelSpec) -> str:
    """A digest of all that a model's parts are made of."""
    package = Path(playground.__file__).parent
    code = [file for room in ROOMS for file in sorted((package / room).rglob("*.py"))]
    files = [*code, package / "recipe.py", *folder.below(spec.folder)]
    return folder.digest(files, LIBRARIES)


def _read(place: Path) -> Parts | None:
    try:
        facts = json.loads((place / "facts.json").read_text())
        contents = {path.name: path.read_bytes() for path in sorted((place / "files").iterdir())}
    except (OSError, ValueError):
        return None
    return Parts(facts, contents)


def _keep(place: Path, parts: Parts) -> None:
    """Written beside and moved into place; a folder that cannot be written to is no error."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=place.parent))
        (beside / "files").mkdir()
        (beside / "facts.json").write_text(json.dumps(parts.facts))
        for role, content in parts.contents.items():
            (beside / "files" / role).write_bytes(content)
        shutil.rmtree(place, ignore_errors=True)
        os.replace(beside, place)
    except OSError:
        return
