"""Paths of a robot around an obstacle that is dragged; its small networks run in the browser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playground.page.shared.view import pack, read

VIEW = read(Path(__file__).parent)
FINE = 32767  # the largest weight of a layer, as a whole number of 16 bits


@dataclass(frozen=True)
class World:
    """What the browser must know to sample (toys/policy.py) and to judge (toys/obstacle.py)."""

    radius: float
    margin: float
    apart: float
    at_goal: float
    unit: float
    clock: Sequence[float]


def message(text: str, share: float | None = None, error: bool = False) -> dict:
    """A sentence, and while something is learned the `share` 0 … 1 that is done."""
    return {"kind": "message", "text": text, "share": share, "error": error}


def stopped() -> dict:
    return message("Stopped.") | {"stopped": True}


def finished(
    networks: Mapping[str, Sequence[np.ndarray]],
    solved: Mapping[str, Mapping[int, float]],
    runs: int,
    usual: int,
    noise: np.ndarray,
    world: World,
    text: str,
) -> dict:
    """Of each network its layers (`Network.arrays`) and, by the number of calls, the share of
    `runs` scenes that it `solved`; `usual` calls are chosen at first. `noise` is [paths, size].
    """
    return {
        "kind": "finished",
        "networks": {name: [_layer(m) for m in layers] for name, layers in networks.items()},
        "solved": {name: list(shares.items()) for name, shares in solved.items()},
        "runs": runs,
        "usual": usual,
        "noise": pack(noise.astype(np.float32)),
        "paths": len(noise),
        "world": vars(world),
        "text": text,
    }


def _layer(matrix: np.ndarray) -> dict:
    """float32 [inputs + 1, outputs] in 16 bits: rounded by at most 1/65534 of its largest value."""
    scale = float(np.abs(matrix).max()) / FINE
    whole = (matrix / scale).round().astype(np.int16)
    return {"scale": scale, "outputs": matrix.shape[1], "values": pack(whole)}
