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
from playground.live import folder, graphs, oracle, rounding, site
from playground.models import cache
from playground.models.latent import LatentModel
from playground.models.load import load
from playground.models.prompt import Condition
from playground.models.specs import ModelSpec
from playground.world.oracle import WEIGHTS

# Whose code decides what the parts are.
ROOMS = ("diffusion", "models", "attention", "engine/backends")
FILES = ("recipe.py", "live/graphs.py", "live/closer.py", "live/sharing.py")
FILES += ("live/rounding.py", "live/parts.py", "live/site.py")
FILES += ("live/optimizing.py", "live/reshaping.py", "live/upsampling.py")
ORACLES = ("world/oracle.py", "world/scene.py", "world/vocabulary.py", "live/graphs.py")
ORACLES += ("live/oracle.py", "engine/backends/exported.py")
LIBRARIES = ("torch", "diffusers", "transformers", "onnx", "onnxruntime")
CHECKED = "a cat wearing a top hat"  # the words, the timestep and w of the stored call
TIMESTEP, SCALE, SEED = 500.0, 5.0, 7


@dataclass(frozen=True)
class Parts:
    """`facts` as in site.json; `contents` by role: network, rounded (the same with weights of 8
    bits), text, decoder, encoder, tokenizer, check and, where there is one, closer (without the
    network's weights).
    """

    facts: dict
    contents: dict[str, bytes]


class Maker:
    """Makes the parts of models; what models share (text encoder, decoder) is made once."""

    def __init__(self):
        self._shared: dict[str, bytes] = {}

    def of(self, spec: ModelSpec) -> Parts:
        return _kept(spec.name, key(spec), lambda: self._made(spec))

    def _made(self, spec: ModelSpec) -> Parts:
        model = load(spec.name)
        network = graphs.network(model)
        contents = {
            "network": network.graph,
            "rounded": rounding.rounded(network.graph),
            "text": self._once(spec.folder / "text_encoder", graphs.text, model),
            "decoder": self._once(spec.folder / "vae", graphs.decoder, model),
            "encoder": self._once(spec.folder / "vae", graphs.encoder, model),
            "tokenizer": (spec.folder / "tokenizer" / "tokenizer.json").read_bytes(),
            "check": json.dumps(stored_call(model)).encode(),
        } | ({"closer": network.closer} if network.closer else {})
        return Parts(site.model(spec, model, network), contents)

    def _once(
        self, of: Path, make: Callable[[LatentModel], bytes], model: LatentModel
    ) -> bytes:  # fmt: skip
        known = f"{make.__name__} {folder.digest(folder.below(of))}"
        if known not in self._shared:
            self._shared[known] = make(model)
        return self._shared[known]


def oracle_graph() -> bytes:
    """The oracle's, made once for the same weights and the same code."""
    files = [*map(_code, ORACLES), *folder.below(WEIGHTS.parent)]
    known = folder.digest(files, LIBRARIES)
    parts = _kept("oracle", known, lambda: Parts({}, {"oracle": oracle.graph()}))
    return parts.contents["oracle"]


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
    code = [file for room in ROOMS for file in sorted(_code(room).rglob("*.py"))]
    files = [*code, *map(_code, FILES), *folder.below(spec.folder)]
    return folder.digest(files, LIBRARIES)


def _code(name: str) -> Path:
    return Path(playground.__file__).parent / name


def _kept(name: str, known: str, make: Callable[[], Parts]) -> Parts:
    """The parts of that digest; made if they are not in the user's cache folder yet."""
    place = cache.folder() / "live" / f"{name}-{known[:16]}"
    if (found := _read(place)) is not None:
        return found
    parts = make()
    _keep(place, parts)
    return parts


def _read(place: Path) -> Parts | None:
    try:
        facts = json.loads((place / "facts.json").read_text(encoding="utf-8"))
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
        (beside / "facts.json").write_text(json.dumps(parts.facts), encoding="utf-8")
        for role, content in parts.contents.items():
            (beside / "files" / role).write_bytes(content)
        shutil.rmtree(place, ignore_errors=True)
        os.replace(beside, place)
    except OSError:
        return
