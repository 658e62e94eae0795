"""Classifier-free guidance: Ho & Salimans 2022, arXiv 2207.12598, eq. 6; its variants and times.

Their w is ours − 1. Here w = 0 is unconditional, w = 1 conditional, more extrapolates.
Tensors are network predictions [rows, channels, h, w]; a product ⟨a, b⟩ is of whole rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the tables below are read before torch is needed
    from torch import Tensor

UNCOND, COND = "uncond", "cond"


def guide(uncond: Tensor, cond: Tensor, scale: float) -> Tensor:
    """The guided prediction ε = ε_u + w·(ε_c − ε_u)."""
    return uncond + scale * (cond - uncond)


def project(uncond: Tensor, cond: Tensor, scale: float) -> Tensor:
    """c + (w − 1)·(Δ − ⟨Δ, c⟩/‖c‖²·c), Δ = c − u: only what of Δ is orthogonal to c.

    Sadat et al. 2024, arXiv 2410.02416, at η = 0 and without its norm limit and momentum.
    """
    difference = cond - uncond
    along = _dot(difference, cond) / _dot(cond, cond) * cond
    return cond + (scale - 1) * (difference - along)


def fit_uncond(uncond: Tensor, cond: Tensor, scale: float) -> Tensor:
    """s·u + w·(c − s·u) with s = ⟨c, u⟩/‖u‖², the multiple of u that is closest to c.

    Fan et al. 2025, arXiv 2503.18886; the zeroed first steps there are for flow matching.
    """
    fitted = _dot(cond, uncond) / _dot(uncond, uncond) * uncond
    return guide(fitted, cond, scale)


def damp_tangent(uncond: Tensor, cond: Tensor, scale: float) -> Tensor:
    """Guide from u's projection on v, the first right singular vector of the two rows [c; u].

    Kwon et al. 2025, arXiv 2503.18137. For two rows v = cos θ·c + sin θ·u up to its length, with
    tan 2θ = 2⟨c, u⟩/(‖c‖² − ‖u‖²).
    """
    angle = (2 * _dot(cond, uncond)).atan2(_dot(cond, cond) - _dot(uncond, uncond)) / 2
    first = angle.cos() * cond + angle.sin() * uncond
    return guide(_dot(uncond, first) / _dot(first, first) * first, cond, scale)


def damp_large(uncond: Tensor, cond: Tensor, scale: float) -> Tensor:
    """u + (1 + (w − 1)·exp(−8·‖c − u‖/‖u‖))·(c − u): less where the two disagree most.

    MAMBO-G, 2025, arXiv 2508.03442, with its α = 8.
    """
    difference = cond - uncond
    ratio = (_dot(difference, difference) / _dot(uncond, uncond)).sqrt()
    return uncond + (1 + (scale - 1) * (-8 * ratio).exp()) * difference


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(tuple(range(1, a.ndim)), keepdim=True)


def as_it_is(guided: Tensor, cond: Tensor) -> Tensor:
    return guided


def norm_of_rows(guided: Tensor, cond: Tensor) -> Tensor:
    """g·‖c‖/‖g‖, the norms over the last axis: each row of positions gets that of c back.

    Lumina Image 2.0 (Qin et al. 2025, arXiv 2503.21758), as `cfg_normalization` of its pipeline in
    diffusers does by default.
    """
    return guided * (cond.norm(dim=-1, keepdim=True) / guided.norm(dim=-1, keepdim=True))


def norm_of_patches(guided: Tensor, cond: Tensor) -> Tensor:
    """g·‖c‖/‖g‖, the norms over a token: the channels of 2 × 2 positions get that of c back.

    Qwen-Image (Wu et al. 2025, arXiv 2508.02324), as its pipeline in diffusers always does.
    """

    def norm(x: Tensor) -> Tensor:  # [rows, 1, h, w]
        squares = x.square().sum(1, keepdim=True).unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
        return squares.sum((3, 5), keepdim=True).sqrt().expand_as(squares).flatten(4).flatten(2, 3)

    return guided * (norm(cond) / norm(guided))


@dataclass(frozen=True)
class Kind:
    """What w means for a network; `branches` says whether two predictions are combined, `after`
    what is then done to the combined one, given the conditional one.
    """

    name: str
    label: str
    sentence: str
    branches: bool
    after: Callable[[Tensor, Tensor], Tensor] = as_it_is

    def refusal(self, scale: float) -> str | None:
        """Why a network of this kind cannot draw with w = `scale`, or None if it can."""
        if self.name == "distilled" and scale != 1:
            return f"This model was distilled for w = 1 and cannot draw with w = {scale:g}."
        return None


CLASSIFIER_FREE = Kind(
    "classifier_free", "Guidance scale w",
    "ε = ε_u + w·(ε_c − ε_u): two predictions, with and without words, are combined.", True,
)  # fmt: skip
EMBEDDED = Kind(
    "embedded", "Guidance scale w (an input)",
    "w is an input of the network, which has learned what guidance would do: one row a call.",
    False,
)  # fmt: skip
DISTILLED = Kind(
    "distilled", "Guidance scale w (fixed)",
    "The network was distilled for w = 1: one row a call, and no other w.", False,
)  # fmt: skip
Z_IMAGE = Kind(
    "z_image", "Guidance scale w",
    "ε = ε_u + w·(ε_c − ε_u); the guidance_scale of Z-Image's own pipeline is w − 1, so its 0, "
    "which Turbo is made for, is w = 1.", True,
)  # fmt: skip
BY_ROWS = Kind(
    "by_rows", "Guidance scale w (norm kept)",
    "ε = ε_u + w·(ε_c − ε_u), then every row of positions gets the norm of ε_c back, as Lumina "
    "Image 2.0 asks for.", True, norm_of_rows,
)  # fmt: skip
BY_PATCHES = Kind(
    "by_patches", "Guidance scale w (norm kept)",
    "ε = ε_u + w·(ε_c − ε_u), then every patch of 2 × 2 positions gets the norm of ε_c back, as "
    "Qwen-Image asks for.", True, norm_of_patches,
)  # fmt: skip
_KINDS = (CLASSIFIER_FREE, EMBEDDED, DISTILLED, Z_IMAGE, BY_ROWS, BY_PATCHES)
KINDS = {kind.name: kind for kind in _KINDS}


@dataclass(frozen=True)
class Guider:
    """A way to combine the two predictions; each costs two rows a call.

    `clean` says that it works on the two pred_x0 (x̂0), not on what the network predicts. At
    exactly w = 0 and w = 1 only one branch is computed and taken as it is, whatever the guider.
    """

    name: str
    label: str
    guide: Callable[[Tensor, Tensor, float], Tensor]
    sentence: str
    source: str
    clean: bool = False


@dataclass(frozen=True)
class Schedule:
    """Guidance over time: `share` of the way from 1 to w, at 0 … 1 of the guidance interval."""

    name: str
    label: str
    share: Callable[[float], float]
    sentence: str


_GUIDERS = (
    Guider(
        "cfg", "Plain", guide,
        "Adds w times the difference of the two predictions to the unconditional one.",
        "Ho & Salimans 2022, arXiv 2207.12598, eq. 6",
    ),
    Guider(
        "apg", "APG (projected)", project,
        "Leaves out the part of the difference that only lengthens the conditional x̂0.",
        "Sadat et al. 2024, arXiv 2410.02416", clean=True,
    ),
    Guider(
        "cfg_zero", "CFG-Zero*", fit_uncond,
        "First scales the unconditional prediction to fit the conditional one.",
        "Fan et al. 2025, arXiv 2503.18886",
    ),
    Guider(
        "tcfg", "TCFG (tangential)", damp_tangent,
        "Keeps of the unconditional prediction only the direction that both share.",
        "Kwon et al. 2025, arXiv 2503.18137",
    ),
    Guider(
        "magnitude", "Magnitude-aware", damp_large,
        "Guides less at calls where the two predictions differ much.",
        "2025, arXiv 2508.03442",
    ),
)  # fmt: skip
GUIDERS = {guider.name: guider for guider in _GUIDERS}

# Wang et al. 2024, arXiv 2404.13040, compare such shapes at equal mean; ours have an equal peak.
_SCHEDULES = (
    Schedule("constant", "Constant", lambda at: 1.0, "The same w at every guided step."),
    Schedule("up", "Linear up", lambda at: at, "Rises in a line from 1 to w."),
    Schedule("down", "Linear down", lambda at: 1 - at, "Falls in a line from w to 1."),
    Schedule(
        "cosine", "Cosine up", lambda at: (1 - math.cos(math.pi * at)) / 2,
        "Rises from 1 to w, slowly at both ends.",
    ),
)  # fmt: skip
SCHEDULES = {schedule.name: schedule for schedule in _SCHEDULES}
# By the recipe's field.
TABLES: dict[str, dict] = {"guider": GUIDERS, "guidance_schedule": SCHEDULES}


class UnknownGuidanceError(ValueError):
    """No such name in GUIDERS or SCHEDULES."""


def guider(name: str) -> Guider:
    return _get(GUIDERS, name, "guider")


def schedule(name: str) -> Schedule:
    return _get(SCHEDULES, name, "guidance schedule")


def called(field: str, value: float | str) -> str:
    """What a value of one of a recipe's guidance fields is called."""
    return _get(TABLES[field], str(value), field).label if field in TABLES else f"{value:g}"


