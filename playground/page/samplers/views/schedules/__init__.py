"""Where samplers look: timesteps and σ of every kind of schedule, on one axis and as a list."""

from pathlib import Path

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
                "sigmas": [float(f"{s:.{DIGITS}g}") for s in sigmas],
            }
            for n, (times, sigmas) in grids.items()
        },
    }


def all_kinds(kinds: list[dict], sigmas: list[float]) -> dict:
    """`sigmas` of all training timesteps, rising."""
    return {"kinds": kinds, "sigmas": [float(f"{s:.{DIGITS}g}") for s in sigmas]}
