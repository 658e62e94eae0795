"""What an endpoint may be given, one record each: the recipe's fields and a few more."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.diffusion import guidance
from playground.diffusion.samplers import SAMPLERS as SAMPLER_TABLE
from playground.models.specs import MODELS, OWN
from playground.page.guidance.axis import AXES
from playground.page.samplers.race_plan import UNITS
from playground.page.shared import overlay
from playground.recipe import FIELDS, Recipe, RecipeError

MAPS = ("overlay", "arrays")
COUNTS = (5, 10, 20)


@dataclass(frozen=True)
class Parameter:
    """`kind` is its type in Python, `schema` the rest of its JSON Schema. A `default` of None is
    the model's own value, or none.
    """

    name: str
    kind: Any
    help: str
    default: Any = None
    required: bool = False
    schema: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Its help, with its bounds or its names in words."""
        low, high = self.schema.get("minimum"), self.schema.get("maximum")
        bounds = "" if low is None else f" From {low:g} to {high:,.10g}."
        listed = "".join(
            f" {said}: {', '.join(self.schema[key])}."
            for key, said in (("enum", "One of"), ("examples", "Built in"))
            if key in self.schema
        )
        own = self.name in FIELDS and self.default is None and not self.required
        return f"{self.help}{bounds}{listed}{' By default the model’s own.' * own}"

    @property
    def json_schema(self) -> dict[str, Any]:
        said = {} if self.default is None else {"default": self.default}
        return {**self.schema, "description": self.help, **said}


NAMED = {"sampler": SAMPLER_TABLE} | guidance.TABLES
OF_THE_MODEL = tuple(name for name in OWN if name not in ("model", "lora", "weights"))


def _of_field(name: str, whole: Mapping[str, Any]) -> Parameter:
    schema = {k: v for k, v in whole.items() if k not in ("default", "description")}
    if name in NAMED:
        schema = {"title": schema["title"], "type": "string", "enum": list(NAMED[name])}
    if name == "model":
        schema["examples"] = list(MODELS)
    default = None if name in ("prompt", *OF_THE_MODEL) else whole["default"]
    return Parameter(
        name, type(whole["default"]), whole["description"], default, name == "prompt", schema
    )


RECIPE = tuple(_of_field(n, s) for n, s in Recipe.json_schema()["properties"].items() if n != "v")

MAP_KIND = Parameter(
    "maps", str, "Word maps as pictures (overlay) or as numbers (arrays).", MAPS[0],
    schema={"type": "string", "enum": list(MAPS)},
)  # fmt: skip
OVERLAY = Parameter(
    "overlay", str, "How a map is laid over the picture.", overlay.KINDS[0],
    schema={"type": "string", "enum": list(overlay.KINDS)},
)  # fmt: skip
FIELD = Parameter(
    "field", str, "The field of the recipe that takes several values.", "guidance",
    schema={"type": "string", "enum": list(AXES)},
)  # fmt: skip
VALUES = Parameter(
    "values", list, "Its values: numbers, or names for a field that has names. By default those "
    "that the page offers.", schema={"type": "array"},
)  # fmt: skip
SAMPLERS = Parameter(
    "samplers", list, "Names of samplers. By default all that are made for any network and the "
    "model’s own.", schema={"type": "array", "items": {"type": "string"}},
)  # fmt: skip
COUNT = Parameter(
    "counts", list, "How many steps or network calls: a lane for each.", list(COUNTS),
    schema={"type": "array", "items": {"type": "integer"}},
)  # fmt: skip
GUIDANCES = Parameter(
    "guidances", list, "Guidance scales: a lane for each. By default the recipe’s.",
    schema={"type": "array", "items": {"type": "number"}},
)  # fmt: skip
UNIT = Parameter(
    "unit", str, "What lanes are equal in: steps of the sampler, or network calls.", "calls",
    schema={"type": "string", "enum": list(UNITS)},
)  # fmt: skip


def filled(known: Iterable[Parameter], given: object) -> dict[str, Any]:
    """Every parameter's value, given or by default; RecipeError for what is unknown or missing."""
    if not isinstance(given, Mapping):
        raise RecipeError("What is asked for must be a set of named values (a JSON object).")
    table = {one.name: one for one in known}
    if unknown := [str(name)[:40] for name in given if name not in table]:
        listed = ", ".join(table) or "nothing at all"
        raise RecipeError(f"Unknown: {', '.join(unknown[:3])}; what can be given is: {listed}.")
    values = {one.name: _value(one, given.get(one.name)) for one in table.values()}
    if missing := [one.name for one in table.values() if one.required and values[one.name] is None]:
        raise RecipeError(f"Missing: {', '.join(missing)}.")
    return values


def _value(one: Parameter, given: Any) -> Any:
    """The recipe checks its own fields; lists and choices are checked here."""
    if given is None:
        return one.default
    if one.name in FIELDS:
        return given
    if choices := one.schema.get("enum"):
        if given not in choices:
            raise RecipeError(f"{one.name} must be one of: {', '.join(choices)}.")
    elif not isinstance(given, list) or not all(isinstance(v, str | int | float) for v in given):
        raise RecipeError(f"{one.name} must be a list of numbers or names.")
    return given
