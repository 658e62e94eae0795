"""Lists of numbers and names as visitors type them, everywhere on the page.

0, 1, 2.5     a comma, a semicolon, a space or a new line separates
0,5; 1,5      beside semicolons a comma between digits is a decimal comma
1-10          1, 2, … 10
1-10 (+3)     1, 4, 7, 10
1-10 [4]      four values at equal distances, both ends among them

"0,5" alone could be one number or two. Where whole numbers are asked for it is two; else it is
refused with both ways to write it.
"""

import math
import re
from decimal import Decimal, InvalidOperation

from playground.recipe import RecipeError
from playground.wording import counted

HELP = "Values with commas between them, or a range: 1-10, 1-10 (+3), 1-10 [4]."
LONGEST = 256  # values of one range: more are refused before they are counted out
SMALLEST, LARGEST = Decimal("1e-9"), Decimal("1e9")  # of a range's numbers, besides 0
_DIGITS = r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+"
_SIGNED = rf"[+−-]?(?:{_DIGITS})"
_RANGE = re.compile(
    rf"(?<![^\s,;])(?P<first>{_SIGNED})(?:\s+[-–—]\s+|[-–—]|\s*…\s*|\s*\.\.+\s*)(?P<last>{_SIGNED})"
    rf"(?:\s*\(\s*(?P<step>{_SIGNED})\s*\)|\s*\[\s*(?P<count>[0-9]+)\s*\])?(?![^\s,;])"
)
# Two runs of digits with one comma between them, not three or more: 0,5 but not 0,1,2.
_ONE_OR_TWO = re.compile(r"(?<![0-9,.])[0-9]+,[0-9]+(?![0-9,.])")
_HELD = "\x00"  # in the place of a range while the rest is split


def numbers(text: str, whole: bool = False) -> list[float]:
    """The numbers of a list; RecipeError, in words that fit the page, for what is none.

    `whole` says that whole numbers are asked for, which makes every comma a separator.
    """
    text = text.replace(_HELD, "?")  # which is no number either
    text = re.sub(r"(?<=[0-9]),(?=[0-9]+\s*\))", ".", text)  # of a step: (+0,5)
    if not whole:
        text = re.sub(r"(?<=[0-9]),(?=[0-9])", ".", text) if ";" in text else _unmistakable(text)
    ranges = [_counted_out(found, whole) for found in _RANGE.finditer(text)]
    rest = iter(ranges)
    found: list[float] = []
    for part in names(_RANGE.sub(f" {_HELD} ", text)):
        found += next(rest) if part == _HELD else [number(part)]
    return found


def names(text: str) -> list[str]:
    """The entries of a list, whatever separates them."""
    return re.findall(r"[^,;\s]+", text)


def number(part: str) -> float:
    """One number; RecipeError if it is none, or too large for one."""
    if not re.fullmatch(_SIGNED, part):
        raise RecipeError(f"“{part[:20]}” in the list is not a number.")
    found = float(part.replace("−", "-"))
    if math.isinf(found):
        raise RecipeError(f"“{part[:20]}” in the list is too large.")
    return found


def _unmistakable(text: str) -> str:
    """The text, unless a comma in it may be a decimal one."""
    if found := _ONE_OR_TWO.search(text):
        point, spaced = (found[0].replace(",", by) for by in (".", ", "))
        raise RecipeError(
            f"“{found[0][:30]}” could be one number or two: write {point[:30]} or {spaced[:30]}, "
            "or put semicolons between numbers with decimal commas."
        )
    return text


def _counted_out(found: re.Match, whole: bool) -> list[float]:
    """The values of a range. Decimal, so that 0-1 (+0.1) has eleven of them, and 0.3 is 0.3."""
    first, last = (_exact(found[name]) for name in ("first", "last"))
    if found["count"]:
        count = int(found["count"][:9])  # of more digits, enough of them to be refused
        if not 2 <= count <= LONGEST:
            raise RecipeError(f"“{found[0][:30]}”: a range has 2 to {LONGEST} values.")
        values = [first + (last - first) * i / (count - 1) for i in range(count)]
        # 1-10 [3] of whole numbers: 1, 6, 10; rounded as one expects, a half up
        return [float((v + Decimal("0.5")) // 1) if whole else round(float(v), 9) for v in values]
    step = _exact(found["step"] or "1")
    if not step:
        raise RecipeError(f"“{found[0][:30]}”: steps of 0 come to no end.")
    step = abs(step) if last >= first else -abs(step)
    count = int((last - first) / step) + 1
    if count > LONGEST:
        raise RecipeError(f"“{found[0][:30]}” makes {counted(count, 'value')}; that is too many.")
    return [float(first + i * step) for i in range(count)]


def _exact(text: str) -> Decimal:
    """RecipeError for a number with which counting would take for ever: 0-1e99999999."""
    try:
        found = Decimal(text.replace("−", "-"))
    except InvalidOperation:  # an exponent of twenty digits
        found = Decimal("Infinity")
    if found and not SMALLEST <= found.copy_abs() <= LARGEST:
        raise RecipeError(f"“{text[:20]}” is too large or too small for a range.")
    return found
