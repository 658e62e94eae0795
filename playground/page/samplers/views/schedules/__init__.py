"""Where samplers look: timesteps and σ of every kind of schedule, on one axis and as a list."""

from collections.abc import Sequence
from pathlib import Path

from playground.diffusion.levels import Level
from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)
DIGITS = 4  # of σ


def kind(
    label: str,
    sentence: str,
    source: str,
    used_by: list[str],
    grids: dict[int, tuple[tuple[float, ...], tuple[float, ...]]],
) -> dict:
    """A spacing of steps, used by samplers of these labels; `grids` (timesteps, σ) by steps."""
    return {
        "label": label,
        "sentence": sentence,
        "source": source,
        "used_by": used_by,
        "only": next(iter(grids)) if len(grids) == 1 else None,
        "steps": {
            str(n): {
                "times": [int(t) if t == int(t) else t for t in times],
                "sigmas": [_short(s) for s in sigmas],
            }
            for n, (times, sigmas) in grids.items()
        },
    }


def sigma(level: Level) -> float:
    """σ as its models count it: noise by signal, and in rectified flow the share of noise."""
    return level.noise if level.signal + level.noise == 1 else level.sigma


def all_kinds(kinds: list[dict], levels: Sequence[Level]) -> dict:
    """`levels` of all training timesteps, from the least noise to the most: the ends of the axes.

    `flow` says that σ is the share of noise, as in rectified flow: SNR = ((1 − σ)/σ)².
    """
    ends = levels[0], levels[-1]
    return {
        "kinds": kinds,
        "most": max(int(n) for each in kinds for n in each["steps"]),
        "times": [level.t for level in ends],
        "sigmas": [_short(sigma(level)) for level in ends],
        "flow": ends[1].signal + ends[1].noise == 1,
    }


def _short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
