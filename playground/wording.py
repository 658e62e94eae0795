"""How shares and counts are written, alike on the page and in the README."""

import math


def points(share: float) -> int:
    """Whole percent. Half of one rounds up, also where its binary fraction lies a hair below."""
    return math.floor(100 * share + 0.5 + 1e-9)


def percent(share: float, digits: int = 0) -> str:
    """As `percent` in page/shared/shared.js."""
    scale = 10**digits
    return f"{points(scale * share) / scale:.{digits}f} %"


def counted(number: int, noun: str) -> str:
    """As `counted` in page/shared/shared.js: 1 step, 15 steps."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def wilson(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """The interval that holds the true share if `count` independent trials showed this one.

    `z` standard errors wide to either side, by default the 95 % interval. Also of 0 and 1 it has
    a width, which share ± √(share·(1 − share)/count) has not. Wilson 1927, J. Am. Stat. Assoc. 22,
    209.
    """
    if count < 1 or not 0 <= share <= 1:
        raise ValueError(f"There is no share {share} of {count}.")
    shrink = 1 + z * z / count
    middle = (share + z * z / (2 * count)) / shrink
    half = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) / shrink
    return max(0.0, middle - half), min(1.0, middle + half)


def between(share: float, count: int) -> str:
    """The 95 % interval of a share of `count` trials: 95 to 99 %."""
    low, high = wilson(share, count)
    return f"{points(low)} to {points(high)} %"
