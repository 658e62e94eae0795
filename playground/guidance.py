"""Classifier-free guidance: Ho & Salimans 2022, arXiv 2207.12598, eq. 6.

Their w is ours − 1. Here w = 0 is unconditional, w = 1 conditional, more extrapolates.
Tensors are network predictions [rows, channels, h, w].
"""

from torch import Tensor

UNCOND, COND = "uncond", "cond"


def guide(uncond: Tensor, cond: Tensor, scale: float) -> Tensor:
    """The guided prediction ε = ε_u + w·(ε_c − ε_u)."""
    return uncond + scale * (cond - uncond)


def rescale(guided: Tensor, cond: Tensor, share: float) -> Tensor:
    """Give `guided` back the spread of `cond`, mixed in by `share` φ.

    Lin et al. 2023, arXiv 2305.08891, eq. 15 and 16; spread is the standard deviation of a row.
    """
    axes = tuple(range(1, guided.ndim))
    factor = cond.std(axes, keepdim=True) / guided.std(axes, keepdim=True)
    return share * guided * factor + (1 - share) * guided


def scale_at(recipe, index: int, count: int) -> float:
    """w of step `index` of `count`: outside the recipe's guidance interval it is 1.

    Kynkäänniemi et al. 2024, arXiv 2404.07724. Steps are placed by their middle, so that the
    whole interval [0, 1] holds every step.
    """
    middle = (index + 0.5) / count
    inside = recipe.guidance_start <= middle <= recipe.guidance_stop
    return recipe.guidance if inside else 1.0


def branches(scale: float) -> tuple[str, ...]:
    """The rows that `scale` needs, unconditional first: one row at exactly 0 and 1."""
    return {0.0: (UNCOND,), 1.0: (COND,)}.get(scale, (UNCOND, COND))


def combine(predictions: dict[str, Tensor], scale: float, share: float = 0.0) -> Tensor:
    """One prediction from the branches that were computed."""
    if len(predictions) == 1:
        return next(iter(predictions.values()))
    guided = guide(predictions[UNCOND], predictions[COND], scale)
    return rescale(guided, predictions[COND], share) if share else guided
