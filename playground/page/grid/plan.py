"""The cells of a grid, and what they will cost."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from playground.page import fits, pricing, serving, switching, together
from playground.page.grid import axes
from playground.page.grid.axes import AXES, NONE, Value
from playground.recipe import FIELDS, Recipe, RecipeError

MOST = 36  # pictures
CALLS = 2000  # network calls of one grid


@dataclass(frozen=True)
class Ask:
    """What a grid is asked for: a recipe, two fields, and their lists as typed."""

    recipe: Recipe
    across: str
    columns: str
    down: str
    rows: str

    def to_dict(self) -> dict[str, str]:
        """For the page, which hands it back when a file of the grid is wanted."""
        return {
            "link": self.recipe.to_query(), "across": self.across, "columns": self.columns,
            "down": self.down, "rows": self.rows,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, said: dict) -> "Ask":
        text = {name: str(said.get(name) or "")[:1000] for name in ("columns", "rows")}
        return cls(
            Recipe.from_query(said.get("link")), said.get("across"), text["columns"],
            said.get("down"), text["rows"],
        )  # fmt: skip


@dataclass(frozen=True)
class Refused:
    """A cell that cannot be drawn, and why, in a sentence."""

    reason: str


@dataclass(frozen=True)
class Plan:
    """`cells` are the recipes row by row; `notes` say what other models change of the recipe."""

    ask: Ask
    columns: tuple[Value, ...]
    rows: tuple[Value, ...]
    cells: tuple[tuple[Recipe | Refused, ...], ...]
    notes: tuple[str, ...]

    @property
    def recipes(self) -> list[Recipe]:
        """Each once: two cells may come to the same recipe."""
        found = (cell for row in self.cells for cell in row if isinstance(cell, Recipe))
        return list(dict.fromkeys(found))

    @property
    def refused(self) -> list[Refused]:
        return [cell for row in self.cells for cell in row if isinstance(cell, Refused)]


def plan(ask: Ask) -> Plan:
    """RecipeError, in words that fit the page, if nothing of it can be drawn."""
    _check_fields(ask)
    columns = tuple(axes.values(ask.recipe, ask.across, ask.columns))
    rows = (Value("", {}),)
    if ask.down != NONE:
        rows = tuple(axes.values(ask.recipe, ask.down, ask.rows))
    count = len(rows) * len(columns)
    if count > MOST:
        raise RecipeError(
            f"{len(columns)} × {len(rows)} = {count} pictures are too many: a grid has at most "
            f"{MOST}."
        )
    cells = tuple(
        tuple(_cell(ask.recipe, down.change | across.change) for across in columns) for down in rows
    )
    made = Plan(ask, columns, rows, cells, tuple(_notes(ask, (*columns, *rows))))
    if not made.recipes:
        raise RecipeError(made.refused[0].reason)
    calls = sum(map(together.calls, made.recipes))
    if calls > CALLS:
        raise RecipeError(
            f"These pictures make {calls:,} network calls; a grid has at most {CALLS:,}: take "
            "fewer values or steps."
        )
    return made


def _made(recipe: Recipe, change: Mapping[str, object]) -> Recipe:
    """Another model comes first, with what it cannot do like the recipe's: see `switching`."""
    model = change.get("model", recipe.model)
    if model != recipe.model:
        recipe, _ = switching.switched(recipe, recipe.model, model)
    return replace(recipe, **change)


def _cell(recipe: Recipe, change: Mapping[str, object]) -> Recipe | Refused:
    try:
        made = _made(recipe, change)
        fit = fits.of(made.model, made.lora)
        for name in set(change) & set(fit.unused):
            if change[name] != FIELDS[name].default:
                label = FIELDS[name].metadata["label"]
                return Refused(f"{label} changes nothing of this model’s pictures.")
        if made.width % fit.multiple or made.height % fit.multiple:
            return Refused(f"{fit.spec.short} draws sides that are multiples of {fit.multiple}.")
        refusal = fit.guidance.refusal(made.guidance)
        return Refused(refusal) if refusal else serving.check(made)
    except ValueError as error:
        return Refused(str(error))


def _notes(ask: Ask, values: tuple[Value, ...]) -> Iterator[str]:
    """What another model changes of the recipe, besides what stands along the axes."""
    axis = {field: getattr(ask.recipe, field) for field in (ask.across, ask.down) if field != NONE}
    for value in values:
        if "model" in value.change:
            made = replace(_made(ask.recipe, value.change), **axis, weights=ask.recipe.weights)
            if made != ask.recipe:
                yield f"{value.label}: {switching.told(ask.recipe, made)}"


def _check_fields(ask: Ask) -> None:
    fit = fits.of(ask.recipe.model, ask.recipe.lora)
    for field in (ask.across, ask.down):
        if field == NONE and field is ask.down:
            continue
        if not isinstance(field, str) or field not in AXES:
            offered = ", ".join(AXES)
            raise RecipeError(f"There is no axis {str(field)[:20]!r}; there are: {offered}.")
        if field in fit.unused and "model" not in (ask.across, ask.down):
            raise RecipeError(f"Along this axis all pictures would be equal. {fit.why_unused}")
    if ask.across == ask.down:
        raise RecipeError("Columns and rows are two different fields.")


def cost(ask: Ask) -> str:
    """What the grid would take, in one sentence."""
    made = plan(ask)
    size = f"{len(made.columns)} × {len(made.rows)}: " if len(made.rows) > 1 else ""
    return size + pricing.sentence(made.recipes, "picture") + _empty(made)


def _empty(made: Plan) -> str:
    """Which places stay empty, and why."""
    reasons = dict.fromkeys(cell.reason for cell in made.refused)
    if not reasons:
        return ""
    number = len(made.refused)
    said = "1 place stays" if number == 1 else f"{number} places stay"
    return f" {said} empty: {' '.join(reasons)}"
