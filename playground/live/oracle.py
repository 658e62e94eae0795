"""The oracle for the browser: its reading as a graph, and the words of its world as plain values.

js/world reads prompts and says verdicts by these words, as world/asked.py and world/verdict.py do.
"""

import torch

from playground.engine.backends.exported import graph_of
from playground.live.graphs import halved
from playground.world import asked, measures, oracle, spelling
from playground.world.scene import GRID, SIDE
from playground.world.vocabulary import (
    COLORS,
    COSTUME,
    NOUNS,
    PLACES,
    SHAPES,
    WEARABLE,
    with_article,
)  # fmt: skip


def graph() -> bytes:
    """Pictures uint8 [rows, 128, 128, 3] → what `world.oracle.Reading` reads in them."""
    images = torch.zeros(2, SIDE, SIDE, 3, dtype=torch.uint8)
    reading = oracle.Reading(oracle.load()).eval()
    with torch.no_grad():
        outputs = list(reading(images))
    # Normalisation that is folded into convolutions gives weights that are no float16 numbers.
    kept = torch.onnx.TrainingMode.PRESERVE
    return halved(graph_of(reading, (images,), ("images",), outputs, training=kept))


def words() -> dict:
    """All tables by which a prompt is read and a verdict is said."""
    return {
        "spelling": {spelling.INVISIBLE: "", spelling.COMMAS: ","} | spelling.DIGITS,
        "place": asked.PLACE.pattern,
        "token": asked.TOKEN.pattern,
        "named": asked.NAMED,
        "counts": asked.COUNTS,
        "relations": asked.RELATIONS,
        "opposite": asked.OPPOSITE,
        "links": list(asked.LINKS),
        "shapes": list(SHAPES),
        "costume": COSTUME,
        "worn": {worn.name: worn.phrase for worn in WEARABLE.values()},
        "wearers": [noun.name for noun in NOUNS.values() if noun.wears],
        "many": {name: many for many, name in asked.NAMED.items() if many != name},
        "articled": {word: with_article(word) for word in (*COLORS, COSTUME, *asked.NAMED)},
        "places": {
            place.name: {"phrase": place.phrases[0], "alone": place.alone}
            for place in PLACES.values()
        },
        "read": {
            "noun": oracle.NOUN_NAMES,
            "color": oracle.COLOR_NAMES,
            "worn": oracle.WORN_NAMES,
            "place": oracle.PLACE_NAMES,
        },
        "grid": GRID,
        "side": SIDE,
        "reasons": {"words": measures.NO_WORDS, "size": measures.OTHER_SIZE},
    }
