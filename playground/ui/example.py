"""Write the finished run that a visitor sees on opening: `python -m playground.ui.example`."""

import json

from playground.recipe import Recipe
from playground.ui import attention_lens, samplers_lens
from playground.ui.drawing import EXAMPLE, draw, ready


def write() -> None:
    ready(Recipe().model)  # as fast as a visitor's second picture
    *_, finished = draw(Recipe())
    square = attention_lens.example(Recipe(prompt="a red square", steps=10))
    EXAMPLE.write_text(json.dumps(finished | square | samplers_lens.example(Recipe())))


if __name__ == "__main__":
    write()
