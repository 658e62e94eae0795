"""The cells of a grid, and what they will cost."""

from dataclasses import dataclass, replace

from playground.page import fits, pricing, serving, together
from playground.page.grid import axes
from playground.page.grid.axes import AXES, NONE, Value
from playground.recipe import Recipe, RecipeError

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
class Plan:
    """`cells` are the recipes row by row."""

    ask: Ask
    columns: tuple[Value, ...]
    rows: tuple[Value, ...]
    cells: tuple[tuple[Recipe, ...], ...]

    @property
    def recipes(self) -> list[Recipe]:
        """Each once: two cells may come to the same recipe."""
        return list(dict.fromkeys(recipe for row in self.cells for recipe in row))


def plan(ask: Ask) -> Plan:
    """RecipeError, in words that fit the page, for what cannot be drawn."""
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
    changes = [[down.change | across.change for across in columns] for down in rows]
    cells = tuple(
        tuple(serving.check(replace(ask.recipe, **change)) for change in row) for row in changes
    )
    made = Plan(ask, columns, rows, cells)
    calls = sum(map(together.calls, made.recipes))
    if calls > CALLS:
        raise RecipeError(
            f"These pictures make {calls:,} network calls; a grid has at most {CALLS:,}: take "
            "fewer values or steps."
        )
    return made


def _check_fields(ask: Ask) -> None:
    fit = fits.of(ask.recipe.model, ask.recipe.lora)
    for field in (ask.across, ask.down):
        if field == NONE and field is ask.down:
            continue
        if not isinstance(field, str) or field not in AXES:
            offered = ", ".join(AXES)
            raise RecipeError(f"There is no axis {str(field)[:20]!r}; there are: {offered}.")
        if field in fit.unused:
            raise RecipeError(f"Along this axis all pictures would be equal. {fit.why_unused}")
    if ask.across == ask.down:
        raise RecipeError("Columns and rows are two different fields.")


def cost(ask: Ask) -> str:
    """What the grid would take, in one sentence."""
    made = plan(ask)
    size = f"{len(made.columns)} × {len(made.rows)}: " if len(made.rows) > 1 else ""
    return size + pricing.sentence(made.recipes, "picture")
