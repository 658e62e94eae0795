"""A prompt that the emoji world's grammar says, drawn at random."""

import numpy as np

from playground.world import asked, grammar
from playground.world.heldout import is_held_out
from playground.world.scene import Item, Scene


def prompt(seed: int, held_out: bool = False) -> str:
    """The same for the same seed. With `held_out` one that names a combination which no training
    drew (see `world.heldout`); else one without any.
    """
    rng = np.random.default_rng(seed)
    kinds = [kind for kind in grammar.TASKS if kind != "place"]  # something must be there
    while True:
        scene = grammar.sample_scene(rng, grammar.pick(rng, kinds), held_out)
        text = grammar.describe(scene, rng).text
        # A caption may leave a colour or the place unsaid, and with it the combination.
        if is_held_out(_said(text)) == held_out:
            return text


def _said(text: str) -> Scene:
    """The scene that a prompt names, as far as combinations go."""
    read = asked.read(text)
    items = tuple(Item(one.noun, (0, 0), 1, color=one.color, worn=one.worn) for one in read.items)
    return Scene(read.place or "", items)
