"""What a recipe's `lora` names: a built-in LoRA or the path of a file, and how strong it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from playground.models import headers
from playground.models.source import SourceError
from playground.paths import ASSETS

LARGEST = 4.0  # of the scale, in both directions
# One such matrix for each layer that is changed: layer.lora_A, lora.down (peft, diffusers),
# lora_down (kohya), processor.to_q_lora.down (older diffusers), processor.qkv_lora1.down (XLabs).
DOWN = re.compile(r"[._]lora\d?[_.](A|down)\.")
_FORM = re.compile(r"(?P<name>.+?)(?::(?P<scale>-?\d+(?:\.\d+)?))?", re.DOTALL)


class LoraError(ValueError):
    """Why a LoRA cannot be used, and what to do."""


@dataclass(frozen=True)
class BuiltIn:
    """`settings` are the fields of a recipe that the LoRA was made for."""

    name: str
    label: str
    model: str
    file: Path
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)


_TABLE = (
    BuiltIn(
        "few-steps", "Few steps (built in)", "emoji-world", ASSETS / "loras/few-steps.safetensors",
        {"sampler": "lcm", "steps": 4, "guidance": 1.0},
    ),
)  # fmt: skip
BUILT_IN = {one.name: one for one in _TABLE}


def read(text: str) -> tuple[str, float]:
    """The path and the scale of "style.safetensors:0.8" or "few-steps"; the scale is 1 unless said.

    Raises SourceError for what can be neither.
    """
    found = _FORM.fullmatch(text)
    name, scale = (found["name"], float(found["scale"] or 1)) if found else ("", 0.0)
    is_file = name.lower().endswith(".safetensors") and not name.startswith(("//", "\\"))
    if not (is_file or name in BUILT_IN) or not -LARGEST <= scale <= LARGEST:
        raise SourceError(
            f"A LoRA is built in ({', '.join(BUILT_IN)}) or the path of a .safetensors file, and "
            "after a colon how strong it is, from −4 to 4: style.safetensors:0.8."
        )
    return (name if is_file else str(BUILT_IN[name].file)), scale


def built_in(text: str) -> BuiltIn | None:
    """The built-in one that a recipe's `lora` names."""
    found = _FORM.fullmatch(text)
    return BUILT_IN.get(found["name"]) if found else None


def settings(text: str) -> Mapping[str, object]:
    """The fields of a recipe that its `lora` was made for; none if it does not say."""
    known = built_in(text)
    return known.settings if known else {}


def check(text: str, model: str) -> int:
    """How many layers the LoRA that a recipe names changes, before that model is read.

    Raises LoraError, SourceError or DamagedFileError for one that cannot be used.
    """
    file = Path(read(text)[0]).expanduser()
    known = built_in(text)
    if known and known.model != model:
        raise LoraError(f"{known.label} changes {known.model} alone: choose that model for it.")
    if not file.is_file():
        raise LoraError(f"There is no LoRA {file}: check how the path is written.")
    changed = sum(bool(DOWN.search(f".{name}")) for name in headers.read(file).tensors)
    if not changed:
        raise LoraError(f"{file.name} is no LoRA: it has no low-rank matrices.")
    if known is None and find_spec("peft") is None:
        raise LoraError("LoRA files need the package peft: install it with “pip install peft”.")
    return changed
