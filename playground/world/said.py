"""What a caption of the grammar says, apart from how it says it."""

import re
from dataclasses import dataclass, replace

from playground.world.asked import RELATIONS
from playground.world.scene import Caption


@dataclass(frozen=True)
class Thing:
    """One named thing with the words it was named by; what is "" was not said."""

    items: tuple[int, ...]
    noun: str = ""
    count: str = ""
    size: str = ""
    color: str = ""
    worn: str = ""


@dataclass(frozen=True)
class Said:
    """Things in their order; `relation` is between two of them, "" if it is only "and"."""

    things: tuple[Thing, ...] = ()
    relation: str = ""
    place: str = ""


def parse(caption: Caption) -> Said:
    """The content of a caption that the grammar or a composition made."""
    things: dict[tuple[int, ...], Thing] = {}
    place, ends, starts = "", {}, {}
    for span in caption.spans:
        word = caption.text[span.start : span.end]
        if span.kind == "place":
            place = word
            continue
        thing = things.get(span.items, Thing(span.items))
        things[span.items] = replace(thing, **{span.kind: word})
        starts.setdefault(span.items, span.start)
        ends[span.items] = span.end
    relation = ""
    if len(things) == 2:
        first, second = things
        between = caption.text[ends[first] : starts[second]]
        relation = next((r for r in RELATIONS if re.search(rf"\b{r}\b", between)), "")
    return Said(tuple(things.values()), relation, place)
