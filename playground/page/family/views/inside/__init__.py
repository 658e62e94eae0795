"""Diagrams of networks: their inputs, their blocks, and which way each input goes in."""

from dataclasses import asdict, dataclass
from pathlib import Path

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)


@dataclass(frozen=True)
class Box:
    """An input or a block, and the shape of what it holds for one row."""

    label: str
    shape: str


@dataclass(frozen=True)
class Arrow:
    """From an input to blocks, by position; `way` is a way's name, or "latents"."""

    way: str
    start: int
    ends: list[int]


@dataclass(frozen=True)
class Use:
    """What a network does in one way, with its numbers."""

    way: str
    text: str


def diagram(
    label: str, inputs: list[Box], blocks: list[Box], arrows: list[Arrow], uses: list[Use],
    kind: str,
) -> dict:  # fmt: skip
    """One network; `kind` is the field's word for it."""
    return {
        "label": label, "kind": kind, "inputs": [asdict(x) for x in inputs],
        "blocks": [asdict(x) for x in blocks], "arrows": [asdict(x) for x in arrows],
        "uses": [asdict(x) for x in uses],
    }  # fmt: skip


def diagrams(found: list[dict], ways: list[dict]) -> dict:
    """`ways`: each way's `name`, its `label`, and what it is, as `text`."""
    return {"diagrams": found, "ways": ways}
