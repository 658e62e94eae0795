"""A table of systems, grouped by what they make; a system stands below what it was made from."""

from pathlib import Path

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)
COLUMNS = {
    "backbone": "Network", "conditioning": "What it is told, and how", "objective": "Objective",
    "sampler": "Sampler", "here": "Here",
}  # fmt: skip


def table(groups: list[tuple[str, list[dict]]], unknown: str, closed: str) -> dict:
    """Each group's name and its systems; `unknown` and `closed` are words that are set apart."""
    columns = [{"key": key, "label": label} for key, label in COLUMNS.items()]
    found = [{"name": name, "systems": systems} for name, systems in groups]
    return {"groups": found, "columns": columns, "unknown": unknown, "closed": closed}
