"""Write the finished run that a visitor sees on opening: `python -m playground.page.example`."""

import json

from playground.page.attention import lens
from playground.page.samplers import lens as samplers_lens
from playground.page.serving import EXAMPLE, draw, ready
from playground.recipe import Recipe


def write() -> None:
    ready(Recipe().model)  # as fast as a visitor's second picture
    *_, finished = draw(Recipe())
    square = lens.example(Recipe(prompt="a red square", steps=10))
    EXAMPLE.write_text(json.dumps(finished | square | samplers_lens.example(Recipe())))


if __name__ == "__main__":
    write()
