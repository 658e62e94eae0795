"""A grid of pictures: every cell opens with its recipe."""

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from playground.page.grid.axes import AXES, NONE
from playground.page.grid.plan import Plan
from playground.page.shared.view import raster, read
from playground.recipe import Recipe

VIEW = read(Path(__file__).parent)


def message(text: str, error: bool = False) -> dict:
    """Only a sentence; the grid stays as it is."""
    return {"kind": "message", "text": text, "error": error}


def stopped() -> dict:
    return message("Stopped; what is finished stays.") | {"stopped": True}


def finished(recipe: Recipe, png: bytes) -> dict:
    return _cell(recipe) | {"png": base64.b64encode(png).decode()}


def unfinished(recipe: Recipe, preview: np.ndarray | None, note: str) -> dict:
    """`preview` is its latest pred_x0 (x̂0), uint8 [h, w, 3]; `note` says how far it is, or why it
    ended.
    """
    shown = None if preview is None else raster(preview)
    return _cell(recipe) | {"preview": shown, "note": note}


def refused(recipe: Recipe, reason: str) -> dict:
    """A place that stays empty, as large as the picture of `recipe`."""
    return _cell(recipe) | {"link": None, "note": reason}


def _cell(recipe: Recipe) -> dict:
    return {"link": recipe.to_query(), "h": recipe.height, "w": recipe.width}


def grid(made: Plan, run: str, cells: Sequence[Sequence[dict]], text: str, share: float) -> dict:
    """`share` 0 … 1 is how much of the grid `run` is done."""
    return {
        "kind": "grid",
        "run": run,
        "ask": made.ask.to_dict(),
        "across": AXES[made.ask.across].label,
        "down": "" if made.ask.down == NONE else AXES[made.ask.down].label,
        "columns": [value.label for value in made.columns],
        "rows": [value.label for value in made.rows],
        "notes": list(made.notes),
        "cells": [list(row) for row in cells],
        "title": made.ask.recipe.prompt,
        "text": text,
        "share": share,
    }
