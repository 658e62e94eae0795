"""The tables of docs/api.md, from the endpoints: `python -m playground.api.document`."""

import re
from pathlib import Path

from playground.api.endpoints import ENDPOINTS, Endpoint
from playground.api.parameters import RECIPE, Parameter

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
BEGIN, END = "<!-- endpoints: begin -->", "<!-- endpoints: end -->"


def tables() -> str:
    """Every endpoint, then the recipe's fields, which most of them take."""
    parts = [_endpoint(one) for one in ENDPOINTS.values()]
    recipe = f"### The recipe’s fields\n\n{_table(RECIPE)}"
    return "\n\n".join([*parts, recipe])


def filled(text: str) -> str:
    """The document with its tables between the marks."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.S)
    if not pattern.search(text):
        raise ValueError(f"There are no marks {BEGIN} … {END} in this document.")
    return pattern.sub(lambda _: f"{BEGIN}\n{tables()}\n{END}", text)


def _endpoint(one: Endpoint) -> str:
    method = "POST" if one.parameters else "GET"
    shown = f" As a picture: {one.picture}." if one.picture else ""
    own = [each for each in one.parameters if each not in RECIPE]
    missing = [f"`{each.name}`" for each in RECIPE if each not in one.parameters]
    without = f" without {' and '.join(missing)}" if missing and one.parameters else ""
    takes = f"Takes the recipe’s fields{without}." if one.parameters else "Takes nothing."
    text = f"### {one.name}\n\n`{method} /api/v1/{one.name}`. {one.about} Returns {one.returns}."
    return f"{text}{shown} {takes}" + (f"\n\n{_table(own)}" if own else "")


def _table(parameters) -> str:
    rows = [f"| `{one.name}` | {_kind(one)} | {_default(one)} | {one.sentence} |"
            for one in parameters]  # fmt: skip
    return "\n".join(["| name | type | default | what it says |", "|---|---|---|---|", *rows])


def _kind(one: Parameter) -> str:
    return {str: "text", int: "whole number", float: "number", list: "list"}[one.kind]


def _default(one: Parameter) -> str:
    if one.required:
        return "must be given"
    if one.default in (None, ""):
        return "" if one.default is None else "empty"
    return ", ".join(map(str, one.default)) if one.kind is list else f"{one.default}"


if __name__ == "__main__":
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
