"""What a recipe's `lora` names: a built-in LoRA or the path of a file, and how strong it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from playground.models.source import SourceError
from playground.paths import ASSETS

LARGEST = 4.0  # of the scale, in both directions
_FORM = re.compile(r"(?P<name>.+?)(?::(?P<scale>-?\d+(?:\.\d+)?))?", re.DOTALL)


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
