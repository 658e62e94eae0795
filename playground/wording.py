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