def _get(table: dict, name: str, kind: str):
    if name not in table:
        raise UnknownGuidanceError(f"There is no {kind} {name!r}; there are: {', '.join(table)}.")
    return table[name]


def rescale(guided: Tensor, cond: Tensor, share: float) -> Tensor:
    """Give `guided` back the spread of `cond`, mixed in by `share` φ.

    Lin et al. 2023, arXiv 2305.08891, eq. 15 and 16; spread is the standard deviation of a row.
    """
    axes = tuple(range(1, guided.ndim))
    factor = cond.std(axes, keepdim=True) / guided.std(axes, keepdim=True)
    return share * guided * factor + (1 - share) * guided


NOT_PLAIN = (
    "The exact solution is known for plain guidance with the same w at every step: set the guider "
    "to Plain, φ to 0, and guidance from 0 until 1."
)


def is_plain(recipe) -> bool:
    """Is a recipe guided by the formula alone, with one w at every step?"""
    interval = (recipe.guidance_start, recipe.guidance_stop, recipe.guidance_schedule)
    constant = interval == (0.0, 1.0, "constant")
    return constant and not recipe.rescale and recipe.guider == "cfg"


def scale_at(recipe, index: int, count: int) -> float:
    """w of step `index` of `count`: outside the recipe's guidance interval it is 1.

    Kynkäänniemi et al. 2024, arXiv 2404.07724. Steps are placed by their middle, so that the
    whole interval [0, 1] holds every step. Inside, the recipe's schedule goes between 1 and w.
    """
    middle, start, stop = (index + 0.5) / count, recipe.guidance_start, recipe.guidance_stop
    if not start <= middle <= stop:
        return 1.0
    share = schedule(recipe.guidance_schedule).share((middle - start) / (stop - start or 1))
    return (1 - share) + share * recipe.guidance


def branches(scale: float, kind: Kind = CLASSIFIER_FREE) -> tuple[str, ...]:
    """The rows that `scale` needs, unconditional first: one row at exactly 0 and 1, and always one
    for a network that has no second branch.
    """
    if not kind.branches:
        return (COND,)
    return {0.0: (UNCOND,), 1.0: (COND,)}.get(scale, (UNCOND, COND))


def rows(recipe, calls: int, kind: Kind = CLASSIFIER_FREE) -> int:
    """Network rows of so many calls of a recipe: two where it is guided."""
    return sum(len(branches(scale_at(recipe, i, calls), kind)) for i in range(calls))


def combine(predictions: dict[str, Tensor], scale: float, how: Guider = GUIDERS["cfg"]) -> Tensor:
    """One prediction from the branches that were computed."""
    if len(predictions) == 1:
        return next(iter(predictions.values()))
    return how.guide(predictions[UNCOND], predictions[COND], scale)
