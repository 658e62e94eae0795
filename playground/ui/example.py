"""Write the finished run that a visitor sees on opening: `python -m playground.ui.example`."""

import json

from playground.recipe import Recipe
from playground.ui.drawing import EXAMPLE, draw


def write() -> None:
    *_, finished = draw(Recipe())
    EXAMPLE.write_text(json.dumps(finished))


if __name__ == "__main__":
    write()
