"""What can be measured of pictures: adherence to the words, diversity, saturation.

Pictures are uint8 [n, height, width, 3].
"""

from collections.abc import Sequence

import numpy as np
import torch

from playground.world import asked
from playground.world.scene import Scene


def adherence(prompts: Sequence[str], seen: Sequence[Scene]) -> dict[str, float]:
    """Share of pictures without a fault: lenient passes over what was not asked for.

    `seen` is what the oracle read in the picture of each prompt.
    """
    wrong = [asked.faults(asked.read(p), s) for p, s in zip(prompts, seen, strict=True)]
    return {
        "lenient": float(np.mean([w <= {"extra"} for w in wrong])),
        "strict": float(np.mean([not w for w in wrong])),
    }


def diversity(features: torch.Tensor) -> float:
    """Mean distance between all pairs of pictures, given their features [n, d], n ≥ 2."""
    return float(torch.pdist(features).mean())


def saturation(pictures: np.ndarray) -> float:
    """Mean over pixels of the distance between the strongest and the weakest channel, 0 … 1."""
    return float((pictures.max(-1) - pictures.min(-1)).mean() / 255)
