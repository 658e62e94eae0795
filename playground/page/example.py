"""Write what a visitor sees on opening: `python -m playground.page.example`."""

import json

from playground.page import serving
from playground.page.page import LENSES, draw
from playground.recipe import Recipe


def write() -> None:
    serving.ready(Recipe().model)  # as fast as a visitor's second picture
    *_, finished = draw(Recipe())
    parts = [finished, *(lens.example() for lens in LENSES)]
    shown = {name: data for part in parts for name, data in part.items()}
    serving.EXAMPLE.write_text(json.dumps(shown), encoding="utf-8")


if __name__ == "__main__":
    write()
