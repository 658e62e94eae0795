"""What drawing several recipes will cost, in one sentence, told before it begins."""

from collections.abc import Sequence

from playground.page import serving, together
from playground.recipe import Recipe
from playground.wording import counted


def sentence(recipes: Sequence[Recipe], noun: str) -> str:
    """With seconds if any call has been measured; what is kept from before costs nothing. `noun` is
    what one of them is called.
    """
    new = [recipe for recipe in recipes if not serving.kept().get(recipe)]
    said = counted(len(recipes), noun)
    if not new:
        return f"{said}, all of them kept from before: nothing is computed."
    before = f", {len(recipes) - len(new)} of them kept" * (len(new) < len(recipes))
    text = f"{said}{before}: {counted(sum(map(together.calls, new)), 'network call')}"
    models = together.by_model(new)
    sessions = [serving.opened(*model) for model in models]
    if not all(sessions):
        return text + "."
    prices = [
        one.price([new[place] for place in places])
        for one, places in zip(sessions, models.values(), strict=True)
    ]
    launches, rows = sum(p.launches for p in prices), sum(p.rows for p in prices)
    text += f", made together in {launches:,} of about {rows / launches:.0f} rows"
    if any(price.seconds is None for price in prices):
        return text + "."
    seconds = sum(price.seconds for price in prices)
    return (
        f"{text}: {launches:,} × {seconds / launches:.2g} s, as measured, ≈ {_rounded(seconds)} s."
    )


def _rounded(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"
