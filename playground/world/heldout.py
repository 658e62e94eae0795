"""Combinations that training never sees, so that generalisation can be shown and measured.

Each entry is an unordered pair of names. A scene is held out when it contains such a pair:
a subject and what it wears, a shape and its colour, two nouns of one scene, or a noun and
its place.
"""

from playground.world.scene import Scene

WORN_PAIRS = (
    ("fox", "astronaut"),
    ("owl", "astronaut"),
    ("penguin", "crown"),
    ("panda", "top hat"),
    ("frog", "sunglasses"),
    ("robot", "bow"),
    ("bear", "cap"),
    ("ghost", "crown"),
)
SHAPE_PAIRS = (
    ("star", "red"),
    ("heart", "blue"),
    ("triangle", "green"),
    ("circle", "pink"),
    ("diamond", "orange"),
    ("square", "purple"),
)
NOUN_PAIRS = (
    ("cat", "rocket"),
    ("dog", "pizza"),
    ("panda", "cake"),
    ("rabbit", "guitar"),
    ("lion", "frog"),
    ("penguin", "tree"),
    ("koala", "car"),
    ("castle", "banana"),
)
PLACE_PAIRS = (
    ("octopus", "snow"),
    ("cactus", "beach"),
    ("unicorn", "night sky"),
    ("robot", "grass"),
)
HELD_OUT = frozenset(
    frozenset(pair) for pair in (*WORN_PAIRS, *SHAPE_PAIRS, *NOUN_PAIRS, *PLACE_PAIRS)
)


def pairs(scene: Scene) -> set[frozenset[str]]:
    """Every combination that the scene shows, as unordered pairs of names."""
    found = set()
    for i, item in enumerate(scene.items):
        attributes = (item.color, item.worn, scene.place)
        found |= {frozenset((item.noun, other)) for other in attributes if other}
        found |= {frozenset((item.noun, other.noun)) for other in scene.items[i + 1 :]}
    return found


def is_held_out(scene: Scene) -> bool:
    return not HELD_OUT.isdisjoint(pairs(scene))
