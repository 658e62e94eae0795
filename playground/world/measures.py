"""Measures of pictures: adherence to the prompt, diversity, saturation.

Pictures are uint8 [n, height, width, 3].
"""

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from playground.world import asked, oracle, verdict
from playground.world.scene import SIDE, Scene

NO_WORDS = "The oracle knows none of these words, so it cannot judge them."
OTHER_SIZE = f"The oracle reads pictures of {SIDE}×{SIDE} pixels only."


class UnjudgeableError(ValueError):
    """Why the oracle cannot judge pictures of a prompt, in one sentence."""


@functools.lru_cache(maxsize=1)
def judge() -> oracle.Oracle:
    return oracle.folded(oracle.load())


@functools.lru_cache(maxsize=1)
def _alone() -> ThreadPoolExecutor:
    """A thread that computes with one core. For one picture PyTorch would divide every layer among
    all cores, and where other threads compute too its threads wait for each other, busily: twice
    the processor's time, and at worst a hundred times the seconds.
    """
    cores = torch.get_num_threads()
    thread = ThreadPoolExecutor(1, "oracle", torch.set_num_threads, (1,))
    thread.submit(torch.get_num_threads).result()
    torch.set_num_threads(cores)  # of all threads but that one, which has its own number already
    return thread


def check(prompt: str, height: int, width: int) -> None:
    """Raises UnjudgeableError if the oracle cannot judge pictures of this prompt and size."""
    if asked.read(prompt) == asked.Asked():
        raise UnjudgeableError(NO_WORDS)
    if (height, width) != (SIDE, SIDE):
        raise UnjudgeableError(OTHER_SIZE)


def measure(prompts: Sequence[str], pictures: np.ndarray, seeds: int) -> dict[str, float]:
    """All measures of pictures that come in groups of `seeds` ≥ 2 of one prompt each.

    `prompts` holds one prompt a picture. Diversity is the mean over the groups.
    """
    found = adherence(prompts, oracle.read(judge(), pictures))
    features = oracle.features(judge(), pictures).split(seeds)
    found["diversity"] = float(np.mean([diversity(part) for part in features]))
    found["saturation"] = saturation(pictures)
    return found


def judged(prompt: str, picture: np.ndarray) -> verdict.Verdict:
    """What a picture uint8 [height, width, 3] shows of its prompt, as the oracle reads it.

    Raises UnjudgeableError as `check` does.
    """
    check(prompt, *picture.shape[:2])
    (seen,) = _alone().submit(oracle.read, judge(), np.stack([picture])).result()
    return verdict.of(prompt, seen)


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
